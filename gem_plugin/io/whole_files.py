"""Files that are either whole or absent: written under a temporary name, synced, then renamed."""

import contextlib
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from gem_plugin.errors import InputError
from gem_plugin.operating_system import is_process_running, sync_file, sync_folder

UNFINISHED_NAME = re.compile(r"\..*\.part(\d+)(\.[^.]*)?")  # as whole_file names them


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a temporary path in the same folder; rename it to `path` when the block ends without an error.

    The suffix is kept, because some writers choose their format by it.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}.part{os.getpid()}{path.suffix}")
    try:
        yield temporary
        sync_file(temporary)
        os.replace(temporary, path)
        sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def files_placed_together(folder: Path) -> Iterator[Path]:
    """Give a folder to write into; all its files get to `folder` when the block ends without an error, else none.

    What else is in `folder` stays. A folder that was not there before is not left behind by an error.
    """
    folder = Path(folder)
    new_folders = [one for one in (folder, *folder.parents) if not one.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f".unfinished.part{os.getpid()}"
    temporary.mkdir()
    try:
        yield temporary
        for path in sorted(one for one in temporary.rglob("*") if not one.is_dir()):
            target = folder / path.relative_to(temporary)
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(path, target)
    except BaseException:
        shutil.rmtree(temporary)
        for one in new_folders:
            with contextlib.suppress(OSError):  # something else is in it by now
                one.rmdir()
        raise
    shutil.rmtree(temporary)


def remove_unfinished_files(folder: Path) -> list[Path]:
    """Delete the temporary files of processes that were killed while they wrote."""
    removed = []
    for path in sorted(folder.rglob(".*.part*")):
        found = UNFINISHED_NAME.fullmatch(path.name)
        if found and not is_process_running(int(found[1])):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
            removed.append(path)
    return removed


def write_text_whole(path: Path, text: str) -> None:
    """Write text (UTF-8) as a whole file; line ends are written as given."""
    with whole_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="")


def check_folder_is_writable(folder: Path) -> None:
    """Make the folder where needed and try to write into it, before any long work."""
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with whole_file(folder / "is_writable") as temporary:
            temporary.touch()
        (folder / "is_writable").unlink()
    except OSError as error:
        raise InputError(
            f"{folder} cannot be written to: {error.strerror}. Choose another output folder or change its permissions."
        ) from error
