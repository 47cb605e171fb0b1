"""Where the image stacks are: names in a particle file are relative to a project folder that has to be found."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from gem_plugin.errors import InputError

MISSING_NAMES_SHOWN = 3


def find_stacks(
    stack_names: Iterable[str],  # unique, as in the file
    particle_file: Path,
    project_folder: Path | None = None,  # given by the user: then nothing else is tried
) -> dict[str, Path]:
    """The path of every stack. Without a project folder, the folders above the file and the working folder are tried."""
    names = list(stack_names)
    folders = [Path(project_folder)] if project_folder is not None else list(_candidates(Path(particle_file)))
    found: dict[str, Path] = {}
    missing: list[str] = []
    for name in names:
        path = next((folder / name for folder in folders if (folder / name).is_file()), None)
        if path is None:
            missing.append(name)
            continue
        found[name] = path
        root = next(folder for folder in folders if folder / name == path)
        folders = [
            root,
            *(folder for folder in folders if folder != root),
        ]  # the next stack is likely there too
    if missing:
        shown = ", ".join(missing[:MISSING_NAMES_SHOWN]) + (
            ", ..." if len(missing) > MISSING_NAMES_SHOWN else ""
        )
        raise InputError(
            f"{particle_file}: {len(missing)} of {len(names)} image stacks are missing: {shown}. "
            f"Looked below {', '.join(str(folder) for folder in folders)}. "
            "Start from the project folder, or name it with --project-folder; if the images were moved, link them back."
        )
    return found


def _candidates(particle_file: Path) -> Iterator[Path]:
    """The working folder, then the folder of the file and all above it, then all above the working folder."""
    working_folder = Path.cwd()
    file_folder = particle_file.absolute().parent
    yield from dict.fromkeys([working_folder, file_folder, *file_folder.parents, *working_folder.parents])
