"""Several particle files as one, each a sample with a name: the file that prepare --samples starts from."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.io.cryosparc.files import write_cs_rows
from gem_plugin.io.cryosparc.join import RowsToJoin, joined_rows
from gem_plugin.io.project_folder import FoundStacks, ImageSearch
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.star.join import FileToJoin, write_joined_star
from gem_plugin.results.particle_file import (
    CryosparcParticleFile,
    ParticleFile,
    RelionParticleFile,
    find_particle_file,
)
from gem_plugin.results.samples import Samples

NAME_OF_A_SAMPLE = re.compile(r"[\w.+-]+")
MINIMUM_FILES, MAXIMUM_FILES = 2, 12
COLUMN = "samples"  # as Samples calls what they were distinguished by


@dataclass(frozen=True)
class JoinedParticles:
    """The joined file."""

    path: Path
    project_folder: Path | None  # that its names start from; None: they are absolute
    samples: Samples  # of its rows


def named_files(samples: Sequence[str]) -> dict[str, Path]:
    """{name: file} of apo=a.star, atp=b.star; InputError for what is not of this form."""
    files: dict[str, Path] = {}
    for text in samples:
        name, separator, path = text.partition("=")
        if not separator or not NAME_OF_A_SAMPLE.fullmatch(name) or not path:
            raise InputError(
                f"--samples is {text!r}; expected name=file, several separated by commas, such as apo=apo.star,atp=atp.star. Names are "
                "of letters, digits and . _ + -"
            )
        if name in files:
            raise InputError(f"--samples names {name} twice; expected a name of its own for each file.")
        files[name] = Path(path)
    if not MINIMUM_FILES <= len(files) <= MAXIMUM_FILES:
        raise InputError(f"--samples has {len(files)} files; expected {MINIMUM_FILES} to {MAXIMUM_FILES}.")
    return files


def join_particles(
    run: RunFiles, samples: Sequence[str], search: ImageSearch, pixel_size_in_angstroms: float | None = None
) -> JoinedParticles:
    """Write the particles of all files as one into the run. All must be RELION's, or all CryoSPARC's."""
    opened = {name: find_particle_file(path) for name, path in named_files(samples).items()}
    programs = {one.program: one.path for one in opened.values()}
    if len(programs) > 1:
        raise InputError(
            f"{' and '.join(str(path) for path in programs.values())} are of {' and '.join(programs)}; expected samples of one program. "
            "gem-em convert translates between the two."
        )
    found = {
        name: one.find_images(one.read_table(search, pixel_size_in_angstroms), search)
        for name, one in opened.items()
    }
    folders = {one.folder.resolve() for one in found.values()}
    is_one_project = len(folders) == 1 and all(one.names_start_here for one in found.values())
    sizes = [len(one) for one in opened.values()]
    path = run.joined_particles(next(iter(opened.values())).suffix)
    _write(path, opened, None if is_one_project else found)
    return JoinedParticles(
        path,
        next(iter(folders)) if is_one_project else None,
        Samples(COLUMN, tuple(opened), np.repeat(np.arange(1, len(sizes) + 1), sizes)),
    )


def _write(path: Path, opened: dict[str, ParticleFile], found: dict[str, FoundStacks] | None) -> None:
    """With the names of images as they are, or as absolute paths where they are found in several folders."""
    stars, sets = [], []
    for name, one in opened.items():
        stacks = None if found is None else found[name]
        folder = None if stacks is None else stacks.folder
        if isinstance(one, RelionParticleFile):
            stars.append(FileToJoin(name, one._file, folder, {} if stacks is None else stacks.paths))
        elif isinstance(one, CryosparcParticleFile):
            sets.append(RowsToJoin(name, one._particles.rows, folder))
    if stars:
        write_joined_star(path, stars)
    else:
        write_cs_rows(path, joined_rows(sets))
