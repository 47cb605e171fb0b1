"""Particles of tilt series in a file: saved by prepare with the noise of their images."""

from dataclasses import fields
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np

from gem_plugin.imaging.symmetry import Symmetry
from gem_plugin.io.whole_files import whole_file
from gem_plugin.particles.identity import numbered
from gem_plugin.particles.stored_texts import text_as_bytes, text_from_bytes
from gem_plugin.particles.table import ParticleTable
from gem_plugin.particles.tilt_series.table import TiltImages, TiltSeriesForm, TiltSeriesParticles

PREFIX_OF_IMAGES = "image_"
NAMES_OF_STACKS, PATHS_OF_STACKS, NOISE_LEVELS = "stack_name", "stack_path", "noise_levels"
SYMMETRY_NAME, SYMMETRY_OPERATORS = "symmetry_name", "symmetry_operators"
TEXT_COLUMNS = ("names", "tomograms", "image_stack_names")
SAME_IN_TABLES = (
    "stack_names",
    "slice_indices",
    "rotation_matrices",
    "shifts_in_angstroms",
    "defocus_u_in_angstroms",
    "defocus_v_in_angstroms",
    "defocus_angle_in_degrees",
    "phase_shift_in_degrees",
    "b_factor_in_square_angstroms",
    "scale_factor",
    "voltage_in_kilovolts",
    "spherical_aberration_in_millimetres",
    "amplitude_contrast",
    "image_processing",
)


def table_of_particles(particles: TiltSeriesParticles, contrast_sign: float = 1.0) -> ParticleTable:
    """One row a view or particle, which describes its image of lowest dose; the name of the particle stands for that of its image."""
    first = particles.images.take(particles.first_images[:-1])
    n = len(particles)
    return ParticleTable(
        image_names=particles.names,
        contrast_sign=np.full(n, contrast_sign, dtype=np.float32),
        half_sets=particles.half_sets,
        optics_groups=particles.optics_groups,
        pixel_size_in_angstroms=particles.pixel_size_in_angstroms,
        box_size=particles.box_size,
        file_rows=particles.file_rows,
        image_indices=numbered(first.image_indices),
        particle_indices=particles.particle_indices,
        symmetry_copies=particles.symmetry_copies,
        symmetry=particles.symmetry,
        **{name: getattr(first, name) for name in SAME_IN_TABLES},
    )


def save_tilt_series(path: Path, particles: TiltSeriesParticles, noise_levels: np.ndarray) -> None:
    """Write particles and images as arrays only; texts as bytes, so that nothing has to be unpickled."""
    values = {PREFIX_OF_IMAGES + name: value for name, value in _values(particles.images).items()}
    of_particles = _values(particles)
    del of_particles["images"]
    stacks, symmetry = of_particles.pop("stack_paths"), of_particles.pop("symmetry")
    values |= {SYMMETRY_NAME: np.array(symmetry.name), SYMMETRY_OPERATORS: symmetry.operators}
    values |= {name: _as_array(value) for name, value in of_particles.items()}
    for name in TEXT_COLUMNS:
        values[name] = text_as_bytes(values[name])
    values[NAMES_OF_STACKS] = text_as_bytes(np.array(list(stacks), dtype=object))
    paths = [str(Path(one).absolute()) for one in stacks.values()]
    values[PATHS_OF_STACKS] = text_as_bytes(np.array(paths, dtype=object))
    values[NOISE_LEVELS] = noise_levels
    with whole_file(path) as temporary:
        np.savez(temporary, **values)


def load_tilt_series(path: Path) -> tuple[TiltSeriesParticles, np.ndarray]:  # particles; (m,) noise levels
    """What save_tilt_series wrote."""
    with np.load(path, allow_pickle=False) as saved:
        values = dict(saved)
    for name in TEXT_COLUMNS:
        values[name] = text_from_bytes(values[name])
    names, paths = (text_from_bytes(values.pop(name)) for name in (NAMES_OF_STACKS, PATHS_OF_STACKS))
    levels = values.pop(NOISE_LEVELS)
    images = TiltImages(
        **{
            field.name: values[PREFIX_OF_IMAGES + field.name]
            for field in fields(TiltImages)
            if PREFIX_OF_IMAGES + field.name in values  # runs of earlier versions have no shared images
        }
    )
    texts = {name: str(values[name]) for name in ("path", "tomograms_path", "trajectories_path")}
    particles = TiltSeriesParticles(
        **{
            field.name: values[field.name]
            for field in fields(TiltSeriesParticles)
            if field.name in values and values[field.name].ndim
        },
        images=images,
        symmetry=_symmetry(values),
        box_size=int(values["box_size"]),
        pixel_size_in_angstroms=float(values["pixel_size_in_angstroms"]),
        form=TiltSeriesForm(str(values["form"])),
        path=Path(texts["path"]),
        stack_paths={name: Path(path) for name, path in zip(names.tolist(), paths.tolist(), strict=True)},
        tomograms_path=Path(texts["tomograms_path"]) if texts["tomograms_path"] else None,
        trajectories_path=Path(texts["trajectories_path"]) if texts["trajectories_path"] else None,
        grouping_column=str(values["grouping_column"]) or None,
    )
    return particles, levels


def _symmetry(values: dict[str, np.ndarray]) -> Symmetry:
    """None in runs of earlier versions, which made no views of tilt series."""
    if SYMMETRY_NAME not in values:
        return Symmetry()
    return Symmetry(str(values[SYMMETRY_NAME]), values[SYMMETRY_OPERATORS])


def _values(table: Any) -> dict[str, Any]:
    return {field.name: getattr(table, field.name) for field in fields(table)}


def _as_array(value: Any) -> np.ndarray:
    """Numbers as they are, paths and words as texts; nothing as the empty text."""
    if isinstance(value, np.ndarray):
        return value
    if isinstance(value, Path):
        return np.array(str(value.absolute()))
    if isinstance(value, Enum):
        return np.array(value.value)
    return np.array("" if value is None else value)
