"""The command gem-em: quick help, lazy commands, one message and an exit code for every error."""

import io
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from gem_plugin.cli import main as cli
from gem_plugin.io.mrc.maps import read_map
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.settings import read_summary
from gem_plugin.particles.prepared import load_prepared_table
from gem_plugin.pipeline.run_steps import RUN_STEPS
from gem_plugin.pipeline.settings_of_steps import fields_of_steps
from gem_plugin.pipeline.step_table import STEPS
from gem_plugin.progress import Progress

FAKE_STEPS = Path(__file__).parent.parent / "adapters" / "relion"
HEAVY = ("torch", "numba", "umap", "sklearn", "scipy", "matplotlib", "pandas", "numpy")


@pytest.fixture
def fake_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fake steps instead of the real ones; landscape-full and others are not there at all."""
    monkeypatch.syspath_prepend(str(FAKE_STEPS))
    for name, step in STEPS.items():
        is_faked = name in RUN_STEPS
        module = "fake_steps" if is_faked else "gem_plugin.no_such_step"
        monkeypatch.setitem(
            STEPS, name, replace(step, module=module, settings_module=module, check_name=None)
        )


def run_gem_em(monkeypatch: pytest.MonkeyPatch, *arguments: str | Path) -> int | str | None:
    monkeypatch.setattr(sys, "argv", ["gem-em", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return ended.value.code


def test_help_is_quick_and_imports_nothing_heavy() -> None:
    code = (
        "import sys; sys.argv = ['gem-em', '--help']\n"
        "from gem_plugin.cli.main import main\n"
        "try: main()\n"
        f"finally: print([name for name in {HEAVY} if name in sys.modules])"
    )
    start = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert time.monotonic() - start < 1.0
    assert done.stdout.splitlines()[-1] == "[]"
    assert "Commands:" in done.stdout


def test_steps_without_a_module_are_not_listed(fake_steps, monkeypatch, capsys) -> None:
    assert run_gem_em(monkeypatch, "--help") == 0
    listed = capsys.readouterr().out
    assert "  prepare " in listed
    assert "landscape-full" not in listed.split("Commands:")[1]
    assert run_gem_em(monkeypatch, "landscape-full", "RUN") == 2
    assert "No such command 'landscape-full'" in capsys.readouterr().err


def test_every_listed_command_has_help(monkeypatch, capsys) -> None:
    for name in cli.available_commands():
        assert run_gem_em(monkeypatch, name, "--help") == 0
        assert "Usage:" in capsys.readouterr().out


def test_run_does_the_steps_and_keeps_them_when_continued(fake_steps, monkeypatch, tmp_path, capsys) -> None:
    call = ("run", "--particles", "p.star", "--map", "m.mrc", "--out", tmp_path / "run", "--no-normalise")
    assert run_gem_em(monkeypatch, *call) == 0
    assert list(read_summary(RunFiles(tmp_path / "run"))) == list(RUN_STEPS)
    assert "normalise = false" in (tmp_path / "run/settings.toml").read_text()
    capsys.readouterr()
    assert run_gem_em(monkeypatch, *call) == 0
    assert capsys.readouterr().out.count("already done") == len(RUN_STEPS) - 1  # the report is made anew
    assert "already done" in (tmp_path / "run/run.log").read_text()


def test_an_input_file_that_changed_since_is_read_again(fake_steps, monkeypatch, tmp_path, capsys) -> None:
    particles, volume = tmp_path / "p.star", tmp_path / "m.mrc"
    particles.write_text("one\n")
    volume.write_text("map\n")
    call = ("run", "--particles", particles, "--map", volume, "--out", tmp_path / "run")
    assert run_gem_em(monkeypatch, *call) == 0
    particles.write_text("two\n")
    os.utime(particles, (1e9, 1e9))
    capsys.readouterr()
    assert run_gem_em(monkeypatch, *call) == 0
    assert "already done" not in capsys.readouterr().out
    os.utime(particles, (1.1e9, 1.1e9))  # touched, or copied there again
    assert run_gem_em(monkeypatch, *call) == 0
    assert capsys.readouterr().out.count("already done") == len(RUN_STEPS) - 1


def test_the_same_files_named_from_another_folder_are_the_same(
    fake_steps, monkeypatch, tmp_path, capsys
) -> None:
    for name in ("p.star", "m.mrc"):
        (tmp_path / name).write_text(name)
    monkeypatch.chdir(tmp_path)
    assert run_gem_em(monkeypatch, "run", "--particles", "p.star", "--map", "m.mrc", "--out", "run") == 0
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    capsys.readouterr()
    call = ("run", "--particles", "../p.star", "--map", "../m.mrc", "--out", "../run")
    assert run_gem_em(monkeypatch, *call) == 0
    assert capsys.readouterr().out.count("already done") == len(RUN_STEPS) - 1


@pytest.mark.parametrize("command", [name for name in RUN_STEPS if name != "prepare"])
def test_a_mistyped_run_folder_is_not_made(fake_steps, monkeypatch, tmp_path, capsys, command: str) -> None:
    assert run_gem_em(monkeypatch, command, tmp_path / "rnu") == 2
    assert f"There is no folder {tmp_path / 'rnu'}" in capsys.readouterr().err
    assert not (tmp_path / "rnu").exists()


def test_a_single_step_is_done_again_and_makes_later_ones_stale(fake_steps, monkeypatch, tmp_path) -> None:
    run_folder = tmp_path / "run"
    run_gem_em(monkeypatch, "run", "--particles", "p.star", "--map", "m.mrc", "--out", run_folder)
    assert run_gem_em(monkeypatch, "consensus", run_folder, "--threshold", "0.5") == 0
    assert list(read_summary(RunFiles(run_folder))) == ["prepare", "report", "consensus"]


def test_wrong_input_is_one_message_and_earlier_results_stay_valid(
    fake_steps, monkeypatch, tmp_path, capsys
) -> None:
    run_folder = tmp_path / "run"
    run_gem_em(monkeypatch, "run", "--particles", "p.star", "--map", "m.mrc", "--out", run_folder)
    capsys.readouterr()
    assert run_gem_em(monkeypatch, "prepare", run_folder) == 2
    assert capsys.readouterr().err == "Error: No particles were given.\n"
    assert list(read_summary(RunFiles(run_folder))) == list(RUN_STEPS)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--epochs", "0"), "--epochs is 0; expected at least 1"),
        (("--epochs", "x"), "--epochs is 'x'; expected a whole number"),
        (("--nonsense", "1"), "No such option '--nonsense'"),
    ],
)
def test_wrong_options_are_one_message(fake_steps, monkeypatch, tmp_path, capsys, arguments, message) -> None:
    assert run_gem_em(monkeypatch, "train", tmp_path, *arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error


def test_out_of_memory_is_explained(fake_steps, monkeypatch, tmp_path, capsys) -> None:
    assert run_gem_em(monkeypatch, "train", tmp_path, "--ending", "memory") == 1
    assert "The memory ran out" in capsys.readouterr().err


@pytest.mark.parametrize("flag", ["--paper-figure", "--figure"])
def test_the_figure_for_a_paper_is_asked_for_by_report_and_by_run(flag: str) -> None:
    by_report = next(one for one in cli._step_command(STEPS["report"]).params if one.name == "paper_figure")
    by_run = next(one for one in cli._run_command().params if one.name == "paper_figure")
    assert flag in by_report.opts
    assert flag in by_run.opts
    assert by_run.secondary_opts == ["--no-paper-figure"]


def test_settings_of_all_steps_can_be_joined_for_run() -> None:
    assert {"particles", "map", "epochs", "n_states"} <= set(fields_of_steps(RUN_STEPS))


def test_states_of_a_shell_have_references_in_the_box_of_the_particles(old_run: Path) -> None:
    """RELION refuses a reference of another box or pixel size, and the working box is often smaller."""
    run = RunFiles(old_run)
    cli._write_references(run, Progress(io.StringIO()))
    _, _, origin = load_prepared_table(run)
    found = run.landscape.states.references()
    assert len(found) == 3
    assert {read_map(path).volume.shape for path in found} == {(origin.original_box_size,) * 3}


def test_a_run_without_prepared_images_has_no_references(tmp_path: Path) -> None:
    cli._write_references(RunFiles(tmp_path), Progress(io.StringIO()))
    assert list(tmp_path.iterdir()) == []
