"""A symmetric refinement in RELION and in CryoSPARC: a few particles, their images, and a map with the symmetry."""

import io
from pathlib import Path

import numpy as np
from cryosparc_rows import make_rows
from relion_projects import RelionProject, noisy_images
from symmetric_maps import symmetric_map

from gem_plugin.imaging.symmetry import settings_of_symmetry
from gem_plugin.io.cryosparc.files import write_cs_rows
from gem_plugin.io.mrc.maps import write_map
from gem_plugin.io.mrc.stacks import write_stack
from gem_plugin.io.run.files import RunFiles
from gem_plugin.notices import listening
from gem_plugin.progress import Progress
from gem_plugin.results.run import Run
from gem_plugin.steps.prepare.settings import PrepareSettings
from gem_plugin.steps.prepare.step import run_prepare

BOX, PIXEL_SIZE = 32, 2.0


def relion_project(folder: Path, symmetry: str = "C3", n_particles: int = 6) -> RelionProject:
    project = RelionProject(folder, n_particles, BOX)
    for group in project.optics:
        group["_rlnImageSize"] = str(BOX)
    project.columns["_myColumn"] = [f"kept_{row}" for row in range(n_particles)]
    project.write()
    write_map(project.map, symmetric_map(settings_of_symmetry(symmetry)[0], BOX), PIXEL_SIZE)
    return project


def cryosparc_project(
    folder: Path, symmetry: str = "C3", n_particles: int = 20
) -> tuple[Path, Path, np.ndarray]:
    """The .cs file, the map, and the rows."""
    rows = make_rows(n_particles, box_size=BOX, pixel_size=PIXEL_SIZE)
    rows["alignments3D/psize_A"] = PIXEL_SIZE
    images = -noisy_images(n_particles, BOX)
    for path in np.unique(rows["blob/path"]).tolist():
        chosen = rows["blob/path"] == path
        (folder / path.decode()).parent.mkdir(parents=True, exist_ok=True)
        with write_stack(folder / path.decode(), PIXEL_SIZE) as writer:
            writer.append(images[: chosen.sum()])
    source = folder / "J42" / "J42_011_particles.cs"
    write_cs_rows(source, rows)
    volume = source.with_name("J42_volume_map.mrc")
    write_map(volume, symmetric_map(settings_of_symmetry(symmetry)[-1], BOX), PIXEL_SIZE)
    return source, volume, rows


def run_of_star_views(folder: Path) -> Run:
    """Six particles of C3, each in three views."""
    project = relion_project(folder / "project")
    return prepared_run(folder / "project" / "run", particles=project.star, map=project.map, symmetry="C3")


def run_of_cryosparc_views(folder: Path) -> tuple[Run, np.ndarray]:
    """Twenty particles of D3, each in six views; and the rows that they came from."""
    source, volume, rows = cryosparc_project(folder / "project", "D3")
    return prepared_run(folder / "run", particles=source, map=volume, symmetry="D3"), rows


def prepared_run(folder: Path, **settings: object) -> Run:
    with listening(lambda notice: None):
        run_prepare(RunFiles(folder), PrepareSettings(**{"box": BOX, **settings}), Progress(io.StringIO()))  # type: ignore[arg-type]
    return Run(folder)
