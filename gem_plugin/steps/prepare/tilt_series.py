"""prepare for particles of tilt series: all tilt images into one stack, the particles and the geometry of their images beside it."""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gem_plugin.errors import InputError
from gem_plugin.imaging.ctf import CtfParameters
from gem_plugin.imaging.fourier import fourier_crop_images
from gem_plugin.imaging.normalisation import MINIMUM_BACKGROUND_FRACTION, background_mask
from gem_plugin.io.mrc.header import read_mrc_header
from gem_plugin.io.mrc.stacks import write_stack
from gem_plugin.io.run.excluded import ExcludedParticles, write_excluded
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.star.tomography import is_from_tomography
from gem_plugin.notices import note, warn
from gem_plugin.particles.images import image_defects
from gem_plugin.particles.map_checks import read_matching_map, read_matching_mask
from gem_plugin.particles.map_grids import UNSET_PIXEL_SIZES
from gem_plugin.particles.prepared import ParticleOrigin, save_prepared_table
from gem_plugin.particles.tilt_series.image_series import BINNED
from gem_plugin.particles.tilt_series.images import TiltImageReader
from gem_plugin.particles.tilt_series.read import TiltSeriesOptions, read_tilt_series
from gem_plugin.particles.tilt_series.saved import save_tilt_series, table_of_particles
from gem_plugin.particles.tilt_series.table import TiltSeriesForm, TiltSeriesParticles
from gem_plugin.particles.tilt_series.views import each_image_once, expand_tilt_series
from gem_plugin.progress import Progress
from gem_plugin.results.image_search import image_search
from gem_plugin.results.joined_particles import named_files
from gem_plugin.results.particle_file import RelionParticleFile, program_of
from gem_plugin.results.tilt_series_file import TiltSeriesParticleFile
from gem_plugin.steps.prepare.exclusion import check_number_of_particles
from gem_plugin.steps.prepare.settings import PrepareSettings
from gem_plugin.steps.prepare.symmetry import Maps, find_symmetry
from gem_plugin.steps.prepare.tilt_noise import NoiseOfTilts
from gem_plugin.steps.prepare.tilt_views import settle_tilt_views
from gem_plugin.steps.prepare.views import counts_of_views

IMAGES_AT_A_TIME = 256
SAMPLE_OF_IMAGES = 1000  # looked at before all are prepared
MAXIMUM_UNUSABLE_FRACTION = 0.1  # of the tilt images
DOSE_STEP = 0.05  # electrons per square Angstrom: doses of two tilts differ by more
EDGE_IN_PIXELS = 6  # of the images as read: of the circle to which RELION cuts them
BLANK = 1e-3  # of the variance inside the circle: corners with less were cut away
RING_OF_NOISE = 0.7  # of the radius of such a circle: outside, noise is measured where no diameter is given
ONLY_TILT_SERIES = ("tomograms", "max_dose", "max_tilts", "grouping_column")
ONLY_SINGLE_PARTICLES = ("normalise",)


def is_tilt_series(settings: PrepareSettings) -> bool:
    """Whether the particles, or those of all samples, are of tilt series. InputError for settings that have no effect with what they are."""
    paths = [] if settings.particles is None else [Path(settings.particles)]
    if settings.samples and not paths:
        paths = list(named_files(settings.samples).values())
    are = [_holds_tilt_series(path, settings) for path in paths]
    if any(are) and not all(are):
        raise InputError(
            f"{paths[are.index(True)]} holds tilt series, {paths[are.index(False)]} does not; expected samples of one kind."
        )
    is_one = any(are)
    defaults = {field.name: field.default for field in fields(PrepareSettings)}
    kind, other = ("tilt series", ONLY_SINGLE_PARTICLES) if is_one else ("single particles", ONLY_TILT_SERIES)
    changed = [name for name in other if getattr(settings, name) != defaults[name]]
    if changed:
        flag = "--" + changed[0].replace("_", "-")
        holds = f"{paths[0]} holds" if paths else "There are"
        raise InputError(f"{holds} {kind}, with which {flag} has no effect. Leave it out.")
    if is_one and settings.samples and settings.tomograms is not None:
        raise InputError(
            "--tomograms is for one particle file; give the optimisation set of each of the --samples."
        )
    return is_one


def _holds_tilt_series(path: Path, settings: PrepareSettings) -> bool:
    is_relion = program_of(path) == RelionParticleFile.program
    return is_relion and (settings.grouping_column is not None or is_from_tomography(path))


