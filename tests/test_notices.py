"""What readers and steps warn about arrives where users look: error stream, run.log, report, CryoSPARC job, Python."""

import io
import warnings
from pathlib import Path

import numpy as np
import pytest
from relion_projects import RelionProject, noisy_images

import gem_plugin as gem
from gem_plugin.cli.main import gem_em
from gem_plugin.errors import InputError
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.notices import forget_notices, read_notices, record_notices
from gem_plugin.io.run.settings import take_over_steps
from gem_plugin.notices import NOTE, WARNING, GemNote, GemWarning, Notice, listening, note, warn
from gem_plugin.pipeline.run_steps import run_steps
from gem_plugin.progress import Progress
from gem_plugin.reports.sections.run_warnings import find_warnings
from gem_plugin.results.run import Run

NO_CONTRAST = "has no column _rlnAmplitudeContrast; 0 is taken, as RELION does"


@pytest.fixture
def project(tmp_path: Path) -> RelionProject:
    """Without amplitude contrast, which is a warning, and 12 particles."""
    project = RelionProject(tmp_path / "project", n_particles=12)
    del project.optics[0]["_rlnAmplitudeContrast"]
    return project.write()


def run_prepare_by_command(project: RelionProject, run: Path, *more: str) -> None:
    gem_em.main(["prepare", str(run), "--particles", str(project.star), *more], standalone_mode=False)


# The place itself


def test_where_nobody_listens_it_is_a_python_warning() -> None:
    with pytest.warns(GemWarning, match="wrong"):
        warn("wrong")
    with pytest.warns(GemNote, match="decided"):
        note("decided")


def test_a_listener_hears_each_sentence_once_and_the_innermost_alone() -> None:
    outer: list[Notice] = []
    inner: list[Notice] = []
    with listening(outer.append) as heard:
        warn("a")
        warn("a")
        with listening(inner.append):
            note("b")
        note("c")
    assert outer == heard == [Notice(WARNING, "a"), Notice(NOTE, "c")]
    assert inner == [Notice(NOTE, "b")]


def test_progress_says_a_warning_once_on_its_error_stream() -> None:
    stream = io.StringIO()
    progress = Progress(stream)
    for _ in range(2):
        progress.hear(Notice(WARNING, "wrong"))
        progress.hear(Notice(NOTE, "decided"))
    assert stream.getvalue() == "WARNING: wrong\nNote: decided\n"


# The record


def test_the_record_of_a_step_is_replaced_and_forgotten(tmp_path: Path) -> None:
    run = RunFiles(tmp_path)
    assert read_notices(run) == {}
    record_notices(run, "prepare", [])
    assert not run.warnings.exists()
    record_notices(run, "prepare", [Notice(WARNING, "ä")])
    record_notices(run, "train", [Notice(NOTE, "b")])
    record_notices(run, "prepare", [Notice(WARNING, "c")])
    assert read_notices(run) == {"prepare": [Notice(WARNING, "c")], "train": [Notice(NOTE, "b")]}
    forget_notices(run, ["train", "landscape"])
    assert read_notices(run) == {"prepare": [Notice(WARNING, "c")]}
    forget_notices(run, ["prepare"])
    assert not run.warnings.exists()


@pytest.mark.parametrize("text", ["no json", "[1]", '{"prepare": [{"level": "loud", "sentence": "a"}]}'])
def test_a_damaged_record_is_refused(tmp_path: Path, text: str) -> None:
    RunFiles(tmp_path).warnings.write_text(text)
    with pytest.raises(InputError, match=r"warnings\.json is damaged .*Delete it"):
        read_notices(RunFiles(tmp_path))


# From a reader to the user


