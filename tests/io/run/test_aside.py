"""A step that fails or is killed leaves the run as it was, byte by byte; one that ends exchanges its folders whole."""

import contextlib
import os
from pathlib import Path

import pytest

from gem_plugin.errors import InputError
from gem_plugin.io.run import aside
from gem_plugin.io.run.aside import can_be_made_aside, made_aside, undo_unfinished
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.lock import locked_run
from gem_plugin.io.whole_files import write_text_whole


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else b"folder"
        for path in folder.rglob("*")
    }


@pytest.fixture
def run(tmp_path: Path) -> RunFiles:
    run = RunFiles(tmp_path / "RUN")
    for path in (run.landscape.mask, run.landscape.states.mean(3), run.settings, run.figures / "one.png"):
        write_text_whole(path, f"old {path.name}")
    return run


def work_and_break(run: RunFiles, error: BaseException) -> None:
    with made_aside(run, "landscape") as files:
        work(files)
        raise error


def work(files: RunFiles) -> None:
    write_text_whole(files.landscape.mask, "new mask")
    files.landscape.states.mean(3).unlink()
    write_text_whole(files.landscape.states.mean(1), "new mean")
    write_text_whole(RunFiles(files.root).settings, "new settings")
    write_text_whole(RunFiles(files.root).summary, "new summary")


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt(), ValueError()])
def test_failure_leaves_everything_as_it_was(run: RunFiles, error: BaseException):
    before = contents(run.root)
    with pytest.raises(type(error)):
        work_and_break(run, error)
    assert contents(run.root) == before


def test_nothing_of_the_run_changes_before_the_end(run: RunFiles):
    with made_aside(run, "landscape") as files:
        work(files)
        assert run.landscape.mask.read_text() == "old mask.mrc"
    assert run.landscape.mask.read_text() == "new mask"
    assert sorted(contents(run.landscape.root)) == ["mask.mrc", "states", "states/state_001_mean.mrc"]
    assert run.summary.read_text() == "new summary"
    assert not [path for path in run.root.iterdir() if path.name.startswith(".")]


def test_step_that_was_killed_is_undone_by_the_next_command(run: RunFiles):
    before = contents(run.root)
    killed = made_aside(run, "landscape")
    work(killed.__enter__())
    with locked_run(run):
        pass
    run.lock.unlink()
    assert contents(run.root) == before


def test_exchange_that_was_killed_half_way_is_undone(run: RunFiles, monkeypatch: pytest.MonkeyPatch):
    before = contents(run.root)
    rename, calls = Path.rename, []

    def killed_at_the_last(self: Path, target: Path) -> Path:
        calls.append(target)
        if len(calls) == 4:  # landscape is exchanged, the figures are not
            raise KeyboardInterrupt
        return rename(self, target)

    killed = made_aside(run, "landscape")
    work(killed.__enter__())
    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", killed_at_the_last)
        with pytest.raises(KeyboardInterrupt):
            aside._put_in_place(run, [run.landscape.root, run.figures])
    assert run.landscape.mask.read_text() == "new mask"
    undo_unfinished(run)
    assert contents(run.root) == before


