"""Where the image stacks are: names in a particle file are relative to a project folder that has to be found.

All stacks come from one folder, never some from here and some from there: stacks of one name in two projects are
different images.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from gem_plugin.errors import InputError
from gem_plugin.io.moved_stacks import below_datadir, by_ends_of_names, shown_names

PROJECT_FILES = (  # of RELION, then of CryoSPARC
    *("default_pipeline.star", ".gui_projectdir"),
    *("project.json", "cs.lock"),
)
RELION_JOB = re.compile(r"job\d{3,}")  # Refine3D/job010
CRYOSPARC_JOB = re.compile(r"J\d+")
STACKS_COMPARED = 5  # of two folders that hold the same names
BYTES_COMPARED = 2**16
STACKS_TRIED = 100  # of a folder, to see whether it holds any


@dataclass(frozen=True)
class ImageSearch:
    """Where to look for images, as the user says it; nothing given: searched from the particle file upwards."""

    project_folder: Path | None = None  # that the names in the file start from
    datadir: Path | None = None  # that holds the images, whatever folders their names start with
    strip_prefix: str | None = None  # what is taken off the names first

    def check(self) -> None:
        """InputError for folders that are not there, and for settings that contradict each other."""
        if self.project_folder is not None and self.datadir is not None:
            raise InputError(
                "Expected either --project-folder, from which image names start, or --datadir, below which the images lie, "
                "not both."
            )
        for flag, folder in (("--project-folder", self.project_folder), ("--datadir", self.datadir)):
            if folder is not None and not Path(folder).is_dir():
                raise InputError(f"{flag}: there is no folder {folder}. Expected the folder of the images.")


@dataclass(frozen=True)
class FoundStacks:
    """The stacks of a particle file, and what a reader of the log should know about them."""

    paths: dict[str, Path]  # by the name in the file
    folder: Path  # below which they were found
    names_start_here: bool  # whether folder / name is the path, as RELION needs it
    remark: str  # one sentence: the folder that is used
    doubts: tuple[str, ...] = ()  # sentences on other images that may be meant


def find_stacks(
    stack_names: Iterable[str],  # unique, as in the file
    particle_file: Path,
    search: ImageSearch | None = None,
    first_folder: Path | None = None,  # before all others, where the user names none
) -> FoundStacks:
    """The path of every stack. Without a folder of the user, the nearest project above the file wins."""
    search = search or ImageSearch()
    search.check()
    particle_file = Path(particle_file)
    looked_for = _without_prefix(list(stack_names), search.strip_prefix, particle_file)
    if search.datadir is not None:
        paths = below_datadir(looked_for, Path(search.datadir), particle_file)
        remark = f"Images: {_counted(paths)} below {search.datadir} (--datadir)."
        return FoundStacks(paths, Path(search.datadir), False, remark)
    if search.project_folder is not None:
        folders = [Path(search.project_folder)]
    else:
        folders = list(_candidates(particle_file, first_folder))
    holding = [folder for folder in folders if _holds_some(folder, list(looked_for.values()))]
    if not holding:
        return _moved(looked_for, particle_file, folders, search)
    return _in_nearest(looked_for, particle_file, holding, search)


def project_above(particle_file: Path) -> Path | None:
    """The nearest folder above a file that is a project of RELION or CryoSPARC; None where there is none."""
    folders = particle_file.absolute().parents
    return next((folder for folder in folders if _is_project(folder, particle_file.absolute())), None)


def _is_project(folder: Path, particle_file: Path) -> bool:
    """By the files that RELION or CryoSPARC keep there, or because the particle file lies in a job folder of it."""
    parts = particle_file.relative_to(folder).parts
    in_relion_job = len(parts) > 2 and RELION_JOB.fullmatch(parts[1])
    in_cryosparc_job = len(parts) > 1 and CRYOSPARC_JOB.fullmatch(parts[0])
    return bool(in_relion_job or in_cryosparc_job or any((folder / name).exists() for name in PROJECT_FILES))


def _candidates(particle_file: Path, first_folder: Path | None) -> Iterator[Path]:
    """Projects above the file, then all folders above it, then the working folder and all above that."""
    working_folder = Path.cwd()
    above = particle_file.absolute().parents
    projects = [folder for folder in above if _is_project(folder, particle_file.absolute())]
    first = [] if first_folder is None else [first_folder.absolute()]
    yield from dict.fromkeys([*first, *projects, *above, working_folder, *working_folder.parents])


def _holds_some(folder: Path, names: Sequence[str]) -> bool:
    relative = [name for name in names if not Path(name).is_absolute()] or names
    return any((folder / name).is_file() for name in relative[:: -(-len(relative) // STACKS_TRIED) or 1])


def _in_nearest(
    looked_for: dict[str, str], particle_file: Path, holding: Sequence[Path], search: ImageSearch
) -> FoundStacks:
    """All stacks below the first folder that holds any of them."""
    folder = holding[0]
    paths = {name: folder / tail for name, tail in looked_for.items()}
    missing = [name for name, path in paths.items() if not path.is_file()]
    if missing:
        complete = [
            other for other in holding[1:] if all((other / tail).is_file() for tail in looked_for.values())
        ]
        advice = (
            f"All of them are below {complete[0]}; if those are the images, give --project-folder {complete[0]}."
            if complete
            else "Put them back, or name the folder that has all of them with --project-folder or --datadir."
        )
        raise InputError(
            f"{particle_file}: {len(missing)} of {len(paths)} image stacks are missing: {shown_names(missing)}. "
            f"The others lie below {folder}. {advice}"
        )
    doubts = tuple(_doubt(looked_for, particle_file, folder, other) for other in holding[1:])
    if all(Path(tail).is_absolute() for tail in looked_for.values()):
        remark = f"Images: {_counted(paths)} by their absolute paths."
    else:
        remark = f"Images: {_counted(paths)} below {folder} ({_reason(folder, particle_file, search)})."
    return FoundStacks(
        paths, folder, search.strip_prefix is None, remark, tuple(doubt for doubt in doubts if doubt)
    )


def _reason(folder: Path, particle_file: Path, search: ImageSearch) -> str:
    if search.project_folder is not None:
        return "--project-folder"
    if folder == project_above(particle_file):
        return f"the project of {particle_file.name}"
    if folder in particle_file.absolute().parents:
        return f"the nearest folder above {particle_file.name} that holds them"
    return "seen from the working folder"


def _doubt(looked_for: dict[str, str], particle_file: Path, folder: Path, other: Path) -> str:
    """A sentence where another folder holds other images under the same names; else nothing."""
    names = [name for name in looked_for.values() if (other / name).is_file()]
    step = max(1, len(names) // STACKS_COMPARED)
    if not any(_differ(folder / name, other / name) for name in names[::step]):
        return ""
    return (
        f"{particle_file}: {other} holds stacks of the same names with other images; those below {folder} are used. "
        f"If the others are meant, give --project-folder {other}."
    )


def _differ(first: Path, second: Path) -> bool:
    """Whether two files differ, by size and by some bytes of the start, the middle and the end."""
    if first.samefile(second):
        return False
    size = first.stat().st_size
    if size != second.stat().st_size:
        return True
    with open(first, "rb") as one, open(second, "rb") as two:
        for start in (0, size // 2, max(0, size - BYTES_COMPARED)):
            one.seek(start), two.seek(start)
            if one.read(BYTES_COMPARED) != two.read(BYTES_COMPARED):
                return True
    return False


def _moved(
    looked_for: dict[str, str], particle_file: Path, folders: Sequence[Path], search: ImageSearch
) -> FoundStacks:
    """Where no stack lies under its whole name: by the ends of the names, where that leads to one folder only."""
    if search.project_folder is not None:
        roots = [Path(search.project_folder)]
    else:
        project = project_above(particle_file)
        likely = [project, particle_file.absolute().parent, Path.cwd()]
        roots = list(dict.fromkeys(root for root in likely if root is not None))
    found = by_ends_of_names(looked_for, roots, particle_file)
    if found is None:
        names = list(looked_for)
        raise InputError(
            f"{particle_file}: {len(names)} of {len(names)} image stacks are missing: {shown_names(names)}. "
            f"Looked below {', '.join(str(folder) for folder in folders)}. Name the folder that the names start from with "
            "--project-folder, or any folder of the images with --datadir; --strip-prefix takes off the start of the names."
        )
    folder, paths = found
    example_name, example_path = next(iter(paths.items()))
    remark = f"Images: {_counted(paths)} below {folder}, by the ends of their names."
    doubt = (
        f"{particle_file}: no stack lies under its whole name, such as {example_name}; {example_path} is taken for it, and the "
        f"others alike. If these are other images of the same name, give the right folder with --datadir."
    )
    return FoundStacks(paths, folder, False, remark, () if search.project_folder is not None else (doubt,))


def _without_prefix(names: list[str], prefix: str | None, particle_file: Path) -> dict[str, str]:
    """Each name, and what is looked for in its place."""
    if prefix is None:
        return {name: name for name in names}
    start = prefix.rstrip("/") + "/"
    looked_for = {
        name: name.removeprefix(start).lstrip("/") if name.startswith(start) else name for name in names
    }
    if all(name == tail for name, tail in looked_for.items()):
        raise InputError(
            f"{particle_file}: no image name starts with {start!r} (--strip-prefix); they are such as {names[0]!r}. "
            "Give the first folders of that name."
        )
    return looked_for


def _counted(paths: dict[str, Path]) -> str:
    return f"{len(paths)} stack{'' if len(paths) == 1 else 's'}"
