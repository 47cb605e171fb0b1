"""The results of a step are made beside those of the last time and take their place when the step has ended.

Until then the run is what it was. The old files are linked into the new folder, as whoever writes a file renames it
into place; so nothing is copied, and nothing is written through a link. A step that was killed is undone by the next
command that works in the run.
"""

import contextlib
import dataclasses
import errno
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from gem_plugin.errors import InputError
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.landscape_files import FullLandscapeFiles, LandscapeFiles
from gem_plugin.io.run.state_files import PARTICLE_SUFFIXES
from gem_plugin.io.whole_files import whole_file, write_text_whole

FOLDERS_OF_STEPS: dict[
    str, tuple[str, ...]
] = {  # what each step makes aside; landscape-full lives in landscape
    "prepare": ("prepared",),
    "consensus": ("consensus",),
    "train": ("train",),
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
STEPS_THAT_START_EMPTY = ("prepare", "consensus")  # they make everything new, and a stack of images is large
JOURNAL = "journal.json"
UNDO, UNDO_UNFINISHED, DONE = ".undo", ".undo.part", ".undo.done"  # one folder under three names
PARTIAL, BEFORE, UNFINISHED = "partial", "before", "unfinished"
TREE = "cryodrgn_layout"


@dataclasses.dataclass(frozen=True)
class RunFilesAside(RunFiles):
    """The files of a run, those in some folders beside where they will be."""

    aside: tuple[Path, ...] = ()  # the folders as the user knows them

    def _folder(self, name: str) -> Path:
        return self.where_to_make(super()._folder(name))

    @property
    def tree(self) -> Path:
        return beside(self.root / TREE, PARTIAL)

    def where_to_make(self, path: Path) -> Path:
        """The path of a file or folder while the step works."""
        for place in self.aside:
            if path.absolute().is_relative_to(place.absolute()):
                return beside(place, PARTIAL) / path.absolute().relative_to(place.absolute())
        return path

    def as_users_know(self, path: Path) -> Path:
        for place in self.aside:
            if path.absolute().is_relative_to(beside(place, PARTIAL).absolute()):
                return place / path.absolute().relative_to(beside(place, PARTIAL).absolute())
        return path


def is_made_aside(step: str, run: RunFiles) -> bool:
    """Whether a failed step leaves everything as it was. The first training goes on from its last checkpoint instead."""
    return step in FOLDERS_OF_STEPS and (step != "train" or run.latents.is_file())


def is_inside_folders_of(step: str, run: RunFiles, folder: Path) -> bool:
    """Whether a folder lies in one that the step makes aside anyway."""
    return any(
        folder.resolve().is_relative_to((run.root / name).resolve()) for name in FOLDERS_OF_STEPS[step]
    )


def can_be_made_aside(step: str, run: RunFiles, folder: Path) -> bool:
    """Whether a folder that the user named may be exchanged: not one with other things in it, nor one that holds the run.

    Folders inside those that are made aside anyway need nothing of their own.
    """
    place = folder.resolve()
    if run.root.resolve().is_relative_to(place) or Path.cwd().is_relative_to(place):
        return False
    if is_inside_folders_of(step, run, folder):
        return False
    return is_free(place) or holds_landscape(place)


def is_free(folder: Path) -> bool:
    return not folder.exists() or (folder.is_dir() and not any(folder.iterdir()))


def holds_landscape(folder: Path) -> bool:
    return LandscapeFiles(folder).scan.is_file() or FullLandscapeFiles(folder).coordinates.is_file()


def beside(place: Path, word: str) -> Path:
    """.landscape.partial of landscape; beside its target where landscape is a link to another disk."""
    place = place.resolve() if place.is_symlink() else place
    return place.with_name(f".{place.name}.{word}")


def unfinished_training(run: RunFiles) -> RunFiles:
    """Where a training that was to replace an earlier one keeps its checkpoint and its settings when it is interrupted."""
    return RunFiles(beside(run.root / "train", UNFINISHED))


def drop_unfinished_training(run: RunFiles) -> None:
    """Once it can no longer be gone on with: its particles or its consensus are others now."""
    _drop(unfinished_training(run).root)


@contextlib.contextmanager
def made_aside(
    run: RunFiles,
    step: str,
    elsewhere: Sequence[Path] = (),  # folders that the step fills instead of its own
    files: Sequence[Path] = (),  # files that the step may replace outside of its folders
    training_from: Path | None = None,  # folder of the checkpoint that training goes on from
) -> Iterator[RunFilesAside]:
    """The files to work with; put in place when the block ends, dropped when it ends with any error."""
    undo_unfinished(run)
    names = FOLDERS_OF_STEPS[step]
    places = [run.root / name for name in names] + list(elsewhere)
    starts: dict[Path, Path | None] = {
        place: None if step in STEPS_THAT_START_EMPTY else place for place in places
    }
    if step == "train":
        starts = {run.root / "train": training_from}
        files = [*files, *_files_of_training(run)]
    try:
        _begin(run, starts, files, is_resumable=step == "train")
        yield RunFilesAside(run.root, tuple(places))
        _put_in_place(run, [*places, *_entries_of_tree(run)])
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
    for number, (text, was_there) in enumerate(journal["files"]):
        kept = undo / str(number)
        if kept.exists():
            _put_back(kept, run.root / text)
        elif not was_there:  # else it was put back by an undoing that was killed itself
            (run.root / text).unlink(missing_ok=True)
    for text, was_there in journal["folders"]:
        place = run.root / text
        place = place.resolve() if place.is_symlink() else place
        before, partial = beside(place, BEFORE), beside(place, PARTIAL)
        if before.exists() or (not was_there and not partial.exists()):
            _drop(place)
        if before.exists():
            before.rename(place)
        if text in journal["resumable"]:
            _keep_unfinished(run, place, partial)
        _drop(partial)
    _drop(beside(run.root / TREE, PARTIAL))
    for text in journal["new_folders"]:
        with contextlib.suppress(OSError):  # something else is in it by now, or it was never made
            (run.root / text).rmdir()
    _drop(undo)


def _keep_unfinished(run: RunFiles, place: Path, partial: Path) -> None:
    """A training that got further than where it started can be gone on with."""
    checkpoint, name = partial / run.checkpoint.name, run.checkpoint.name
    unfinished = unfinished_training(run).root
    if not checkpoint.is_file():
        return
    if any((one / name).is_file() and (one / name).samefile(checkpoint) for one in (place, unfinished)):
        return
    _drop(unfinished)
    partial.rename(unfinished)


def _drop_what_was_exchanged(run: RunFiles) -> None:
    """The results of the time before, once the new ones are in place; also after a step that was killed over this."""
    done = run.root / DONE
    if (done / JOURNAL).is_file():
        journal = _read_journal(done)
        for text, _ in journal["folders"]:
            _drop(beside(run.root / text, BEFORE))
        if journal["resumable"]:
            drop_unfinished_training(run)
        _drop(beside(run.root / TREE, PARTIAL))
    _drop(done)


def _read_journal(folder: Path) -> dict[str, Any]:
    return json.loads((folder / JOURNAL).read_text(encoding="utf-8"))


def _files_of_training(run: RunFiles) -> list[Path]:
    arrays = [run.latents, run.latents_std, run.contrasts, run.outliers, run.refined_poses]
    kinds = (run.particles, run.refined_particles)
    return [*arrays, *(of_kind(suffix) for of_kind in kinds for suffix in PARTICLE_SUFFIXES)]


def _begin(
    run: RunFiles, starts: Mapping[Path, Path | None], files: Sequence[Path], is_resumable: bool
) -> None:
    """Write down what there is, keep the files that may be replaced, and fill the folders to work in."""
    undo = run.root / UNDO_UNFINISHED
    undo.mkdir()
    kept = [run.settings, run.summary, run.manifest, run.warnings]
    kept += [run.excluded, run.report, run.pdf_log, run.motion, run.diagnostics, run.checks]
    kept += [path for path in files if path not in kept]
    for number, path in enumerate(kept):
        if path.exists():
            _link_or_copy(path, undo / str(number))
    folders = [(os.path.relpath(place, run.root), place.exists()) for place in starts]
    absent = [one for path in kept for one in path.parents if not one.exists()]
    journal = {
        "files": [(os.path.relpath(path, run.root), path.exists()) for path in kept],
        "folders": folders,
        "resumable": [text for text, _ in folders] if is_resumable else [],
        "new_folders": [os.path.relpath(one, run.root) for one in dict.fromkeys(absent)],
    }
    (undo / JOURNAL).write_text(json.dumps(journal), encoding="utf-8")
    for place in starts:
        _drop(beside(place, PARTIAL))
        beside(place, PARTIAL).parent.mkdir(parents=True, exist_ok=True)
    _drop(beside(run.root / TREE, PARTIAL))
    undo.rename(run.root / UNDO)
    for place, start in starts.items():
        if start is not None and start.is_dir():
            shutil.copytree(start, beside(place, PARTIAL), symlinks=True, copy_function=_link_or_copy)
        else:
            beside(place, PARTIAL).mkdir()


def _entries_of_tree(run: RunFiles) -> list[Path]:
    """What the step made in the tree of cryoDRGN's names, each brought beside its place and written down first."""
    tree = beside(run.root / TREE, PARTIAL)
    places = [run.root / path.name for path in sorted(tree.iterdir())] if tree.is_dir() else []
    if places:
        journal = _read_journal(run.root / UNDO)
        journal["folders"] += [(place.name, place.exists()) for place in places]
        write_text_whole(run.root / UNDO / JOURNAL, json.dumps(journal))
    for place in places:
        _drop(beside(place, PARTIAL))
        (tree / place.name).rename(beside(place, PARTIAL))
    return places


def _put_in_place(run: RunFiles, places: Sequence[Path]) -> None:
    for place in places:
        place = place.resolve() if place.is_symlink() else place
        partial = beside(place, PARTIAL)
        if place == run.root / "train":
            RunFiles(partial).settings.unlink(missing_ok=True)
        if place.exists():
            place.rename(beside(place, BEFORE))
        if partial.is_file() or any(partial.iterdir()):
            partial.rename(place)
        else:
            partial.rmdir()
    (run.root / UNDO).rename(run.root / DONE)
    _drop_what_was_exchanged(run)


def _put_back(kept: Path, path: Path) -> None:
    try:
        os.replace(kept, path)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        with whole_file(path) as temporary:  # a file on another disk than the run
            shutil.copy2(kept, temporary)
        kept.unlink()


def _link_or_copy(source: str | Path, target: str | Path) -> None:
    """A second name of a file, or a copy on file systems that have no second names."""
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copy2(source, target, follow_symlinks=False)


def _drop(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _with_usual_names(error: InputError, places: Sequence[Path]) -> InputError:
    """The message with the names that the user knows."""
    text = str(error)
    for place in places:
        text = text.replace(beside(place, PARTIAL).name, place.name)
    return type(error)(text)
