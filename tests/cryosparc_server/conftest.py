"""A loopback instance for every test, in the form that the installed cryosparc-tools speaks."""

import gc
import os
import warnings
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import pytest

from cryosparc_server.commands import N_PARTICLES
from cryosparc_server.fake_clock import FakeClock
from cryosparc_server.fake_steps import fake_run_steps
from cryosparc_server.http_server import LoopbackServer
from cryosparc_server.instance import EMAIL, LICENSE, PASSWORD, Instance
from cryosparc_server.tiny_project import add_tiny_refinement
from gem_plugin.adapters.cryosparc import log_sender, retries, surface_pictures
from gem_plugin.adapters.cryosparc import progress as cryosparc_progress
from gem_plugin.adapters.cryosparc import running_job as cryosparc_session
from gem_plugin.adapters.cryosparc import work as cryosparc_work

os.environ.setdefault("CRYOSPARC_COMMAND_RETRY_SECONDS", "0")  # 4.7 reads it at import, and waits 30 s else
try:
    GENERATION = int(version("cryosparc-tools").split(".")[0])
except PackageNotFoundError:
    GENERATION = 0  # every test module then skips itself
VARIABLES = ("BASE_URL", "MASTER_HOSTNAME", "BASE_PORT", "EMAIL", "PASSWORD", "LICENSE_ID")


@pytest.fixture
def instance(tmp_path: Path) -> Instance:
    """Project P3 with workspace W1 and no jobs."""
    return Instance(tmp_path / "project")


@pytest.fixture
def clock() -> FakeClock:
    """The time of the calls: pauses end at once, and are counted."""
    return FakeClock()


@pytest.fixture
def server(
    instance: Instance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: FakeClock
) -> Iterator[LoopbackServer]:
    """The instance on 127.0.0.1, with credentials in the environment and a working folder of its own."""
    if GENERATION >= 5:
        from cryosparc_server.http_5 import Server5 as Server
    else:
        from cryosparc_server.http_4 import Server4 as Server  # type: ignore[assignment]
    running = Server(instance)
    for name in VARIABLES:
        monkeypatch.delenv(f"CRYOSPARC_{name}", raising=False)
    monkeypatch.setenv("CRYOSPARC_BASE_URL", running.url)
    monkeypatch.setenv("CRYOSPARC_EMAIL", EMAIL)
    monkeypatch.setenv("CRYOSPARC_PASSWORD", PASSWORD)
    monkeypatch.setenv("CRYOSPARC_LICENSE_ID", LICENSE)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))  # no saved login of the machine
    monkeypatch.setattr(retries, "USUAL_CLOCK", clock.as_clock())
    monkeypatch.setattr(log_sender, "PAUSES_IN_SECONDS", (0.01, 0.02, 0.05))
    monkeypatch.setattr(cryosparc_session, "SECONDS_BETWEEN_STATUS_LOOKS", 0.05)
    monkeypatch.setattr(cryosparc_progress, "SECONDS_BETWEEN_LINES", {5: 0.0, 4: 0.0})
    monkeypatch.setattr(surface_pictures, "GRID", 20)  # quick: what the pictures show has tests of its own
    monkeypatch.setattr(surface_pictures, "HEIGHT_IN_PIXELS", 40)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    yield running
    running.close()
    with warnings.catch_warnings():  # what a client that could not log in left open is not ours to close
        warnings.simplefilter("ignore")
        gc.collect()


@pytest.fixture
def rows(server: LoopbackServer, instance: Instance, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """The rows of the finished refinement J42; the steps leave their files without doing the work."""
    monkeypatch.setattr(cryosparc_work, "run_steps", fake_run_steps)
    return add_tiny_refinement(instance, n_particles=N_PARTICLES)