def tilt_series_options(settings: PrepareSettings) -> TiltSeriesOptions:
    """How the particles are read."""
    options = TiltSeriesOptions(
        tomograms=settings.tomograms,
        pixel_size_in_angstroms=settings.pixel_size,
        max_dose=settings.max_dose,
        max_tilts=settings.max_tilts,
        search=image_search(settings),
    )
    if settings.grouping_column is not None:
        options = replace(options, grouping_column="_" + settings.grouping_column.lstrip("_"))
    return options


def read_particles_of_tilts(settings: PrepareSettings, progress: Progress) -> TiltSeriesParticles:
    """The particles with the images that are used; of a set that was expanded by symmetry each view once."""
    assert settings.particles is not None
    particles = read_tilt_series(Path(settings.particles), tilt_series_options(settings), progress.track)
    return settle_tilt_views(particles, settings.drop_duplicates)


def prepare_tilt_series(
    run: RunFiles,
    settings: PrepareSettings,
    check_room: Callable[[int, int], None],  # for so many images of this box
    progress: Progress,
) -> dict[str, Any]:
    """Write the prepared stack and the tables; numbers for the summary."""
    particles = read_particles_of_tilts(settings, progress)
    progress.say(f"Tilt series ({particles.form.value}): {particles.counts}.")
    check_number_of_particles(particles.path, len(particles))
    maps = _check_maps(settings, particles)
    file = TiltSeriesParticleFile(particles)
    symmetry = find_symmetry(settings, file, table_of_particles(particles), maps, progress)
    working_box = _working_box(settings, particles)
    shown = each_image_once(particles)
    check_room(len(shown.images), working_box)
    with TiltImageReader(shown) as reader:
        preparing = _look(shown, reader, working_box, settings, progress)
        _write_images(run, preparing, progress)
    noise = preparing.noise.result()
    particles = expand_tilt_series(particles, symmetry)
    levels = noise.levels[particles.images.image_indices]
    table = replace(
        table_of_particles(particles),
        pixel_size_in_angstroms=preparing.pixel_size_in_angstroms,
        box_size=working_box,
        own_box_sizes=np.zeros(0, np.int32),
        own_pixel_sizes=np.zeros(0),
    )
    origin = ParticleOrigin(
        Path(str(settings.particles)).absolute(),
        settings.project_folder,
        particles.box_size,
        particles.pixel_size_in_angstroms,
    )
    save_tilt_series(run.prepared_tilt_series, particles, levels)
    save_prepared_table(run.prepared_table, table, noise.spectrum, origin)
    excluded = _without_images(particles, preparing, levels)
    write_excluded(run, excluded)
    counts = particles.image_counts
    return {
        "particles": len(particles),
        **({"symmetry": symmetry.name} if len(symmetry) > 1 else {}),
        **counts_of_views(table),
        "tilt_images": len(shown.images),
        "tilts_per_particle": f"{counts.min()} to {counts.max()}",
        "tomograms": len(set(particles.tomograms.tolist())),
        **({"excluded_particles": len(excluded)} if len(excluded) else {}),
        **({"unusable_tilt_images": len(preparing.defects)} if preparing.defects else {}),
        "stacks": len(particles.stack_paths),
        "box": working_box,
        "pixel_size_in_angstroms": round(preparing.pixel_size_in_angstroms, 6),
        "original_box": particles.box_size,
        "original_pixel_size_in_angstroms": particles.pixel_size_in_angstroms,
        "noise_power": round(float(noise.spectrum.mean()), 4),
        "noise_levels": _range_of(noise.levels),
    }


def _check_maps(settings: PrepareSettings, particles: TiltSeriesParticles) -> Maps:
    """Map and mask where they were given, in the box of the particles."""
    expected = particles.box_size, particles.pixel_size_in_angstroms
    volume = mask = None
    if settings.map is not None:
        _check_binned(particles, Path(settings.map))
        volume = read_matching_map(Path(settings.map), *expected)
    if settings.mask is not None:
        mask = read_matching_mask(Path(settings.mask), *expected)
    return Maps(volume, mask)


