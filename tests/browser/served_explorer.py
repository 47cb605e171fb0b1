"""Serves a run for the tests, and opens a real browser where there is one."""

import http.client
import json
import shutil
import struct
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from gem_plugin.explorer.command import HOST, listen
from gem_plugin.explorer.opened_run import OpenedRun
from gem_plugin.explorer.routes import create_app
from gem_plugin.io.run.files import RunFiles

TOKEN = "a-token-for-the-tests"
BROWSER_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--window-size=1500,1000",
    "--disable-background-networking",
)


@dataclass(frozen=True)
class Explorer:
    """A served run."""

    run: RunFiles
    port: int
    token: str = TOKEN

    @property
    def address(self) -> str:
        return f"http://{HOST}:{self.port}/?token={self.token}&walk=off"

    def ask(
        self, path: str, body: Any = None, headers: dict[str, str] | None = None, with_token: bool = True
    ) -> tuple[int, bytes]:
        """Status and content of an answer; a body makes it a POST."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=60)
        sent = {"X-Gem-Token": self.token} if with_token else {}
        content = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        connection.request("GET" if body is None else "POST", path, content, {**sent, **(headers or {})})
        answer = connection.getresponse()
        result = answer.status, answer.read()
        connection.close()
        return result

    def ask_json(self, path: str, body: Any = None) -> Any:
        status, content = self.ask(path, body)
        assert status == 200, content
        return json.loads(content)

    def ask_packed(self, path: str, body: Any = None) -> tuple[dict[str, Any], bytes]:
        status, content = self.ask(path, body)
        assert status == 200, content
        (length,) = struct.unpack("<I", content[:4])
        return json.loads(content[4 : 4 + length]), content[4 + length :]


def serve(run: RunFiles, table: Path | None = None, port: int = 0, token: str = TOKEN) -> Iterator[Explorer]:
    """Serve a run, with the user's own table if there is one, until the test is over."""
    listener = listen(port)
    server = uvicorn.Server(uvicorn.Config(create_app(OpenedRun(run, table), token), log_level="error"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield Explorer(run, listener.getsockname()[1], token)
    server.should_exit = True
    thread.join(timeout=20)
    listener.close()


def open_browser(*more_flags: str) -> Iterator[Any]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip("Chromium or its driver is absent (Debian: apt-get install chromium chromium-driver)")
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in (*BROWSER_FLAGS, *more_flags):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    opened = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    yield opened
    opened.quit()


def files_below(folder: Path) -> set[str]:
    """Every file, to see what was written; without baskets and jobs, whose lists are kept without being asked."""
    kept = ("current_work", "job_list", ".current_work", ".job_list")  # and those that are being written
    files = (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(kept))
    return {path.relative_to(folder).as_posix() for path in files}