def test_step_killed_after_the_exchange_is_kept_and_the_next_one_works(
    run: RunFiles, monkeypatch: pytest.MonkeyPatch
):
    """What is left of the results before it must not come back in place of the new ones."""
    killed = made_aside(run, "landscape")
    work(killed.__enter__())
    with monkeypatch.context() as patched:
        patched.setattr(aside, "_drop_what_was_exchanged", lambda run: None)  # killed before it cleans up
        aside._put_in_place(run, [run.landscape.root, run.figures])
    assert run.root.joinpath(".landscape.before").is_dir()
    with made_aside(run, "landscape") as files:
        assert files.landscape.mask.read_text() == "new mask"
        write_text_whole(files.landscape.mask, "newest mask")
    assert run.landscape.mask.read_text() == "newest mask"
    assert not [path for path in run.root.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize("call", range(1, 8))
def test_undoing_that_is_killed_itself_loses_nothing(
    run: RunFiles, monkeypatch: pytest.MonkeyPatch, call: int
):
    before = contents(run.root)
    killed = made_aside(run, "landscape")
    work(killed.__enter__())
    with monkeypatch.context() as patched:
        calls: list[object] = []

        def killed_at(function):
            def counted(*arguments, **options):
                calls.append(function)
                if len(calls) == call:
                    raise KeyboardInterrupt
                return function(*arguments, **options)

            return counted

        patched.setattr(aside.os, "replace", killed_at(os.replace))
        patched.setattr(aside, "_drop", killed_at(aside._drop))
        with contextlib.suppress(KeyboardInterrupt):
            undo_unfinished(run)
    undo_unfinished(run)
    assert contents(run.root) == before


def test_links_to_an_earlier_job_stay_links_and_are_not_written_through(tmp_path: Path):
    earlier, run = RunFiles(tmp_path / "job1"), RunFiles(tmp_path / "job2")
    write_text_whole(earlier.landscape.mask, "of the earlier job")
    write_text_whole(earlier.landscape.tree, "of the earlier job")
    run.landscape.root.mkdir(parents=True)
    for name in ("mask.mrc", "tree.npy"):
        (run.landscape.root / name).symlink_to(f"../../job1/landscape/{name}")
    with made_aside(run, "landscape") as files:
        assert files.landscape.mask.read_text() == "of the earlier job"
        write_text_whole(files.landscape.mask, "new")
    assert earlier.landscape.mask.read_text() == "of the earlier job"
    assert not run.landscape.mask.is_symlink()
    assert os.readlink(run.landscape.tree) == "../../job1/landscape/tree.npy"


def test_folders_without_second_names_are_copied(run: RunFiles, monkeypatch: pytest.MonkeyPatch):
    def no_links(*arguments: object, **options: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(aside.os, "link", no_links)
    before = contents(run.root)
    with pytest.raises(KeyboardInterrupt):
        work_and_break(run, KeyboardInterrupt())
    assert contents(run.root) == before


def test_messages_name_the_folder_that_the_user_knows(run: RunFiles):
    with pytest.raises(InputError) as refused, made_aside(run, "landscape") as files:
        raise InputError(f"There is no {files.landscape.tree}.")
    assert str(refused.value) == f"There is no {run.landscape.tree}."


def test_folder_with_other_things_in_it_is_never_exchanged(run: RunFiles, tmp_path: Path):
    (tmp_path / "mine").mkdir()
    assert can_be_made_aside("landscape", run, tmp_path / "mine")
    (tmp_path / "mine" / "thesis.txt").write_text("mine")
    assert not can_be_made_aside("landscape", run, tmp_path / "mine")
    assert not can_be_made_aside("landscape", run, tmp_path)
    assert not can_be_made_aside("landscape", run, run.landscape.root / "second")
    assert can_be_made_aside("landscape", run, tmp_path / "new")


def test_folder_of_its_own_is_exchanged_whole_too(run: RunFiles, tmp_path: Path):
    own = tmp_path / "own"
    write_text_whole(own / "mask.mrc", "old")
    with made_aside(run, "landscape", [own]) as files:
        write_text_whole(files.where_to_make(own) / "mask.mrc", "new")
        assert contents(own) == {"mask.mrc": b"old"}
    assert contents(own) == {"mask.mrc": b"new"}


def test_files_that_the_step_may_replace_come_back_wherever_they_are(run: RunFiles, tmp_path: Path):
    out, new = tmp_path / "out" / "chosen.star", tmp_path / "new" / "deep" / "chosen.star"
    write_text_whole(out, "earlier")
    before = contents(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        select_and_break(run, out, new)
    assert contents(tmp_path) == before


def select_and_break(run: RunFiles, *targets: Path) -> None:
    with made_aside(run, "select", files=targets):
        for target in targets:
            write_text_whole(target, "new")
        raise KeyboardInterrupt


def test_tree_of_another_programs_names_is_exchanged_entry_by_entry(run: RunFiles):
    write_text_whole(run.tree / "kmeans30" / "labels.pkl", "old")
    write_text_whole(run.tree / "mine.txt", "of the user")
    before = contents(run.root)
    with pytest.raises(KeyboardInterrupt):
        write_tree(run, KeyboardInterrupt())
    assert contents(run.root) == before
    write_tree(run, None)
    assert (run.root / "kmeans30" / "labels.pkl").read_text() == "new"
    assert (run.root / "mask.mrc").read_text() == "new"
    assert (run.root / "mine.txt").read_text() == "of the user"
    assert not [path for path in run.root.iterdir() if path.name.startswith(".")]


def test_tree_that_was_killed_while_it_was_exchanged_is_undone(
    run: RunFiles, monkeypatch: pytest.MonkeyPatch
):
    write_text_whole(run.tree / "kmeans30" / "labels.pkl", "old")
    before = contents(run.root)
    rename, calls = Path.rename, []

    def killed(self: Path, target: Path) -> Path:
        calls.append(self.name)
        if len(calls) == number:
            raise KeyboardInterrupt
        return rename(self, target)

    for number in range(2, 20):
        calls.clear()
        with monkeypatch.context() as patched:
            patched.setattr(Path, "rename", killed)
            with contextlib.suppress(KeyboardInterrupt):
                write_tree(run, None)
        if len(calls) < number:
            break
        undo_unfinished(run)
        is_exchanged = (run.root / "mask.mrc").is_file()
        assert is_exchanged or contents(run.root) == before, number
    assert (run.root / "kmeans30" / "labels.pkl").read_text() == "new"


def write_tree(run: RunFiles, error: BaseException | None) -> None:
    with made_aside(run, "landscape") as files:
        write_text_whole(files.tree / "kmeans30" / "labels.pkl", "new")
        write_text_whole(files.tree / "mask.mrc", "new")
        if error is not None:
            raise error
