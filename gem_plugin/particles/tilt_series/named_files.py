"""Star files that other star files of tilt series name: relative to the project, or to the file that names them."""

from pathlib import Path

from gem_plugin.errors import InputError
from gem_plugin.io.project_folder import ImageSearch, project_above


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
    for folder in folders:
        if (folder / name).is_file():
            return folder / name
    raise InputError(
        f"{named_in}: {what} is missing: expected {name} below {_shown(folders)}. Put it back, or name the folder that such names "
        "start from with --project-folder."
    )


def _shown(folders: list[Path]) -> str:
    return str(folders[0]) if len(folders) == 1 else f"{folders[0]}, a folder above it or the working folder"
