"""Addresses as people have them, against servers: understood, or refused with what to do."""

import random
import re
import ssl
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cryosparc_server.commands import INPUTS, newest
from cryosparc_server.conftest import GENERATION
from cryosparc_server.faults import IGNORED_WARNINGS
from cryosparc_server.http_server import Answer, LoopbackServer, Request, json_answer
from cryosparc_server.instance import Instance, ServerError
from gem_plugin.adapters.cryosparc import client
from gem_plugin.adapters.cryosparc.client import connect_to_cryosparc
from gem_plugin.adapters.cryosparc.commands import run_command
from gem_plugin.errors import GemError, InputError

pytest.importorskip("cryosparc.tools", reason="cryosparc-tools is absent (pip install 'gem-em[cryosparc]')")

pytestmark = IGNORED_WARNINGS
only_5 = pytest.mark.skipif(GENERATION < 5, reason="4.7 is reached at host and port only")


class PageServer(LoopbackServer):
    """Answers everything in one way."""

    def __init__(self, port: int, answer: Answer) -> None:
        self.same_answer = answer
        super().__init__(port)

    def operation_of(self, request: Request) -> str:
        return "page"

    def answer(self, operation: str, request: Request) -> Answer:
        return self.same_answer


@pytest.fixture
def pages() -> Iterator[Callable[..., int]]:
    """Starts page servers at the distances of the services from one base port; gives that port."""
    running: list[PageServer] = []

    def start(answers: dict[int, Answer]) -> int:
        for _ in range(50):
            base = random.randrange(20000, 60000)
            try:
                for distance, answer in answers.items():
                    running.append(PageServer(base + distance, answer))
                return base
            except OSError:
                continue
        raise AssertionError("no free ports")

    yield start
    for server in running:
        server.close()


def connects(url: str) -> str:
    """The address at which the login succeeded."""
    connection = connect_to_cryosparc(url, 20)
    connection.close()
    return connection.url


def test_the_address_of_a_job_gives_project_and_workspace(rows, server: LoopbackServer, instance: Instance):
    url = f"{server.url}/browse/P3-W1-J42"  # type: ignore[attr-defined]
    assert run_command("train", ["--url", url, "--particles", url, "--volume", "P3-J42"]) == 0
    job = newest(instance)
    assert job.statuses == ["running", "completed"]
    assert job.inputs["particles"].connections == [("J42", "particles")]


def test_a_job_of_another_project_is_refused_before_anything_is_made(rows, instance: Instance, capsys):
    arguments = ["--project", "P3", "--workspace", "W1", "--particles", "P4-J42", "--volume", "J42"]
    assert run_command("train", arguments) == 2
    assert "P4-J42 is in project P4, the new job in P3" in capsys.readouterr().err
    assert list(instance.jobs) == ["J7", "J42"]


def test_a_missing_workspace_is_one_sentence(rows, capsys):
    assert run_command("train", ["--project", "P3", *INPUTS]) == 2
    assert "The workspace of the new job is not known. Give --workspace" in capsys.readouterr().err


def test_pasted_addresses_reach_the_server(server: LoopbackServer):
    bare = server.url.removeprefix("http://")  # type: ignore[attr-defined]
    for text in (bare, f"{bare}/", f"http://{bare}/browse/P3-W1-J*", f"http://{bare}/app/"):
        assert connects(text) == f"http://{bare}"


@only_5
def test_a_folder_of_a_web_server_before_cryosparc_is_kept(server: LoopbackServer):
    original = server.operation_of

    def operation_of(request: Request) -> str:
        if not request.path.startswith("/app/"):
            raise ServerError(404, "only what is below /app is passed on")
        return "openapi" if request.path == "/app/api/cmd/openapi.json" else original(request)

    server.operation_of = operation_of  # type: ignore[method-assign]
    server.patterns = [  # type: ignore[attr-defined]
        (entry, re.compile(pattern.pattern.replace("^/api", "^/app/api")))
        for entry, pattern in server.patterns  # type: ignore[attr-defined]
    ]
    url = f"{server.url}/app"  # type: ignore[attr-defined]
    assert connects(f"{url}/") == url
    assert connects(f"{url}/browse/P3-W1-J42") == url


@only_5
def test_a_server_of_4_is_recognised_by_the_client_of_5(server: LoopbackServer, pages):
    html, refused = Answer(b"<html></html>", "text/html"), json_answer({"error": "no license"}, 401)
    port = pages({0: html, 2: refused})
    expected = rf"127.0.0.1:{port} is CryoSPARC 4, .* pip install 'cryosparc-tools~=4\.7\.0'"
    with pytest.raises(InputError, match=expected):
        connects(f"http://127.0.0.1:{port}")


@only_5
@pytest.mark.parametrize(
    "answer", [Answer(b"<html></html>", "text/html"), json_answer({"detail": "no"}, 404)]
)
def test_another_web_page_is_said_to_be_none_of_cryosparc(server: LoopbackServer, pages, answer: Answer):
    with pytest.raises(InputError, match="answers, but not as CryoSPARC 5 does"):
        connects(f"http://127.0.0.1:{pages({0: answer})}/app/")


@pytest.mark.skipif(GENERATION >= 5, reason="for the client of 4.7")
def test_a_server_of_5_is_recognised_by_the_client_of_4(server: LoopbackServer, pages):
    port = pages({0: json_answer({"info": {}, "paths": {}, "components": {}})})
    expected = rf"127.0.0.1:{port} is CryoSPARC 5, .* pip install 'cryosparc-tools~=5\.0\.0'"
    with pytest.raises(InputError, match=expected):
        connects(f"http://127.0.0.1:{port}")


def test_an_unknown_host_is_said_at_once(server: LoopbackServer, clock):
    with pytest.raises(InputError, match=r"The host of http://em1\.invalid:39000 is not known"):
        connects("em1.invalid")
    assert clock.seconds == 0


def test_a_server_that_is_away_at_the_login_is_waited_for_a_minute(server: LoopbackServer, clock):
    server.close()
    with pytest.raises(GemError, match="while logging in to CryoSPARC"):
        connects(server.url)  # type: ignore[attr-defined]
    assert 60 <= clock.seconds < 120


@only_5
def test_a_certificate_of_ones_own_is_explained_and_can_be_trusted(
    server: LoopbackServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock
):
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=localhost",
    ]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=60)
    except FileNotFoundError:
        pytest.skip("openssl is absent, which makes the certificate")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server._server.socket = context.wrap_socket(server._server.socket, server_side=True)
    server._server.handle_error = lambda *arguments: None  # type: ignore[method-assign]
    url = f"https://127.0.0.1:{server.port}"
    with pytest.raises(
        GemError, match=r"certificate of CryoSPARC is not trusted.*set SSL_CERT_FILE to the \.pem file"
    ):
        connects(url)
    assert clock.seconds == 0
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert connects(url) == url


def test_ipv6_reaches_the_client_with_brackets(server: LoopbackServer, monkeypatch: pytest.MonkeyPatch):
    """What the client would be made with; no IPv6 network is needed for that."""
    seen = []

    class FakeClient:
        def __init__(self, **arguments: object) -> None:
            seen.append(arguments)

    monkeypatch.setattr(client, "_installed_client", lambda: (FakeClient, GENERATION))
    connect_to_cryosparc("2001:db8::7", 20)
    if GENERATION >= 5:
        assert seen[0]["base_url"] == "http://[2001:db8::7]:39000"
    else:
        assert (seen[0]["host"], seen[0]["base_port"]) == ("[2001:db8::7]", 39000)
