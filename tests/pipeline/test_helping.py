"""Machines that do not share a folder are found out before any work; those that see a file late wait for it."""

import threading
import time
from pathlib import Path

import pytest

from gem_plugin.errors import InputError
from gem_plugin.heterogeneity.settings import TrainSettings
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.settings import plain_settings
from gem_plugin.pipeline.helping import (
    SHARED_STEPS,
    ask_for_help,
    check_is_first_process,
    files_read_by,
    help_with_step,
    seen_files,
    wait_until_seen,
)
from gem_plugin.pipeline.step_table import STEPS


def test_what_all_see_alike_needs_no_wait(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("abc")
    seen = seen_files([tmp_path / "a", tmp_path / "folder" / "b"])
    assert seen[str(tmp_path / "a")][0] == 3  # type: ignore[index]
    assert seen[str(tmp_path / "folder" / "b")] is None
    wait_until_seen(seen, seconds=0.0)


def test_a_file_that_shows_late_is_waited_for(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("abc")
    seen = seen_files([tmp_path / "a"])
    (tmp_path / "a").rename(tmp_path / "hidden")

    def show() -> None:
        (tmp_path / "hidden").rename(tmp_path / "a")

    late = threading.Timer(0.3, show)
    late.start()
    start = time.monotonic()
    wait_until_seen(seen, seconds=20.0)
    assert 0.2 < time.monotonic() - start < 15
    late.join()


@pytest.mark.parametrize(
    ("there", "here", "said"), [("abc", None, "3 bytes.*absent"), (None, "ab", "absent.*2 bytes")]
)
def test_a_folder_that_is_not_shared_is_named(
    tmp_path: Path, there: str | None, here: str | None, said: str
) -> None:
    path = tmp_path / "checkpoint.pt"
    for text in (there, here):
        path.unlink(missing_ok=True)
        if text is not None:
            path.write_text(text)
        if text is there:
            seen = seen_files([path])
    with pytest.raises(
        InputError, match=rf"checkpoint\.pt.*{said}.*Expected a folder that all machines of the run share"
    ):
        wait_until_seen(seen, seconds=0.1)


def test_times_that_differ_alone_do_not_stop_a_run(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("abc")
    ((path, (size, when)),) = seen_files([tmp_path / "a"]).items()  # type: ignore[misc]
    wait_until_seen({path: (size, when + 100)}, seconds=0.1)


def test_files_of_the_landscape_are_among_those_that_are_compared(old_run: Path) -> None:
    names = {path.name for path in files_read_by(RunFiles(old_run))}
    assert {"table.npz", "latents.npy", "checkpoint.pt", "settings.toml"} <= names
    assert {path.name for path in (old_run / "landscape").iterdir() if path.is_file()} <= names


def test_alone_nothing_is_asked(tmp_path: Path) -> None:
    check_is_first_process()
    for name in SHARED_STEPS:
        ask_for_help(STEPS[name], RunFiles(tmp_path), STEPS[name].settings_class())


def test_a_program_that_is_not_gem_em_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "3")
    with pytest.raises(InputError, match=r"started 3 processes of a program that is not gem-em"):
        ask_for_help(STEPS["train"], RunFiles(tmp_path), TrainSettings())
    ask_for_help(STEPS["analyze"], RunFiles(tmp_path), STEPS["analyze"].settings_class())
    monkeypatch.setenv("RANK", "1")
    with pytest.raises(InputError, match=r"Expected `torchrun \.\.\. -m gem_plugin COMMAND`"):
        check_is_first_process()


def test_a_helper_gets_the_settings_and_the_folders_of_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = TrainSettings(latent_size=3, focus_mask=tmp_path / "mask.mrc", threads=None)
    got = []
    step = STEPS["train"]
    monkeypatch.setattr(type(step), "function", property(lambda self: lambda *given: got.append(given)))
    help_with_step(
        {
            "name": "train",
            "root": str(tmp_path),
            "aside": [str(tmp_path / "train")],
            "settings": plain_settings(settings),
            "working_folder": str(tmp_path),
            "seen": {},
        }
    )
    ((files, same, _),) = got
    assert same == settings
    assert files.checkpoint == tmp_path / ".train.partial" / "checkpoint.pt"
