"""The page of a run that is being made: told apart from a final one, and kept true."""

from pathlib import Path

from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.preliminary_report import (
    drop_preliminary_report,
    is_preliminary,
    refresh_html,
    say_in_preliminary_report,
)
from gem_plugin.reports.training_page import TrainingState, write_training_page


def preliminary(folder: Path) -> RunFiles:
    run = RunFiles(folder)
    write_training_page(run, None, TrainingState("Training is running: epoch 1 of 5."))
    return run


def test_the_sentence_is_exchanged_and_the_rest_stays(tmp_path: Path) -> None:
    run = preliminary(tmp_path)
    before = run.report.read_text(encoding="utf-8")
    say_in_preliminary_report(run, "landscape <goes> on \\1", is_going_on=True)
    text = run.report.read_text(encoding="utf-8")
    assert is_preliminary(run)
    assert refresh_html() in text
    assert "landscape &lt;goes&gt; on \\1" in text
    assert "epoch 1 of 5" not in text
    assert len(text) - len(before) < 100


def test_a_page_of_a_stopped_run_does_not_refresh_itself(tmp_path: Path) -> None:
    run = preliminary(tmp_path)
    say_in_preliminary_report(run, "train has stopped", is_going_on=False)
    text = run.report.read_text(encoding="utf-8")
    assert refresh_html() not in text
    assert 'class="stopped"' in text
    assert is_preliminary(run)


def test_a_final_report_is_never_touched(tmp_path: Path) -> None:
    run = RunFiles(tmp_path)
    for content in (b"<html>the report</html>", b"\xff\xfe"):
        run.report.write_bytes(content)
        say_in_preliminary_report(run, "stopped", is_going_on=False)
        drop_preliminary_report(run)
        assert run.report.read_bytes() == content


def test_a_preliminary_one_is_dropped(tmp_path: Path) -> None:
    run = preliminary(tmp_path)
    drop_preliminary_report(run)
    assert not run.report.exists()
    drop_preliminary_report(run)
    say_in_preliminary_report(run, "nothing is there", is_going_on=True)
    assert not run.report.exists()