def _check_binned(particles: TiltSeriesParticles, path: Path) -> None:
    """Image series are often binned after their file was written; a map of the same box then says so by its voxels."""
    header = read_mrc_header(path)
    found, stated = header.pixel_size_in_angstroms, particles.pixel_size_in_angstroms
    is_same_box = header.shape == (particles.box_size,) * 3
    is_image_series = particles.form is TiltSeriesForm.IMAGE_SERIES
    if is_image_series and is_same_box and found not in UNSET_PIXEL_SIZES and found > BINNED * stated:
        raise InputError(
            f"{path} has the box of the images, {particles.box_size}, and {found:.4g} A per voxel, but {particles.path} gives the images "
            f"{stated:.4g} A per pixel. Were they binned after that file was written? Then use --pixel-size {found:.4g}; "
            "if not, give the map of the same refinement."
        )


@dataclass
class _Preparing:
    """What is needed to prepare any of the images; noise and defects learn from each."""

    particles: TiltSeriesParticles  # with every image once
    reader: TiltImageReader
    working_box: int
    sign: float  # -1 for dark particles
    scale: float  # images are divided by it: the standard deviation of usual noise
    noise: NoiseOfTilts
    defects: dict[int, str]

    @property
    def pixel_size_in_angstroms(self) -> float:
        particles = self.particles
        return particles.pixel_size_in_angstroms * particles.box_size / self.working_box

    def prepared(self, rows: np.ndarray) -> Tensor:  # (k, working box, working box)
        """Some images, from which noise and defects learn."""
        images, found = _read(self.reader, rows)
        self.defects.update({int(rows[position]): reason for position, reason in found.items()})
        images = fourier_crop_images(images, self.working_box) * (self.sign / self.scale)
        is_usable = np.ones(len(rows), dtype=bool)
        is_usable[list(found)] = False
        self.noise.add(images, rows, is_usable)
        return images


def _look(
    particles: TiltSeriesParticles,
    reader: TiltImageReader,
    working_box: int,
    settings: PrepareSettings,
    progress: Progress,
) -> _Preparing:
    """Look at some images for the mask and the level of the noise."""
    images = particles.images
    n_looked_at = min(SAMPLE_OF_IMAGES, len(images))
    rows = np.unique(np.linspace(0, len(images) - 1, n_looked_at).astype(np.int64))
    with progress.waiting("Inspecting some images"):
        read, found = _read(reader, rows)
        mask = _noise_mask(read, working_box, settings.particle_diameter, particles.pixel_size_in_angstroms)
        sample = _noise_of(images.take(rows).ctf_parameters(), np.zeros(len(rows), np.int64), mask, particles)
        is_usable = np.ones(len(rows), dtype=bool)
        is_usable[list(found)] = False
        sample.add(fourier_crop_images(read, working_box), np.arange(len(rows)), is_usable)
        scale = float(np.sqrt(sample.result().spectrum.mean()))
    noise = _noise_of(images.ctf_parameters(), groups_of_images(particles), mask, particles)
    sign = -1.0 if settings.invert_contrast else 1.0
    return _Preparing(particles, reader, working_box, sign, scale if scale > 1e-12 else 1.0, noise, {})


def groups_of_images(particles: TiltSeriesParticles) -> np.ndarray:  # (m,) int64 from 0
    """Images of one tilt of one tomogram share their noise. Tilts of image series are told apart by their dose."""
    _, tomograms = np.unique(particles.tomograms.astype(str), return_inverse=True)
    images = particles.images
    tilts = images.tilt_numbers
    if particles.form is TiltSeriesForm.IMAGE_SERIES and np.ptp(images.doses) > 0:
        tilts = np.round(images.doses / DOSE_STEP).astype(np.int64)  # their rows have no number of the tilt
    pairs = np.stack([tomograms.reshape(-1)[images.particle_indices], tilts], axis=1)
    return np.unique(pairs, axis=0, return_inverse=True)[1].reshape(-1).astype(np.int64)


def _noise_of(
    ctf: CtfParameters, groups: np.ndarray, mask: Tensor, particles: TiltSeriesParticles
) -> NoiseOfTilts:
    pixel_size = particles.pixel_size_in_angstroms * particles.box_size / len(mask)
    return NoiseOfTilts(groups, ctf, mask, pixel_size)


def _read(reader: TiltImageReader, rows: np.ndarray) -> tuple[Tensor, dict[int, str]]:
    """Images, those that carry no information zero; their positions with the reason."""
    images = torch.from_numpy(reader.read(rows))
    defects = image_defects(images)
    images[list(defects)] = 0
    return images, defects


