"""Reconstructing a selection: the machinery of reconstruct, one at a time, stopped without a trace, nothing overwritten."""

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from explorer_run import N_PARTICLES
from page_actions import wait_until
from served_explorer import Explorer
from small_star_run import write_run

from gem_plugin.errors import InputError, RunError
from gem_plugin.explorer import reconstruction
from gem_plugin.explorer.job_list import JobList
from gem_plugin.explorer.reconstruction import Reconstructions, prepared_selection
from gem_plugin.explorer.saved_names import NameTakenError
from gem_plugin.io.mrc.maps import read_map
from gem_plugin.io.run.reconstruct_files import ReconstructFiles
from gem_plugin.particles.prepared import load_prepared
from gem_plugin.progress import Progress
from gem_plugin.steps.reconstruct.half_maps import back_project, half_sets_of


@pytest.fixture
def jobs(explorer: Explorer) -> Iterator[Reconstructions]:
    opened = Reconstructions(explorer.run, JobList(explorer.run))
    yield opened
    opened.close()


def finished(jobs: Reconstructions) -> str:
    wait_until(lambda: jobs.state()["state"] != "running")
    return str(jobs.state()["state"])


def test_half_maps_are_those_of_the_selected_images(jobs: Reconstructions, explorer: Explorer) -> None:
    rows = np.arange(10, 130)
    jobs.start("some", rows)
    assert finished(jobs) == "done", jobs.state()
    files = ReconstructFiles(explorer.run.explore.reconstruction("some"))
    prepared = load_prepared(explorer.run)
    both = back_project(
        prepared, rows, half_sets_of(prepared, 0), torch.device("cpu"), Progress(), "the same by hand"
    )
    for half in (1, 2):
        written = read_map(files.half_map("selection", half)).volume
        np.testing.assert_allclose(written, both.volume(half - 1).numpy(), atol=1e-5)
    state, numbers = jobs.state(), jobs.summary("some")
    assert state["fraction"] == 1.0
    assert (numbers["particles"], numbers["half_1"], numbers["half_2"]) == (120, 60, 60)
    assert 0 < numbers["resolution_in_angstroms"] == state["resolution_in_angstroms"]
    assert np.loadtxt(files.root / "rows.txt").astype(int).tolist() == rows.tolist()
    assert "some" in state["names"]


def test_nothing_is_overwritten_unless_asked(jobs: Reconstructions) -> None:
    jobs.start("twice", np.arange(20))
    assert finished(jobs) == "done"
    with pytest.raises(NameTakenError, match=r"would be lost\. Save as twice-2"):
        jobs.start("twice", np.arange(30))
    assert jobs.summary("twice")["particles"] == 20
    jobs.start("twice", np.arange(30), overwrite=True)
    assert finished(jobs) == "done"
    assert jobs.summary("twice")["particles"] == 30


def test_one_at_a_time_and_a_stopped_one_leaves_nothing(
    jobs: Reconstructions, explorer: Explorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_go_on = threading.Event()
    real = reconstruction.back_project

    def waiting(*given, **more):  # type: ignore[no-untyped-def]
        may_go_on.wait(20)
        return real(*given, **more)

    monkeypatch.setattr(reconstruction, "back_project", waiting)
    jobs.start("first", np.arange(50))
    assert jobs.state()["state"] == "running"
    with pytest.raises(RunError, match="The reconstruction first is still running"):
        jobs.start("second", np.arange(50))
    jobs.stop()
    may_go_on.set()
    assert finished(jobs) == "stopped"
    assert not list(explorer.run.explore.reconstructions.glob("*first*"))
    jobs.start("third", np.arange(50))
    assert finished(jobs) == "done", "after one that was stopped the next can run"


def test_a_failure_is_a_sentence(jobs: Reconstructions, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **more: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(reconstruction, "back_project", fail)
    jobs.start("failing", np.arange(50))
    assert finished(jobs) == "failed"
    assert "no space left" in jobs.state()["words"]
    assert "failing" not in jobs.names()


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([], "Nothing is selected"),
        ([N_PARTICLES], "the run has 300 particles"),
        ([4], "The only selected particle is in one half-set"),
        ([2, 4, 6], "All 3 selected particles are in one half-set"),
    ],
)
def test_what_cannot_be_reconstructed_is_refused_before_any_work(
    jobs: Reconstructions, rows: list[int], reason: str
) -> None:
    with pytest.raises(InputError, match=reason):
        jobs.start("never", np.array(rows, np.uint32))
    assert jobs.state()["state"] == "none"


def test_without_images_it_says_what_is_missing(tmp_path: Path) -> None:
    run, _ = write_run(tmp_path, 12)
    with pytest.raises(InputError, match=r"particles.mrcs is missing: without the particle images"):
        prepared_selection(run, np.arange(4))


def test_names_that_are_not_there_are_refused(jobs: Reconstructions) -> None:
    with pytest.raises(InputError, match="There is no reconstruction absent"):
        jobs.summary("absent")
    with pytest.raises(InputError, match="cannot be used"):
        jobs.start("../out", np.arange(50))
