"""simulate --tilt-series: particles of tomograms whose motion is known, in the files of three programs.

Writes the folders relion5, warptools and image_series, a consensus map with half-maps from the noisy images, and truth.npz.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from scipy.spatial.transform import Rotation
from torch import Tensor

from gem_plugin.errors import InputError
from gem_plugin.imaging.back_projection import BackProjection
from gem_plugin.imaging.processed_images import PREMULTIPLIED, RAW
from gem_plugin.imaging.symmetry import settings_of_symmetry
from gem_plugin.io.array_files import write_arrays
from gem_plugin.io.mrc.stacks import StackWriter, write_stack
from gem_plugin.particles.expansion import copied_rotations
from gem_plugin.particles.tilt_series.geometry import euler_matrices
from gem_plugin.particles.tilt_series.table import TiltImages
from gem_plugin.particles.to_relion import relion_angles_in_degrees
from gem_plugin.progress import Progress
from gem_plugin.settings import flag_of
from gem_plugin.steps.simulate.conformations import Conformations
from gem_plugin.steps.simulate.settings import SimulateSettings
from gem_plugin.steps.simulate.tilt_files import (
    FAINT,
    RELION_FILES,
    RELION_FOLDER,
    SERIES_FILES,
    SERIES_FOLDER,
    WARPTOOLS_FILES,
    WARPTOOLS_FOLDER,
    relion_stack_name,
    rows_in_file,
    warptools_stack_name,
    write_image_series,
    write_relion_project,
    write_small_stack,
    write_warptools_files,
)
from gem_plugin.steps.simulate.tilt_images import clean_tilt_images, cut_to_circle, extracted
from gem_plugin.steps.simulate.tilt_truth import TiltSeriesTruth, draw_truth

IMAGES_AT_A_TIME = 100
IMAGES_FOR_SIGNAL = 500  # whose mean variance is the signal of the signal-to-noise ratio
FOLDERS = {"relion5": RELION_FOLDER, "warptools": WARPTOOLS_FOLDER, "image-series": SERIES_FOLDER}
FILES = {"relion5": RELION_FILES, "warptools": WARPTOOLS_FILES, "image-series": SERIES_FILES}
ONLY_HERE = [
    "tilt_form",
    "tomograms",
    "tilt_to",
    "tilt_step",
    "dose_per_tilt",
    "fewest_tilts",
    "subtomogram_angles",
    "raw_tilts",
    "float16",
]


def check_tilt_settings(settings: SimulateSettings) -> None:
    """InputError for settings that would change nothing, or that tilt series do not have."""
    fields = SimulateSettings.__dataclass_fields__
    if not settings.tilt_series:
        for name in ONLY_HERE:
            if getattr(settings, name) != fields[name].default:
                raise InputError(
                    f"{flag_of(fields[name])} is for tilt series; add --tilt-series or leave it out."
                )
        return
    if settings.stack_folder:
        raise InputError(
            "--stack-folder is for single particles; the folders of --tilt-series are projects. Leave it out."
        )
    if settings.tomograms > settings.n_particles:
        raise InputError(
            f"--tomograms is {settings.tomograms} for {settings.n_particles} particles; expected at least one particle for each."
        )


def forms_of(settings: SimulateSettings) -> list[str]:
    """The forms that are written."""
    return list(FOLDERS) if settings.tilt_form == "all" else [settings.tilt_form]


def files_of_tilt_series(settings: SimulateSettings) -> list[Path]:
    """The named files that are written, but for stacks."""
    return [settings.out / FOLDERS[form] / name for form in forms_of(settings) for name in FILES[form]]


def simulate_tilt_series(
    conformations: Conformations, which: np.ndarray, settings: SimulateSettings, progress: Progress
) -> BackProjection:
    """Write every file but the maps; gives the sums of which the consensus is made. `which` is (n, order): conformations of subunits."""
    generator = np.random.default_rng(settings.seed + 1)
    truth = draw_truth(settings, generator)
    images = truth.images(settings)
    written_angles = _written_angles(truth, settings.pose_error, generator)
    written = _rotated(images, truth, written_angles)
    making = _Making(conformations, which, truth, images, settings)
    signal_scale = making.signal_scale(progress)
    reconstruction = BackProjection(settings.box, settings.pixel_size)
    with ExitStack() as files:
        stack = None
        if "image-series" in forms_of(settings):
            stack = files.enter_context(
                write_stack(settings.out / SERIES_FOLDER / SERIES_FILES[1], settings.pixel_size)
            )
        for rows in progress.track(list(_batches(images)), "simulating", unit="batch"):
            raw = making.raw_images(rows, signal_scale, generator)
            _write_images(making, rows, raw, stack, generator)
            _add_to(reconstruction, making, rows, raw, written)
    _write_star_files(truth, written, written_angles, settings)
    _write_truth(conformations, which, truth, images, settings)
    return reconstruction


class _Making:
    """What every batch of images needs."""

    def __init__(
        self,
        conformations: Conformations,
        which: np.ndarray,
        truth: TiltSeriesTruth,
        images: TiltImages,
        settings: SimulateSettings,
    ) -> None:
        self.conformations, self.which, self.truth = conformations, which, truth
        self.images, self.settings = images, settings
        self.noise = truth.noise_deviations(images)
        self.width = _blurred_width(settings)
        self.symmetry = settings_of_symmetry(settings.symmetry)[0]

    def clean(self, rows: np.ndarray) -> Tensor:  # (k, 2 box, 2 box)
        some = self.images.take(rows)
        which = self.which[some.particle_indices]
        settings = self.settings
        return clean_tilt_images(
            self.conformations,
            which,
            some,
            settings.box,
            settings.pixel_size,
            self.width,
            self.symmetry,
        )

    def signal_scale(self, progress: Progress) -> float:
        """What images are multiplied by, so that noise of standard deviation 1 gives the ratio of variances."""
        if not self.settings.snr:
            return 1.0
        n_images = len(self.images)  # drawn, since every nth may be the same tilt of every particle
        drawn = np.random.default_rng(self.settings.seed).choice(
            n_images, min(IMAGES_FOR_SIGNAL, n_images), replace=False
        )
        rows = np.sort(drawn)
        parts = np.array_split(rows, int(np.ceil(len(rows) / IMAGES_AT_A_TIME)))
        some = progress.track(parts, "strength of the signal", unit="batch")
        variances = [self.cut(self.clean(part), part).var(dim=(1, 2)) for part in some]
        signal = float(torch.cat(variances).mean())
        return float(np.sqrt(self.settings.snr * np.mean(self.noise[rows] ** 2) / signal))

    def raw_images(self, rows: np.ndarray, signal_scale: float, generator: np.random.Generator) -> Tensor:
        """Images in the larger box, with noise, not multiplied by the CTF."""
        images = self.clean(rows) * signal_scale
        if not self.settings.snr:
            return images
        noise = torch.from_numpy(generator.standard_normal(images.shape, dtype=np.float32))
        return images + noise * torch.from_numpy(self.noise[rows])[:, None, None]

    def cut(self, raw: Tensor, rows: np.ndarray, is_multiplied: bool = False) -> Tensor:
        return extracted(raw, self.images.take(rows), self.settings.pixel_size, is_multiplied)


def _blurred_width(settings: SimulateSettings) -> float:
    """Of an atom with the B factor, whose envelope exp(-B k^2 / 4) is a Gaussian of variance B / (8 pi^2).

    The tilts of RELION 5 have no B factor in the model of a refinement, so it belongs to the molecule here.
    """
    return float(np.sqrt(settings.atom_width**2 + settings.b_factor / (8 * np.pi**2)))


def _batches(images: TiltImages) -> Iterator[np.ndarray]:
    """Images of whole particles."""
    counts = np.bincount(images.particle_indices)
    ends, start = np.cumsum(counts), 0
    for end in ends.tolist():
        if end - start >= IMAGES_AT_A_TIME or end == ends[-1]:
            if end > start:
                yield np.arange(start, end)
            start = end


def _write_images(
    making: _Making, rows: np.ndarray, raw: Tensor, series: StackWriter | None, generator: np.random.Generator
) -> None:
    settings, truth = making.settings, making.truth
    particles = making.images.particle_indices[rows]
    if series is not None:
        series.append(making.cut(raw, rows).numpy())
    stack_forms = [form for form in forms_of(settings) if form != "image-series"]
    cut = making.cut(raw, rows, not settings.raw_tilts) if stack_forms else raw
    for form in stack_forms:
        of_form = (cut_to_circle(cut) if form == "relion5" else cut).numpy()
        for particle in np.unique(particles):
            of_particle = of_form[particles == particle]  # in the order in which they were taken
            name, images = _in_order_of_file(truth, form, int(particle), of_particle, generator)
            path = settings.out / FOLDERS[form] / name
            write_small_stack(path, images, settings.pixel_size, settings.float16)


def _in_order_of_file(
    truth: TiltSeriesTruth, form: str, particle: int, visible: np.ndarray, generator: np.random.Generator
) -> tuple[str, np.ndarray]:
    """Name and slices of a stack: visible tilts in the order of RELION's star file; all tilts by angle for WarpTools."""
    number = int(truth.particles.which_tomogram[particle])
    tomogram, is_visible = truth.tomograms[number], truth.particles.is_visible[particle]
    name = truth.particles.names[particle]
    slices = np.zeros((len(tomogram), *visible.shape[1:]), np.float32)
    slices[is_visible] = visible
    if form == "relion5":
        order = rows_in_file(number, tomogram)
        return relion_stack_name(name), slices[order[is_visible[order]]]
    n_hidden = int((~is_visible).sum())
    slices[~is_visible] = FAINT * generator.standard_normal((n_hidden, *visible.shape[1:]), dtype=np.float32)
    return warptools_stack_name(name), slices[np.argsort(tomogram.y_tilts)]