def _noise_mask(
    images: Tensor,  # (k, box, box), as read
    working_box: int,
    diameter_in_angstroms: float | None,
    pixel_size_in_angstroms: float,
) -> Tensor:  # (working box, working box) bool
    """Where noise is measured: outside the particle, and inside the circle to which RELION cuts images where they are cut."""
    box_size = images.shape[-1]
    scale = working_box / box_size
    radius = None if diameter_in_angstroms is None else diameter_in_angstroms / pixel_size_in_angstroms / 2
    corners = background_mask(box_size, box_size / 2)
    of_corners = float(images[:, corners].square().mean())
    inside = images[:, ~corners]
    if of_corners > BLANK * float((inside - inside.mean()).square().mean()):
        return background_mask(working_box, min(radius or np.inf, box_size / 2) * scale)
    outer = box_size / 2 - EDGE_IN_PIXELS
    inner = RING_OF_NOISE * outer if radius is None else radius
    offsets = torch.arange(working_box) - working_box // 2
    distances = (offsets[:, None] ** 2 + offsets[None, :] ** 2).double().sqrt() / scale
    mask = (distances > inner) & (distances <= outer)
    widths = ", ".join(f"{2 * one * pixel_size_in_angstroms:.0f}" for one in (inner, outer))
    if mask.double().mean() < MINIMUM_BACKGROUND_FRACTION:
        raise InputError(
            f"The images are cut to a circle, which leaves no ring of noise around a molecule of {diameter_in_angstroms:.0f} A: noise would be "
            f"measured between the diameters {widths} A. Check --particle-diameter, or extract in a larger box."
        )
    if radius is None:
        note(
            f"The images are cut to a circle: their noise is measured between the diameters {widths} A. "
            "Give --particle-diameter where the molecule is larger or smaller."
        )
    return mask


def _working_box(settings: PrepareSettings, particles: TiltSeriesParticles) -> int:
    if settings.box % 2:
        raise InputError(
            f"--box is {settings.box}; expected an even number, so that the centre stays on a pixel."
        )
    return min(settings.box, particles.box_size - particles.box_size % 2)


def _write_images(run: RunFiles, preparing: _Preparing, progress: Progress) -> None:
    """Prepare every image once."""
    n_images = len(preparing.particles.images)
    starts = list(range(0, n_images, IMAGES_AT_A_TIME))
    with write_stack(run.prepared_images, preparing.pixel_size_in_angstroms) as writer:
        for start in progress.track(starts, "Preparing images", len(starts), "chunk"):
            rows = np.arange(start, min(start + IMAGES_AT_A_TIME, n_images))
            writer.append(preparing.prepared(rows).numpy())
            _check_defects(preparing)


def _check_defects(preparing: _Preparing) -> None:
    defects, n_images = preparing.defects, len(preparing.particles.images)
    if len(defects) > MAXIMUM_UNUSABLE_FRACTION * n_images:
        raise InputError(
            f"{preparing.particles.path}: at least {len(defects)} of {n_images} tilt images cannot be used, more than a tenth: "
            f"{_first_defect(preparing)}. Extract the particles again."
        )


def _first_defect(preparing: _Preparing) -> str:
    image, reason = next(iter(preparing.defects.items()))
    images = preparing.particles.images
    name = preparing.particles.names[images.particle_indices[image]]
    return f"particle {name}, image {int(images.slice_indices[image]) + 1} of {images.stack_names[image]}: {reason}"


def _without_images(
    particles: TiltSeriesParticles, preparing: _Preparing, levels: np.ndarray
) -> ExcludedParticles:
    """Particles of which no image can be used, with a warning about all images that cannot."""
    if not preparing.defects:
        return ExcludedParticles.none()
    usable = np.bincount(particles.images.particle_indices[np.isfinite(levels)], minlength=len(particles))
    rows = np.flatnonzero(usable == 0)
    n_out = len(np.unique(particles.particle_indices[rows]))
    warn(
        f"{particles.path}: {len(preparing.defects)} of {particles.n_images} tilt images cannot be used and count as empty "
        f"(first {_first_defect(preparing)}); {n_out} of {particles.n_particles} particles have no other and are left out."
    )
    names = [str(particles.names[row]) for row in rows]
    return ExcludedParticles(
        rows.astype(np.int64), names, ["none of its tilt images can be used"] * len(rows)
    )


def _range_of(levels: np.ndarray) -> str:
    finite = levels[np.isfinite(levels)]
    return f"{finite.min():.3g} to {finite.max():.3g}" if len(finite) else "none"