def test_a_warning_of_the_reader_arrives_on_stderr_in_the_log_and_in_the_report(
    project: RelionProject, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    run = tmp_path / "RUN"
    run_prepare_by_command(project, run)
    seen = capsys.readouterr()
    assert seen.err.count(NO_CONTRAST) == 1
    assert f"WARNING: {project.star} {NO_CONTRAST}" in seen.err
    assert NO_CONTRAST not in seen.out
    assert RunFiles(run).log.read_text().count(f"WARNING: {project.star} {NO_CONTRAST}") == 1
    gem_em.main(["report", str(run)], standalone_mode=False)
    assert NO_CONTRAST in capsys.readouterr().err, "a command that ends with warnings 1 shows it"
    page = RunFiles(run).report.read_text()
    assert "<b>Warning of prepare.</b>" in page
    assert NO_CONTRAST in page


def test_a_step_that_is_done_again_does_not_double_its_warnings(
    project: RelionProject, tmp_path: Path
) -> None:
    run = tmp_path / "RUN"
    for normalise in ("auto", "always"):
        run_prepare_by_command(project, run, "--normalise", normalise)
    found = [notice.sentence for notice in Run(run).notices["prepare"]]
    assert sum(NO_CONTRAST in sentence for sentence in found) == 1
    assert sum(NO_CONTRAST in warning.sentence for warning in find_warnings(Run(run))) == 1
    project.optics[0]["_rlnAmplitudeContrast"] = "0.1"
    project.write_star()
    run_prepare_by_command(project, run)
    assert Run(run).notices == {}


def test_a_step_that_is_refused_leaves_the_record_as_it_was(project: RelionProject, tmp_path: Path) -> None:
    run = tmp_path / "RUN"
    run_prepare_by_command(project, run)
    before = RunFiles(run).warnings.read_bytes()
    with pytest.raises(InputError):
        run_prepare_by_command(project, run, "--box", "17")
    assert RunFiles(run).warnings.read_bytes() == before


def test_a_job_that_goes_on_from_another_keeps_its_warnings(project: RelionProject, tmp_path: Path) -> None:
    earlier, run = RunFiles(tmp_path / "one"), RunFiles(tmp_path / "two")
    run_prepare_by_command(project, earlier.root)
    run.root.mkdir()
    take_over_steps(earlier, run, ["prepare"])
    assert read_notices(run) == read_notices(earlier)
    assert read_notices(run)["prepare"]


def test_several_steps_of_one_command_say_it_once(
    project: RelionProject, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    run = RunFiles(tmp_path / "RUN")
    run_steps(["prepare", "report"], run, {"particles": project.star}, Progress())
    assert capsys.readouterr().err.count(NO_CONTRAST) == 1


def test_conversions_warn_on_stderr(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    from cryosparc_rows import make_rows

    from gem_plugin.io.cryosparc.files import write_cs_rows

    rows = make_rows(12)
    rows["alignments3D/split"] = 1
    write_cs_rows(tmp_path / "particles.cs", rows)
    arguments = ["convert", "--particles", str(tmp_path / "particles.cs"), "--out", str(tmp_path / "a.star")]
    gem_em.main([*arguments, "--stacks", "name"], standalone_mode=False)
    assert "WARNING: " in (seen := capsys.readouterr().err)
    assert "rlnRandomSubset is left out" in seen


def test_python_users_get_a_python_warning(project: RelionProject, tmp_path: Path) -> None:
    with pytest.warns(gem.GemWarning, match=NO_CONTRAST):
        gem.read_particles(project.star)
    run_prepare_by_command(project, tmp_path / "RUN")
    run = gem.open_run(tmp_path / "RUN")
    with pytest.warns(gem.GemWarning, match=NO_CONTRAST):
        run.run_step("prepare", particles=project.star)
    assert RunFiles(tmp_path / "RUN").log.read_text().count(NO_CONTRAST) == 2
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run.run_step("report", chimerax=False)  # it was said before


def test_a_note_is_in_the_report_and_no_warning(tmp_path: Path) -> None:
    project = RelionProject(tmp_path / "project", n_particles=60, box_size=32)
    project.optics[0]["_rlnImageSize"] = "32"
    project.write_star()
    images = noisy_images(60, 32)
    images[1::2] = 3 * images[1::2] + 10
    project.write_stacks(images)
    run = tmp_path / "RUN"
    run_prepare_by_command(project, run)
    assert find_warnings(Run(run)) == []
    gem_em.main(["report", str(run)], standalone_mode=False)
    page = RunFiles(run).report.read_text()
    assert "<b>Note of prepare.</b> About 50 % of the images" in page
    assert np.isclose(Run(run).summary("report")["warnings"], 0)
