"""Recognise a server of the other generation than the installed cryosparc-tools: 4.7 and 5 do not understand each other."""

import http.client
import json
import socket
import ssl
from urllib.parse import urlsplit

from gem_plugin.adapters.cryosparc.addresses import DEFAULT_BASE_PORT, Address

SECONDS_TO_ANSWER = 5.0
DISTANCE_OF_CORE = 2  # of the port of command_core of 4.x from the base port
DESCRIPTION_OF_5 = "/api/cmd/openapi.json"
INSTALL = {4: "pip install 'cryosparc-tools~=4.7.0'", 5: "pip install 'cryosparc-tools~=5.0.0'"}
FAILURES = (OSError, http.client.HTTPException, ValueError)


def advice_on_generation(address: Address, installed: int) -> str | None:
    """What to install where the server is of the other generation; None where it is not, or cannot be asked."""
    port = address.port or DEFAULT_BASE_PORT
    if installed >= 5 and _is_there(address.host, port + DISTANCE_OF_CORE):
        return _sentence(address, "4", installed, INSTALL[4])
    if installed < 5 and _answers_as_5(address):
        return _sentence(address, "5", installed, INSTALL[5])
    return None


def not_cryosparc(address: Address, installed: int) -> str:
    """For a server that answers, but not as the installed cryosparc-tools expects it, and not as the other one either."""
    other = 4 if installed >= 5 else 5
    return (
        f"{address.base_url} answers, but not as CryoSPARC {installed} does. Is it the address that the browser shows? If the server is "
        f"CryoSPARC {other}, install: {INSTALL[other]}."
    )


def _sentence(address: Address, found: str, installed: int, command: str) -> str:
    return (
        f"{address.base_url} is CryoSPARC {found}, the installed cryosparc-tools is for CryoSPARC {installed}. "
        f"Install the one of your instance: {command}."
    )


def _is_there(host: str, port: int) -> bool:
    """Whether a web server answers at all; the one of 4.x answers 401 without a license."""
    connection = http.client.HTTPConnection(host.strip("[]"), port, timeout=SECONDS_TO_ANSWER)
    try:
        connection.request("GET", "/")
        connection.getresponse().read()
        return True
    except FAILURES:
        return False
    finally:
        connection.close()


def _answers_as_5(address: Address) -> bool:
    """Whether the description of the REST interface of 5 is at the base address."""
    parts = urlsplit(address.base_url)
    host, port = parts.hostname or "", parts.port
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        untrusted = ssl._create_unverified_context()  # nothing secret is sent; the login comes later
        connection = http.client.HTTPSConnection(host, port, timeout=SECONDS_TO_ANSWER, context=untrusted)
    else:
        connection = http.client.HTTPConnection(host, port, timeout=SECONDS_TO_ANSWER)
    try:
        connection.request("GET", parts.path.rstrip("/") + DESCRIPTION_OF_5)
        content = json.loads(connection.getresponse().read())
        return isinstance(content, dict) and "paths" in content
    except FAILURES:
        return False
    finally:
        connection.close()


def is_name_unknown(error: BaseException | None) -> bool:
    """Whether the host has no address: a typing error, which waiting does not mend."""
    while error is not None:
        if isinstance(error, socket.gaierror) or "Name or service not known" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False
