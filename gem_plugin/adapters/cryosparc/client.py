"""Logging in to CryoSPARC with cryosparc-tools 4.7 or 5.0, and once more where a login ends before the work does.

Passwords come from the environment or from the saved login; never from the command line, and they are never printed.
"""

import json
import os
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

from gem_plugin.adapters.cryosparc.addresses import HOW_TO_WRITE, Address, read_address
from gem_plugin.adapters.cryosparc.client_errors import (
    HOW_TO_LOG_IN,
    is_about_certificate,
    is_about_connection,
    status_of,
)
from gem_plugin.adapters.cryosparc.other_generation import (
    advice_on_generation,
    is_name_unknown,
    not_cryosparc,
)
from gem_plugin.adapters.cryosparc.retries import PATIENCE_AT_LOGIN_IN_SECONDS, ServerCalls
from gem_plugin.errors import InputError

STATUSES_OF_ANOTHER_PAGE = (404, 405)


@dataclass(frozen=True)
class Connection:
    """A logged-in client, which generation of cryosparc-tools it is, and the way in which its calls are made."""

    client: Any  # cryosparc.tools.CryoSPARC
    generation: int  # 4 or 5
    url: str = ""  # where the server is; never with a password in it
    calls: ServerCalls = field(default_factory=ServerCalls)

    def close(self) -> None:
        """End the connection now; the 5.0 client leaves that to chance."""
        http_client = _http_client(self.client)
        if http_client is not None:
            http_client.close()


def connect_to_cryosparc(url: str | None, timeout_in_seconds: int) -> Connection:
    """Log in with the installed cryosparc-tools. Environment variables are read now, not at import."""
    client_class, generation = _installed_client()
    addresses = _addresses(url, generation)
    doing = f"logging in to CryoSPARC{f' at {addresses[0].base_url}' if url else ''}"

    def log_in() -> tuple[Any, Address]:
        return _first_client(client_class, generation, addresses, timeout_in_seconds)

    client, address = ServerCalls().needed(log_in, doing, PATIENCE_AT_LOGIN_IN_SECONDS)

    def log_in_again() -> None:
        new, _ = _first_client(client_class, generation, [address], timeout_in_seconds)
        _take_over_login(client, new)

    return Connection(client, generation, address.base_url, ServerCalls(log_in_again))


def _installed_client() -> tuple[Any, int]:
    try:
        from cryosparc.tools import CryoSPARC
    except ImportError:  # without cryosparc-tools, `import cryosparc` alone can succeed as an empty folder
        raise InputError(
            "cryosparc-tools is not installed. Install the version of your instance: "
            "pip install 'cryosparc-tools~=5.0.0', or ~=4.7.0 for CryoSPARC 4.7."
        ) from None
    return CryoSPARC, int(version("cryosparc-tools").split(".")[0])


def _addresses(url: str | None, generation: int) -> list[Address]:
    """Where to look, the likeliest first: as given, and without the folder behind the host, which may be of a page."""
    environment = os.environ
    given = url or environment.get("CRYOSPARC_BASE_URL")
    host, port = environment.get("CRYOSPARC_MASTER_HOSTNAME"), environment.get("CRYOSPARC_BASE_PORT")
    if not given and (host or generation < 5):
        given = f"{host or 'localhost'}:{port or 39000}"
    if not given:
        raise InputError(f"No CryoSPARC address: --url and CRYOSPARC_BASE_URL are not set. {HOW_TO_WRITE}")
    address = read_address(given)
    others = [] if address.without_folder == address.base_url else [Address(address.without_folder)]
    return [address, *others] if generation >= 5 else [Address(address.without_folder)]


def _first_client(
    client_class: Any, generation: int, addresses: list[Address], timeout_in_seconds: int
) -> tuple[Any, Address]:
    """A client at the first address where CryoSPARC is."""
    for number, address in enumerate(addresses, 1):
        arguments = _arguments_for_5(address) if generation >= 5 else _arguments_for_4(address)
        try:
            return client_class(**arguments, timeout=timeout_in_seconds), address
        except Exception as error:
            if is_name_unknown(error):
                raise InputError(f"The host of {address.base_url} is not known. {HOW_TO_WRITE}") from error
            is_other = _is_of_another_page(error)
            if (is_other or _has_no_login(error)) and number < len(addresses):
                continue
            if is_other or (generation < 5 and is_about_connection(error)):
                advice = None if is_about_certificate(error) else advice_on_generation(address, generation)
                if advice is not None or is_other:
                    raise InputError(advice or not_cryosparc(address, generation)) from error
            raise
    raise AssertionError("there is at least one address")


def _is_of_another_page(error: BaseException) -> bool:
    """Whether something answered that is not the interface of CryoSPARC 5."""
    if is_about_connection(error):
        return False
    one: BaseException | None = error
    while one is not None:
        if (
            isinstance(one, json.JSONDecodeError | AssertionError)
            or status_of(one) in STATUSES_OF_ANOTHER_PAGE
        ):
            return "license" not in str(one)
        one = one.__cause__ or one.__context__
    return False


def _has_no_login(error: BaseException) -> bool:
    """Whether no saved login is for this address; it may be for the one without the folder."""
    return isinstance(error, ValueError) and "authentication not provided" in str(error)


def _arguments_for_5(address: Address) -> dict[str, Any]:
    email, password = os.environ.get("CRYOSPARC_EMAIL"), os.environ.get("CRYOSPARC_PASSWORD")
    login = {"email": email, "password": password}
    return {"base_url": address.base_url, "host": None, "base_port": None, **login}


def _arguments_for_4(address: Address) -> dict[str, Any]:
    names = {"license": "CRYOSPARC_LICENSE_ID", "email": "CRYOSPARC_EMAIL", "password": "CRYOSPARC_PASSWORD"}
    missing = [variable for variable in names.values() if not os.environ.get(variable)]
    if missing:
        raise InputError(f"No CryoSPARC login: {', '.join(missing)} not set. {HOW_TO_LOG_IN[4]}")
    port = address.port or int(os.environ.get("CRYOSPARC_BASE_PORT") or 39000)
    return {"host": address.host, "base_port": port, **{key: os.environ[name] for key, name in names.items()}}


def _take_over_login(client: Any, new: Any) -> None:
    """Give a client that is in use the login of a new one."""
    old_http, new_http = _http_client(client), _http_client(new)
    if old_http is None or new_http is None:  # 4.7, which sends the license with every call
        client.user_id = new.user_id
        return
    old_http.headers["Authorization"] = new_http.headers["Authorization"]
    new_http.close()


def _http_client(client: Any) -> Any:
    """The HTTP client of cryosparc-tools 5; None for 4.7."""
    return getattr(getattr(client, "api", None), "_client", None)