def _add_to(
    reconstruction: BackProjection, making: _Making, rows: np.ndarray, raw: Tensor, written: TiltImages
) -> None:
    some = written.take(rows)
    half_sets = making.truth.particles.half_sets[some.particle_indices].astype(np.int64)
    rotations = torch.from_numpy(copied_rotations(some.rotation_matrices, making.symmetry)).float()
    images = making.cut(raw, rows)
    for copy in range(len(making.symmetry)):
        reconstruction.add_(
            images,
            rotations[:, copy].contiguous(),
            torch.from_numpy(some.shifts_in_angstroms),
            some.ctf_parameters(),
            torch.from_numpy(half_sets) - 1,
            torch.from_numpy(1 / making.noise[rows] ** 2),
        )


def _written_angles(
    truth: TiltSeriesTruth, pose_error_in_degrees: float, generator: np.random.Generator
) -> np.ndarray:  # (n, 3)
    """The angles of the particles as a refinement with errors would have found them."""
    if not pose_error_in_degrees:
        return truth.particles.angles
    n_particles = len(truth.particles.names)
    errors = Rotation.from_rotvec(generator.normal(0, np.deg2rad(pose_error_in_degrees), (n_particles, 3)))
    return relion_angles_in_degrees(errors.as_matrix() @ euler_matrices(truth.particles.angles))


