"""The particles that a user names, whatever program they come from, and the stacks that hold their images."""

from pathlib import Path

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.io.mrc.header import MrcHeader, read_mrc_header
from gem_plugin.io.project_folder import find_stacks
from gem_plugin.particles.from_relion import read_relion_particles
from gem_plugin.particles.table import ParticleTable
from gem_plugin.progress import Track, untracked

CRYOSPARC_SUFFIXES = (".cs", ".csg")
RELION_PARTICLE_FILES = ("run_data.star", "particles.star")


def is_cryosparc(path: Path) -> bool:
    """Whether a path is a CryoSPARC file or job directory."""
    return Path(path).suffix in CRYOSPARC_SUFFIXES or Path(path).is_dir()


def read_particles(
    path: Path,
    project_folder: Path | None = None,
    pixel_size_in_angstroms: float | None = None,  # only for star files that have none
) -> ParticleTable:
    """Read a RELION star file, a CryoSPARC .cs or .csg file, or a CryoSPARC job directory."""
    path = Path(path)
    if not path.exists():
        raise InputError(f"There is no file {path}. Check the name; relative names start from {Path.cwd()}.")
    _refuse_relion_job_folder(path)
    if is_cryosparc(path):
        from gem_plugin.particles.from_cryosparc import read_cryosparc_particles

        return read_cryosparc_particles(path)
    if path.suffix != ".star":
        raise InputError(
            f"{path}: expected particles as .star (RELION), .cs or .csg (CryoSPARC) or a CryoSPARC job directory. "
            "Give run_data.star of a refinement, not the image stack."
        )
    return read_relion_particles(path, project_folder, pixel_size_in_angstroms)


def _refuse_relion_job_folder(path: Path) -> None:
    """A folder is taken for a CryoSPARC job, but not one in which RELION left its files."""
    if path.is_dir() and (path / "job.star").is_file():
        names = ", ".join(
            sorted(found.name for found in path.glob("*.star") if found.name in RELION_PARTICLE_FILES)
        )
        raise InputError(
            f"{path} is a RELION job folder; give the star file in it"
            + (f": {names}." if names else ", of a job with particles.")
        )


def find_particle_stacks(
    table: ParticleTable, path: Path, project_folder: Path | None = None
) -> dict[str, Path]:
    """The path of every stack that the table names."""
    path = Path(path)
    if project_folder is None and is_cryosparc(path):
        from gem_plugin.particles.from_cryosparc import cryosparc_image_folder

        project_folder = cryosparc_image_folder(path)
    return find_stacks(dict.fromkeys(table.stack_names.tolist()), path, project_folder)


def check_stacks(
    table: ParticleTable, stack_paths: dict[str, Path], path: Path, track: Track = untracked
) -> dict[Path, MrcHeader]:
    """Headers of all stacks, after checking sizes and slice numbers; no image is read."""
    tracked = track(list(stack_paths.values()), "headers of the stacks", unit="stack")
    headers = {stack_path: read_mrc_header(stack_path) for stack_path in tracked}
    box = (table.box_size, table.box_size)
    for name, stack_path in stack_paths.items():
        if headers[stack_path].shape[1:] != box:
            rows, columns = headers[stack_path].shape[1:]
            first = int(np.flatnonzero(table.stack_names == name)[0])
            raise InputError(
                f"{stack_path} has images of {columns} x {rows} pixels, expected {box[1]} x {box[0]} as in {path} "
                f"(first used in row {first}). Extract all particles with one square box."
            )
    _check_slices(table, stack_paths, headers, path)
    return headers


def _check_slices(
    table: ParticleTable, stack_paths: dict[str, Path], headers: dict[Path, MrcHeader], path: Path
) -> None:
    n_images = {name: headers[stack_path].shape[0] for name, stack_path in stack_paths.items()}
    limits = np.fromiter((n_images[name] for name in table.stack_names), dtype=np.int64, count=len(table))
    beyond = np.flatnonzero((table.slice_indices >= limits) | (table.slice_indices < 0))
    if len(beyond):
        row = int(beyond[0])
        raise InputError(
            f"{path}, row {row}: image {table.slice_indices[row] + 1} of {stack_paths[table.stack_names[row]]} is needed, "
            f"which holds {limits[row]} images. Is the stack from another job, or was it cut short?"
        )
