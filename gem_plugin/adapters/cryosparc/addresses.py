"""Addresses and job names as people paste them: what the browser shows, a bare host, P3-J42; nothing is asked of a server here."""

import contextlib
import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from gem_plugin.errors import InputError

DEFAULT_BASE_PORT = 39000
NUMBERS = re.compile(r"^(P\d+)(?:-(W\d+))?(?:-(J\d+|J\*))?$", re.IGNORECASE)
JOB_NAME = re.compile(r"^(?:(P\d+)[-_/])?(?:(W\d+)[-_/])?(J\d+)(?:\.(\w+))?$", re.IGNORECASE)
PAGES = ("browse", "projects", "workspaces", "jobs", "dashboard", "login", "queue", "resources", "live")
HOW_TO_WRITE = "Give what the browser shows, such as http://HOST:39000 or http://HOST:39000/browse/P3-W1-J42."


@dataclass(frozen=True)
class Address:
    """Where CryoSPARC is, and what the address points to there."""

    base_url: str  # http://em1:39000; https://lab/app, where a web server passes a folder on to CryoSPARC
    project: str | None = None  # "P3"
    workspace: str | None = None  # "W1"
    job: str | None = None  # "J42"

    @property
    def host(self) -> str:
        """The host; of IPv6 with its brackets."""
        host = urlsplit(self.base_url).hostname or ""
        return f"[{host}]" if ":" in host else host

    @property
    def port(self) -> int | None:
        return urlsplit(self.base_url).port

    @property
    def without_folder(self) -> str:
        """The address without the folder behind the host."""
        parts = urlsplit(self.base_url)
        return f"{parts.scheme}://{parts.netloc}"


def read_address(text: str) -> Address:
    """Take an address apart; a host without a port has CryoSPARC's usual one, an address of the browser is taken as it is."""
    text = text.strip()
    parts = _split(text)
    segments = [part for part in parts.path.split("/") if part]
    if parts.fragment.startswith("/"):
        segments += [part for part in parts.fragment.split("/") if part]
    page = next((number for number, one in enumerate(segments) if _is_page(one)), len(segments))
    folder = "/".join(segments[:page])
    found = next((match for one in segments[page:] if (match := NUMBERS.match(one))), None)
    numbers = [one.upper() if one else None for one in found.groups()] if found else [None, None, None]
    job = None if numbers[2] == "J*" else numbers[2]
    base = f"{parts.scheme}://{parts.netloc}" + (f"/{folder}" if folder else "")
    return Address(base, numbers[0], numbers[1], job)


def _split(text: str) -> SplitResult:
    """The parts of an address; http and the usual port where the text has neither."""
    is_complete = "://" in text
    with contextlib.suppress(ValueError):  # a bare one is nothing but colons
        text = f"[{ipaddress.IPv6Address(text.partition('%')[0])}]"
    try:
        parts = urlsplit(text if is_complete else f"http://{text}")
        port = parts.port
    except ValueError as error:
        raise InputError(f"{text!r} is not an address ({error}). {HOW_TO_WRITE}") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or " " in text:
        raise InputError(f"{text!r} is not an address of a CryoSPARC server. {HOW_TO_WRITE}")
    if parts.username is not None:
        raise InputError(
            "The address holds a user name or password, which would be shown in logs. Leave it out of the address, and "
            "log in with `python -m cryosparc.tools login` or with CRYOSPARC_EMAIL and CRYOSPARC_PASSWORD."
        )
    if not is_complete and port is None:
        parts = parts._replace(netloc=f"{parts.netloc}:{DEFAULT_BASE_PORT}")
    return parts


def _is_page(segment: str) -> bool:
    return segment.lower() in PAGES or NUMBERS.match(segment) is not None


@dataclass(frozen=True)
class JobName:
    """A job, or one output of it, as --particles names it."""

    job: str  # "J42"
    output: str  # "particles_class_2"; "" for the usual one
    project: str | None  # "P3", where it was written with it
    workspace: str | None = None  # "W1", the same

    def __str__(self) -> str:
        return f"{self.job}.{self.output}" if self.output else self.job


def read_job_name(text: str) -> JobName:
    """J42, J42.particles_class_2, P3-J42, P3-W1-J42.volume, or the address of a job."""
    text = text.strip()
    if "://" in text:
        address_text, output = _with_output(text)
        address = read_address(address_text)
        if address.job is None:
            raise InputError(f"{text!r} is not the address of one job. Name the job, such as J42.")
        return JobName(address.job, output, address.project, address.workspace)
    found = JOB_NAME.match(text)
    if found is None:
        raise InputError(
            f"{text!r} is not the name of a CryoSPARC job; expected J42, J42.particles_class_2 or P3-J42."
        )
    project, workspace = (found[number].upper() if found[number] else None for number in (1, 2))
    return JobName(found[3].upper(), found[4] or "", project, workspace)


def _with_output(text: str) -> tuple[str, str]:
    found = re.match(r"^(.*J\d+)\.(\w+)$", text)
    return (found[1], found[2]) if found else (text, "")


def name_in_project(text: str, project: str) -> str:
    """The name as "J42" or "J42.particles"; InputError where it names another project."""
    name = read_job_name(text)
    if name.project is not None and name.project != project:
        raise InputError(
            f"{text} is in project {name.project}, the new job in {project}. CryoSPARC connects jobs of one project only: "
            f"give --project {name.project}, or a job of {project}."
        )
    return str(name)


def find_place(
    project: str | None,  # as they were given
    workspace: str | None,
    url: str | None,
    job_names: Sequence[str],  # of the inputs, which may hold them too
) -> tuple[str, str]:
    """Project and workspace of the new job: as given, else those of the address, else those of the first job that names them."""
    address = read_address(url) if url else None
    names = [read_job_name(one) for one in job_names]
    found = []
    for what, given, others in (
        ("project", project, [address and address.project, *(one.project for one in names)]),
        ("workspace", workspace, [address and address.workspace, *(one.workspace for one in names)]),
    ):
        letter = what[0].upper()
        chosen = _number(given, letter, what) if given else next((one for one in others if one), None)
        if chosen is None:
            raise InputError(
                f"The {what} of the new job is not known. Give --{what}, such as {letter}3, or the address of a job: "
                "--url http://HOST:39000/browse/P3-W1-J42."
            )
        if what == "project" and address is not None and address.project not in (None, chosen):
            raise InputError(
                f"--project is {chosen}, but --url is an address in {address.project}. Give one of the two."
            )
        found.append(chosen)
    return found[0], found[1]


def _number(text: str, letter: str, what: str) -> str:
    """P3 of P3, p3 or the address of a page of the project."""
    text = text.strip()
    if "://" in text:
        address = read_address(text)
        text = (address.project if letter == "P" else address.workspace) or text
    if not re.fullmatch(rf"{letter}\d+", text, re.IGNORECASE):
        raise InputError(f"--{what} is {text!r}; expected its number, such as {letter}3.")
    return text.upper()
