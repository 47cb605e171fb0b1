"""Star files that other star files of tilt series name: relative to the project, or to the file that names them."""

from pathlib import Path

from gem_plugin.errors import InputError
from gem_plugin.io.project_folder import ImageSearch, project_above
from gem_plugin.notices import warn


def find_named_file(
    name: str,  # as it stands in the file
    named_in: Path,
    what: str,  # in words, such as "the tilt series of TS_01"
    search: ImageSearch | None = None,
) -> Path:
    """The path of a file that another file names; InputError says where it was looked for.

    Looked for below --project-folder alone where it is given; else in the project above, in all folders above, in the working folder.
    """
    if Path(name).is_absolute():
        folders = [Path("/")]
    elif search is not None and search.project_folder is not None:
        folders = [Path(search.project_folder)]
    else:
        project = project_above(named_in)
        above = [*named_in.absolute().parents, Path.cwd()]
        folders = list(dict.fromkeys([project, *above] if project is not None else above))
    found = [folder / name for folder in folders if (folder / name).is_file()]
    if found:
        _warn_of_another(found, named_in)
        return found[0]
    raise InputError(
        f"{named_in}: {what} is missing: expected {name} below {_shown(folders)}. Put it back, or name the folder that such names "
        "start from with --project-folder."
    )


def _warn_of_another(found: list[Path], named_in: Path) -> None:
    """RELION's names start from the project, those of WarpTools from the file if so asked: both may be there."""
    other = next((path for path in found[1:] if path.read_bytes() != found[0].read_bytes()), None)
    if other is not None:
        warn(
            f"{named_in}: {found[0]} is taken, but there is another file of that name, {other}. If the other is meant, give "
            "--project-folder with the folder that the names start from."
        )


def _shown(folders: list[Path]) -> str:
    return str(folders[0]) if len(folders) == 1 else f"{folders[0]}, a folder above it or the working folder"
