"""The preliminary page says which step is running or has stopped; the log ends with one bar."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.preliminary_report import refresh_html
from gem_plugin.io.run.settings import write_step_summary
from gem_plugin.pipeline.page_while_working import said_in_page, say_times
from gem_plugin.progress import Progress
from gem_plugin.reports.training_page import TrainingState, write_training_page

NEW, RESUMED = SimpleNamespace(resume=False), SimpleNamespace(resume=True)


@pytest.fixture
def run(tmp_path: Path) -> RunFiles:
    run = RunFiles(tmp_path)
    write_training_page(run, None, TrainingState("Training is running: epoch 3 of 9 is done."))
    return run


def text_of(run: RunFiles) -> str:
    return run.report.read_text(encoding="utf-8")


def test_the_page_names_the_step_that_is_running_and_the_one_that_has_ended(run: RunFiles) -> None:
    with said_in_page("landscape", run, None):
        assert "Training has ended; landscape is running." in text_of(run)
    assert "landscape has ended." in text_of(run)
    assert refresh_html() in text_of(run)


@pytest.mark.parametrize("error", [ValueError("no <map>\nat all"), KeyboardInterrupt()])
def test_a_step_that_fails_says_so(run: RunFiles, error: BaseException) -> None:
    with pytest.raises(type(error)), said_in_page("analyze", run, None):
        raise error
    words = "no &lt;map&gt; at all" if str(error) else "KeyboardInterrupt"
    assert f"analyze has stopped: {words}" in text_of(run)
    assert refresh_html() not in text_of(run)


def test_a_new_training_drops_the_picture_of_before(run: RunFiles) -> None:
    with said_in_page("train", run, NEW):
        assert not run.report.exists()
    assert not run.report.exists()


@pytest.mark.parametrize("step", ["prepare", "consensus", "train"])
def test_what_replaces_results_keeps_the_picture_until_it_has_ended(run: RunFiles, step: str) -> None:
    run.latents.touch()  # a training that is made again is made aside
    before = text_of(run)
    with pytest.raises(ValueError, match="broken"), said_in_page(step, run, NEW):
        raise ValueError("broken")
    assert text_of(run) == before
    with said_in_page(step, run, NEW):
        assert text_of(run) == before
    assert not run.report.exists()


def test_a_resumed_training_keeps_it(run: RunFiles) -> None:
    with said_in_page("train", run, RESUMED):
        assert "epoch 3 of 9" in text_of(run)


def test_a_final_report_stays_as_it_is(tmp_path: Path) -> None:
    run = RunFiles(tmp_path)
    run.report.write_text("the report")
    for step in ("prepare", "landscape"):
        with pytest.raises(ValueError, match="broken"), said_in_page(step, run, None):
            raise ValueError("broken")
    assert run.report.read_text() == "the report"


def test_the_log_ends_with_a_bar(tmp_path: Path) -> None:
    class Heard(Progress):
        def say(self, message: str) -> None:
            lines.append(message)

    lines: list[str] = []
    run = RunFiles(tmp_path)
    write_step_summary(run, "prepare", {"seconds": 30.0})
    write_step_summary(run, "landscape", {"seconds": 90.0})
    say_times(run, Heard())
    assert lines[0] == "Where the time went, 2 min 00 s in all:"
    assert lines[1] == f"[{'A' * 15}{'B' * 45}]"
    assert len(lines) == 4
