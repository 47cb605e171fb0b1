"""Settings of convert."""

from dataclasses import dataclass
from pathlib import Path

from gem_plugin.settings import setting


@dataclass(frozen=True)
class ConvertSettings:
    """What to convert, and into what."""

    particles: Path | None = setting(
        None, "CryoSPARC job directory, .cs or .csg; or a .star to bring back with --original."
    )
    out: Path | None = setting(None, "The .star or .cs file to write; its ending decides.")
    original: Path | None = setting(None, "For .star to .cs: the CryoSPARC job that the particles came from.")
    rows: Path | None = setting(None, "Text file of particle rows to convert, counted from 0; default: all.")
    stacks: str = setting(
        "link",
        "For .star: link to the stacks under .mrcs names, write white copies (RELION expects white particles), or only name them.",
        choices=("link", "white", "name"),
    )
    stack_folder: Path | None = setting(
        None, "Folder for those stacks; default: beside the .star, named after it."
    )
    project_folder: Path | None = setting(
        None, "CryoSPARC project folder, where it is not above the particles."
    )
    datadir: Path | None = setting(
        None,
        "Folder of the image stacks where they were moved: of each image name the longest end that exists below it is taken.",
    )
    strip_prefix: str | None = setting(
        None,
        "First folders to take off the image names before they are looked for, such as /old/project.",
    )
    strict: bool = setting(
        False,
        "Refuse trefoil, tetrafoil, image shift and anisotropic magnification, whose signs CryoSPARC does not document, rather "
        "than write them in the usual reading.",
    )
    overwrite: bool = setting(False, "Replace files that are there already.")