def _write_star_files(
    truth: TiltSeriesTruth, images: TiltImages, angles: np.ndarray, settings: SimulateSettings
) -> None:
    forms = forms_of(settings)
    if "relion5" in forms:
        write_relion_project(settings.out / RELION_FOLDER, truth, angles, settings)
    if "warptools" in forms:
        write_warptools_files(settings.out / WARPTOOLS_FOLDER, truth, angles, settings)
    if "image-series" in forms:
        write_image_series(settings.out / SERIES_FOLDER, truth, images, settings)


def _rotated(images: TiltImages, truth: TiltSeriesTruth, angles: np.ndarray) -> TiltImages:
    """The images in the poses of the angles that are written, (n, 3)."""
    if angles is truth.particles.angles:
        return images
    corrections = euler_matrices(truth.particles.angles).transpose(0, 2, 1) @ euler_matrices(angles)
    rotations = images.rotation_matrices @ corrections[images.particle_indices]
    return replace(images, rotation_matrices=rotations.astype(np.float32))


def _write_truth(
    conformations: Conformations,
    which: np.ndarray,
    truth: TiltSeriesTruth,
    images: TiltImages,
    settings: SimulateSettings,
) -> None:
    """One row a particle, one row an image in the order of particle and dose, and the atoms of each conformation."""
    particles = truth.particles
    tomograms = [truth.tomograms[number] for number in particles.which_tomogram]
    write_arrays(
        settings.out / "truth.npz",
        which=which[:, 0] if which.shape[1] == 1 else which,
        operators=settings_of_symmetry(settings.symmetry)[0].operators,
        angles_in_degrees=conformations.angles_in_degrees.numpy(),
        motion=conformations.motion,
        xyz=conformations.positions_in_angstroms.numpy(),
        weight=conformations.amplitudes.numpy(),
        rotation_matrices=particles.rotation_matrices.astype(np.float32),
        names=particles.names.astype(str),
        tomograms=np.array([tomogram.name for tomogram in tomograms]),
        hands=np.array([tomogram.hand for tomogram in tomograms]),
        positions_in_angstroms=particles.positions_in_angstroms,
        subtomogram_angles_in_degrees=particles.subtomogram_angles,
        origins_in_angstroms=particles.origins_in_angstroms,
        half_sets=particles.half_sets,
        image_particles=images.particle_indices,
        image_rotation_matrices=images.rotation_matrices,
        image_shifts_in_angstroms=images.shifts_in_angstroms,
        image_defocus_u_in_angstroms=images.defocus_u_in_angstroms,
        image_defocus_v_in_angstroms=images.defocus_v_in_angstroms,
        image_defocus_angle_in_degrees=images.defocus_angle_in_degrees,
        image_doses=images.doses,
        image_scale_factors=images.scale_factor,
        image_noise_deviations=truth.noise_deviations(images),
        image_processing=np.full(len(images), RAW if settings.raw_tilts else PREMULTIPLIED, np.int8),
        apix=settings.pixel_size,
        box=settings.box,
        atom_width=_blurred_width(settings),
    )
