"""The results of a step are made beside those of the last time and take their place when the step has ended.

Until then the run is what it was. The old files are linked into the new folder, as whoever writes a file renames it
into place; so nothing is copied, and nothing is written through a link. A step that was killed is undone by the next
command that works in the run.
"""

import contextlib
import dataclasses
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from gem_plugin.errors import InputError
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.landscape_files import FullLandscapeFiles, LandscapeFiles

FOLDERS_OF_STEPS: dict[
    str, tuple[str, ...]
] = {  # what each step makes aside; landscape-full lives in landscape
    "analyze": ("analyze", "figures"),
    "eval-vol": ("volumes",),
    "landscape": ("landscape", "figures"),
    "landscape-full": ("landscape", "figures"),
    "reconstruct": ("reconstruct", "figures"),
    "diagnose": (),
    "flex": ("flex",),
    "export-ply": ("gaussianem",),
    "select": (),
    "write-star": (),
    "write-cs": (),
    "report": ("chimerax", "figures"),
}
JOURNAL = "journal.json"
UNDO, UNDO_UNFINISHED, DONE = ".undo", ".undo.part", ".undo.done"  # one folder under three names
PARTIAL, BEFORE = "partial", "before"


@dataclasses.dataclass(frozen=True)
class RunFilesAside(RunFiles):
    """The files of a run, those in some folders beside where they will be."""

    aside: tuple[Path, ...] = ()  # the folders as the user knows them

    def _folder(self, name: str) -> Path:
        return self.where_to_make(super()._folder(name))

    def where_to_make(self, path: Path) -> Path:
        """The path of a file or folder while the step works."""
        for place in self.aside:
            if path.absolute().is_relative_to(place.absolute()):
                return beside(place, PARTIAL) / path.absolute().relative_to(place.absolute())
        return path


def is_made_aside(step: str) -> bool:
    """Whether a failed step leaves everything as it was. Training does not: it goes on from its last checkpoint."""
    return step in FOLDERS_OF_STEPS


def can_be_made_aside(run: RunFiles, folder: Path) -> bool:
    """Whether a folder that the user named may be exchanged: not one with other things in it, nor one that holds the run.

    Folders inside those that are made aside anyway need nothing of their own.
    """
    place = folder.resolve()
    if run.root.resolve().is_relative_to(place) or Path.cwd().is_relative_to(place):
        return False
    names = {name for names in FOLDERS_OF_STEPS.values() for name in names}
    if any(place.is_relative_to((run.root / name).resolve()) for name in names):
        return False
    is_free = not place.exists() or (place.is_dir() and not any(place.iterdir()))
    return is_free or LandscapeFiles(place).scan.is_file() or FullLandscapeFiles(place).coordinates.is_file()


def beside(place: Path, word: str) -> Path:
    """.landscape.partial of landscape; beside its target where landscape is a link to another disk."""
    place = place.resolve() if place.is_symlink() else place
    return place.with_name(f".{place.name}.{word}")


@contextlib.contextmanager
def made_aside(
    run: RunFiles,
    step: str,
    elsewhere: Sequence[Path] = (),  # folders that the step fills instead of its own
) -> Iterator[RunFilesAside]:
    """The files to work with; put in place when the block ends, dropped when it ends with any error."""
    undo_unfinished(run)
    names = FOLDERS_OF_STEPS[step]
    places = [run.root / name for name in names] + list(elsewhere)
    try:
        _begin(run, places)
        yield RunFilesAside(run.root, tuple(places))
        _put_in_place(run, places)
    except BaseException as error:
        undo_unfinished(run)
        if isinstance(error, InputError):
            raise _with_usual_names(error, places) from error
        raise


def undo_unfinished(run: RunFiles) -> None:
    """Put everything back to where it was before a step that did not end."""
    undo = run.root / UNDO
    _drop(run.root / UNDO_UNFINISHED)
    _drop_what_was_exchanged(run)
    if not undo.is_dir():
        return
    journal = _read_journal(undo)
    for name, was_there in journal["files"]:
        if (undo / name).exists():
            os.replace(undo / name, run.root / name)
        elif not was_there:  # else it was put back by an undoing that was killed itself
            (run.root / name).unlink(missing_ok=True)
    for text, was_there in journal["folders"]:
        place = run.root / text
        place = place.resolve() if place.is_symlink() else place
        before, partial = beside(place, BEFORE), beside(place, PARTIAL)
        if before.exists() or (not was_there and not partial.exists()):
            _drop(place)
        if before.exists():
            before.rename(place)
        _drop(partial)
    _drop(undo)


def _drop_what_was_exchanged(run: RunFiles) -> None:
    """The results of the time before, once the new ones are in place; also after a step that was killed over this."""
    done = run.root / DONE
    if (done / JOURNAL).is_file():
        for text, _ in _read_journal(done)["folders"]:
            _drop(beside(run.root / text, BEFORE))
    _drop(done)


def _read_journal(folder: Path) -> dict[str, list[tuple[str, bool]]]:
    return json.loads((folder / JOURNAL).read_text(encoding="utf-8"))


def _begin(run: RunFiles, places: Sequence[Path]) -> None:
    undo = run.root / UNDO_UNFINISHED
    undo.mkdir()
    kept = [run.settings, run.summary, run.manifest, run.warnings]
    kept += [run.report, run.pdf_log, run.motion, run.diagnostics]
    for path in kept:
        if path.exists():
            _link_or_copy(path, undo / path.name)
    folders = [(os.path.relpath(place, run.root), place.exists()) for place in places]
    journal = {"files": [(path.name, path.exists()) for path in kept], "folders": folders}
    (undo / JOURNAL).write_text(json.dumps(journal), encoding="utf-8")
    for place in places:
        _drop(beside(place, PARTIAL))
        beside(place, PARTIAL).parent.mkdir(parents=True, exist_ok=True)
    undo.rename(run.root / UNDO)
    for place in places:
        if place.is_dir():
            shutil.copytree(place, beside(place, PARTIAL), symlinks=True, copy_function=_link_or_copy)
        else:
            beside(place, PARTIAL).mkdir()


def _put_in_place(run: RunFiles, places: Sequence[Path]) -> None:
    for place in places:
        place = place.resolve() if place.is_symlink() else place
        partial = beside(place, PARTIAL)
        if place.exists():
            place.rename(beside(place, BEFORE))
        if any(partial.iterdir()):
            partial.rename(place)
        else:
            partial.rmdir()
    (run.root / UNDO).rename(run.root / DONE)
    _drop_what_was_exchanged(run)


def _link_or_copy(source: str | Path, target: str | Path) -> None:
    """A second name of a file, or a copy on file systems that have no second names."""
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copy2(source, target, follow_symlinks=False)


def _drop(folder: Path) -> None:
    if folder.is_dir():
        shutil.rmtree(folder)


def _with_usual_names(error: InputError, places: Sequence[Path]) -> InputError:
    """The message with the names that the user knows."""
    text = str(error)
    for place in places:
        text = text.replace(beside(place, PARTIAL).name, place.name)
    return type(error)(text)
