"""The log of a CryoSPARC job: loops and clocks as one line in place, nothing about what was quick."""

import io
import time
from pathlib import Path

import pytest

from gem_plugin.adapters.cryosparc import progress as cryosparc_progress
from gem_plugin.adapters.cryosparc.progress import CryosparcProgress
from gem_plugin.io.run.files import RunFiles


class FakeJob:
    """Remembers what it was told to show."""

    is_generation_5 = True

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.in_place: list[tuple[str, str]] = []

    def log(self, text: str, level: str, patience_in_seconds: float) -> None:
        self.lines.append(text)

    def log_in_place(self, name: str, text: str, patience_in_seconds: float) -> None:
        self.in_place.append((name, text))


@pytest.fixture
def job() -> FakeJob:
    return FakeJob()


def progress_of(job: FakeJob, folder: Path, log: io.StringIO) -> CryosparcProgress:
    return CryosparcProgress(RunFiles(folder), job, lambda: None, stream=log)  # type: ignore[arg-type]


def test_what_is_quick_is_told_in_the_local_log_only(job: FakeJob, tmp_path: Path) -> None:
    log = io.StringIO()
    progress = progress_of(job, tmp_path, log)
    with progress.waiting("UMAP"):
        time.sleep(0.15)
    list(progress.track(range(3), "maps", unit="map"))
    progress.say("done")
    progress.sender.end()
    assert log.getvalue().splitlines() == ["UMAP: 0.2 s", "maps: 3 maps in 0.0 s", "done"]
    assert (job.lines, job.in_place) == (["done"], [])


def test_a_long_piece_has_one_line_in_place_with_the_time(
    job: FakeJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cryosparc_progress, "SECONDS_BETWEEN_LINES", {5: 0.05, 4: 0.05})
    monkeypatch.setattr(cryosparc_progress, "MINIMUM_SECONDS_FOR_A_LINE", 0.05)
    progress = progress_of(job, tmp_path, io.StringIO())
    with progress.waiting("UMAP"):
        time.sleep(0.3)
        for _ in progress.track(range(4), "UMAP epochs", unit="epoch"):
            time.sleep(0.1)
    progress.sender.end()
    names = [name for name, _ in job.in_place]
    assert job.lines == []
    assert set(names) == {"UMAP", "UMAP epochs"}
    assert names[0] == "UMAP"
    assert job.in_place[0][1] == "UMAP: 00:00 so far"
    epochs = [text for name, text in job.in_place if name == "UMAP epochs"]
    assert any("2/4 [00:00<00:00, " in text for text in epochs)
    first, last = names.index("UMAP epochs"), len(names) - 1 - names[::-1].index("UMAP epochs")
    during = names[first : last + 1]
    assert "UMAP" not in during, "the clock is silent while a loop tells the time left"
    assert job.in_place[-1][1].startswith("UMAP in 0.")
