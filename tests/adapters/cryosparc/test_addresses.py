"""Addresses and job names as they are pasted."""

import pytest

from gem_plugin.adapters.cryosparc.addresses import find_place, name_in_project, read_address, read_job_name
from gem_plugin.errors import InputError


@pytest.mark.parametrize(
    ("text", "base_url", "numbers"),
    [
        ("http://em1:39000/browse/P3-W1-J42", "http://em1:39000", ("P3", "W1", "J42")),
        ("http://em1:39000/browse/P3-W1-J*", "http://em1:39000", ("P3", "W1", None)),
        ("http://em1:39000/browse/P3-W1-J*#job(P3-J42)", "http://em1:39000", ("P3", "W1", None)),
        ("http://em1:39000/", "http://em1:39000", (None, None, None)),
        ("https://lab.example.org/app/", "https://lab.example.org/app", (None, None, None)),
        ("https://lab/app/browse/P12-W3-J4?x=1", "https://lab/app", ("P12", "W3", "J4")),
        ("https://lab", "https://lab", (None, None, None)),
        ("http://em1", "http://em1", (None, None, None)),
        ("em1", "http://em1:39000", (None, None, None)),
        ("em1.lab.example.org:45000", "http://em1.lab.example.org:45000", (None, None, None)),
        ("em1:39000/browse/P3", "http://em1:39000", ("P3", None, None)),
        ("192.168.1.7", "http://192.168.1.7:39000", (None, None, None)),
        ("2001:db8::7", "http://[2001:db8::7]:39000", (None, None, None)),
        ("::1", "http://[::1]:39000", (None, None, None)),
        ("[::1]:45000", "http://[::1]:45000", (None, None, None)),
        ("[2001:db8::7]", "http://[2001:db8::7]:39000", (None, None, None)),
        ("http://[2001:db8::7]:39000/browse/P3-W1-J2", "http://[2001:db8::7]:39000", ("P3", "W1", "J2")),
    ],
)
def test_addresses_are_understood(text: str, base_url: str, numbers: tuple[str | None, ...]) -> None:
    address = read_address(text)
    assert address.base_url == base_url
    assert (address.project, address.workspace, address.job) == numbers


def test_hosts_of_ipv6_keep_their_brackets() -> None:
    assert (read_address("::1").host, read_address("::1").port) == ("[::1]", 39000)
    assert read_address("https://lab/app/").without_folder == "https://lab"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not an address of a CryoSPARC server"),
        ("ftp://em1", "is not an address of a CryoSPARC server"),
        ("http://em1:port", "is not an address"),
        ("http://me:secret@em1:39000", "Leave it out of the address"),
    ],
)
def test_what_is_no_address_is_refused_without_repeating_secrets(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as raised:
        read_address(text)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "name", "project"),
    [
        ("J42", "J42", None),
        (" j42 ", "J42", None),
        ("J61.particles_class_2", "J61.particles_class_2", None),
        ("P3-J42", "J42", "P3"),
        ("P3-W1-J42.split_0", "J42.split_0", "P3"),
        ("http://em1:39000/browse/P3-W1-J42", "J42", "P3"),
        ("http://em1:39000/browse/P3-W1-J42.volume", "J42.volume", "P3"),
    ],
)
def test_names_of_jobs_are_understood(text: str, name: str, project: str | None) -> None:
    found = read_job_name(text)
    assert (str(found), found.project) == (name, project)


@pytest.mark.parametrize("text", ["42", "J", "J42/particles", "W1", "http://em1:39000/browse/P3-W1"])
def test_what_names_no_job_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="job"):
        read_job_name(text)


def test_a_job_of_another_project_is_refused() -> None:
    assert name_in_project("P3-J42.particles", "P3") == "J42.particles"
    with pytest.raises(InputError, match="P4-J42 is in project P4, the new job in P3"):
        name_in_project("P4-J42", "P3")


def test_project_and_workspace_come_from_options_address_or_jobs() -> None:
    url = "http://em1:39000/browse/P3-W1-J42"
    assert find_place("p5", "W2", None, ["J42"]) == ("P5", "W2")
    assert find_place(None, None, url, ["J42"]) == ("P3", "W1")
    assert find_place(None, "W9", url, []) == ("P3", "W9")
    assert find_place(None, None, None, ["P7-W4-J42"]) == ("P7", "W4")
    assert find_place(url, url, None, []) == ("P3", "W1")
    with pytest.raises(InputError, match="The workspace of the new job is not known"):
        find_place("P3", None, None, ["P3-J42"])
    with pytest.raises(InputError, match="--project is P4, but --url is an address in P3"):
        find_place("P4", "W1", url, [])
    with pytest.raises(InputError, match="--project is 'three'"):
        find_place("three", "W1", None, [])
