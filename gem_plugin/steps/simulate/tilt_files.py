"""Files of simulated tilt series: the project of RELION 5, the export of WarpTools as it was until July 2026, and an image series.

All are written from one truth. Hidden tilts are absent from the stacks of RELION, faint in those of WarpTools.
"""

from pathlib import Path

import mrcfile
import numpy as np

from gem_plugin.io.star.write import Block, write_new_star
from gem_plugin.particles.tilt_series.geometry import euler_matrices
from gem_plugin.particles.tilt_series.image_series import B_FACTOR_PER_DOSE
from gem_plugin.particles.tilt_series.table import TiltImages
from gem_plugin.particles.to_relion import relion_angles_in_degrees
from gem_plugin.steps.simulate.settings import SimulateSettings
from gem_plugin.steps.simulate.tilt_truth import BINNING, SIZE_IN_ANGSTROMS, TiltSeriesTruth, TomogramTruth

RELION_FOLDER, WARPTOOLS_FOLDER, SERIES_FOLDER = "relion5", "warptools", "image_series"
RELION_FILES = ("optimisation_set.star", "particles.star", "tomograms.star")
WARPTOOLS_FILES = ("particles_optimisation_set.star", "particles.star", "particles_tomograms.star")
SERIES_FILES = ("particles.star", "particles.mrcs")
FAINT = 1e-4  # of the grey values of hidden tilts in WarpTools' stacks
PROJECT_FILE = ".gui_projectdir"  # that marks a project of RELION


def rows_in_file(tomogram_number: int, tomogram: TomogramTruth) -> np.ndarray:  # (k,) tilts as taken
    """In RELION's star file the second of three series is sorted by angle, as real projects are; the others by dose."""
    if tomogram_number % 3 == 1:
        return np.argsort(tomogram.y_tilts)
    return np.arange(len(tomogram))


def relion_stack_name(particle_name: str) -> str:
    tomogram, number = particle_name.split("/")
    return f"Subtomograms/{tomogram}/{number}_stack2d.mrcs"


def warptools_stack_name(particle_name: str) -> str:
    tomogram, number = particle_name.split("/")
    return f"subtomo/{tomogram}/{tomogram}_{int(number):07d}.mrcs"


def write_small_stack(path: Path, images: np.ndarray, pixel_size: float, is_float16: bool) -> None:
    """A stack of one particle."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with mrcfile.new(path) as stack:
        stack.set_data(images.astype(np.float16 if is_float16 else np.float32))
        stack.set_image_stack()
        stack.voxel_size = pixel_size


def write_relion_project(
    folder: Path, truth: TiltSeriesTruth, angles: np.ndarray, settings: SimulateSettings
) -> None:
    """All star files of RELION 5, and one empty tilt image for each tomogram, whose header RELION opens."""
    tilt_pixel = settings.pixel_size / BINNING
    folder.mkdir(parents=True, exist_ok=True)
    (folder / PROJECT_FILE).touch()
    for number, tomogram in enumerate(truth.tomograms):
        _write_tilt_image(folder / "tilt_series" / f"{tomogram.name}.mrc", tilt_pixel)
        blocks = {tomogram.name: _relion_tilts(number, tomogram, tilt_pixel)}
        write_new_star(folder / "tilt_series" / f"{tomogram.name}.star", blocks)
    write_new_star(folder / "tomograms.star", {"global": _global_columns(truth, settings, "relion5")})
    optics = _optics(truth, settings, [tomogram.name for tomogram in truth.tomograms])
    particles = _relion_particles(truth, angles, settings)
    write_new_star(
        folder / "particles.star",
        {"general": {"_rlnTomoSubTomosAre2DStacks": "1"}, "optics": optics, "particles": particles},
    )
    write_new_star(
        folder / "optimisation_set.star", {"": _optimisation_set("particles.star", "tomograms.star")}
    )


def write_warptools_files(
    folder: Path, truth: TiltSeriesTruth, angles: np.ndarray, settings: SimulateSettings
) -> None:
    """The star files of ts_export_particles --2d: tilts in the order of angle, as rotation matrices."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [f"{tomogram.name}.tomostar" for tomogram in truth.tomograms]
    _write_tilt_image(folder / "dummy_tiltseries.mrc", settings.pixel_size / BINNING)
    blocks: dict[str, Block] = {"global": _global_columns(truth, settings, "warptools")}
    for name, tomogram in zip(names, truth.tomograms):
        blocks[name] = _warptools_tilts(tomogram)
    write_new_star(folder / WARPTOOLS_FILES[2], blocks)
    write_new_star(
        folder / WARPTOOLS_FILES[1],
        {
            "general": {"_rlnTomoSubTomosAre2DStacks": "1"},
            "optics": _optics(truth, settings, names),
            "particles": _warptools_particles(truth, angles, settings, names),
        },
    )
    write_new_star(folder / WARPTOOLS_FILES[0], {"": _optimisation_set(*WARPTOOLS_FILES[1:])})


def write_image_series(
    folder: Path, truth: TiltSeriesTruth, images: TiltImages, settings: SimulateSettings
) -> None:
    """One row per tilt image, as Warp 1 and M write them, in the order of the stack."""
    rot, tilt, psi = relion_angles_in_degrees(images.rotation_matrices).T
    n_images = len(images)
    particles, names = images.particle_indices, truth.particles.names
    tomograms = [truth.tomograms[number].name for number in truth.particles.which_tomogram[particles]]
    columns = {
        "_rlnMagnification": ["10000.0"] * n_images,
        "_rlnDetectorPixelSize": [f"{settings.pixel_size:.6f}"] * n_images,
        "_rlnVoltage": _decimals(images.voltage_in_kilovolts, 1),
        "_rlnSphericalAberration": _decimals(images.spherical_aberration_in_millimetres, 4),
        "_rlnAmplitudeContrast": _decimals(images.amplitude_contrast, 4),
        "_rlnPhaseShift": _decimals(images.phase_shift_in_degrees, 1),
        "_rlnDefocusU": _decimals(images.defocus_u_in_angstroms, 2),
        "_rlnDefocusV": _decimals(images.defocus_v_in_angstroms, 2),
        "_rlnDefocusAngle": _decimals(images.defocus_angle_in_degrees, 4),
        "_rlnImageName": [f"{number + 1:06d}@{SERIES_FILES[1]}" for number in range(n_images)],
        "_rlnMicrographName": [f"{name}_{tilt}.mrc" for name, tilt in zip(tomograms, images.tilt_numbers)],
        "_rlnAngleRot": _decimals(rot, 5),
        "_rlnAngleTilt": _decimals(tilt, 5),
        "_rlnAnglePsi": _decimals(psi, 5),
        "_rlnCtfBfactor": _decimals(B_FACTOR_PER_DOSE * images.doses, 3),
        "_rlnCtfScalefactor": _decimals(images.scale_factor, 6),
        "_rlnRandomSubset": truth.particles.half_sets[particles].astype(str).tolist(),
        "_rlnGroupName": [names[row].replace("/", "_") for row in particles.tolist()],
    }
    if images.shifts_in_angstroms.any():  # Warp centres its particles
        columns["_rlnOriginXAngst"] = _decimals(images.shifts_in_angstroms[:, 0], 5)
        columns["_rlnOriginYAngst"] = _decimals(images.shifts_in_angstroms[:, 1], 5)
    write_new_star(folder / SERIES_FILES[0], {"": columns})


def _global_columns(truth: TiltSeriesTruth, settings: SimulateSettings, form: str) -> Block:
    tilt_pixel = settings.pixel_size / BINNING
    n = len(truth.tomograms)
    names = [tomogram.name for tomogram in truth.tomograms]
    columns: dict[str, list[str]] = {
        "_rlnTomoName": names if form == "relion5" else [f"{name}.tomostar" for name in names],
        "_rlnVoltage": [f"{settings.voltage:.6f}"] * n,
        "_rlnSphericalAberration": [f"{settings.cs:.6f}"] * n,
        "_rlnAmplitudeContrast": [f"{settings.amplitude_contrast:.6f}"] * n,
        "_rlnMicrographOriginalPixelSize": [f"{tilt_pixel:.6f}"] * n,
        "_rlnTomoTiltSeriesPixelSize": [f"{tilt_pixel:.6f}"] * n,
        "_rlnTomoHand": [str(tomogram.hand) for tomogram in truth.tomograms],
        "_rlnOpticsGroupName": names,
    }
    columns |= {
        f"_rlnTomoSize{axis}": [str(size)] * n for axis, size in zip("XYZ", size_in_pixels(tilt_pixel))
    }
    if form == "relion5":
        columns["_rlnTomoTiltSeriesStarFile"] = [f"tilt_series/{name}.star" for name in names]
    return columns


def size_in_pixels(tilt_pixel_in_angstroms: float) -> list[int]:  # xyz, even
    return [2 * round(size / tilt_pixel_in_angstroms / 2) for size in SIZE_IN_ANGSTROMS]


def _relion_tilts(number: int, tomogram: TomogramTruth, tilt_pixel: float) -> Block:
    """Rows of one tilt series; the third of three as matrices, as RELION 4 wrote them."""
    rows = rows_in_file(number, tomogram)
    columns: dict[str, list[str]] = {
        "_rlnMicrographName": [f"tilt_series/{tomogram.name}.mrc"] * len(rows),
        "_rlnMicrographPreExposure": _decimals(tomogram.doses[rows], 6),
        "_rlnTomoNominalStageTiltAngle": _decimals(np.round(tomogram.y_tilts[rows]), 1),
    }
    if number % 3 == 2:
        columns |= _matrix_columns(tomogram, rows, tilt_pixel)
    else:
        columns |= {
            "_rlnTomoXTilt": _decimals(tomogram.x_tilts[rows], 6),
            "_rlnTomoYTilt": _decimals(tomogram.y_tilts[rows], 6),
            "_rlnTomoZRot": _decimals(tomogram.z_rotations[rows], 6),
            "_rlnTomoXShiftAngst": _decimals(tomogram.shifts_in_angstroms[rows, 0], 4),
            "_rlnTomoYShiftAngst": _decimals(tomogram.shifts_in_angstroms[rows, 1], 4),
        }
    return {**columns, **_ctf_columns(tomogram, rows)}


def _warptools_tilts(tomogram: TomogramTruth) -> Block:
    rows = np.argsort(tomogram.y_tilts)
    return {
        **_matrix_columns(tomogram, rows, None),
        "_rlnMicrographPreExposure": _decimals(tomogram.doses[rows], 6),
        **_ctf_columns(tomogram, rows),
    }


def _matrix_columns(
    tomogram: TomogramTruth, rows: np.ndarray, tilt_pixel: float | None
) -> dict[str, list[str]]:
    """rlnTomoProj: from pixels of the tomogram to those of the tilt image; without the translation where no pixel size is given."""
    matrices = np.tile(np.eye(4), (len(rows), 1, 1))
    matrices[:, :3, :3] = tomogram.rotation_matrices[rows]
    if tilt_pixel is not None:
        centre = np.array(size_in_pixels(tilt_pixel)) // 2
        matrices[:, :3, 3] = -(matrices[:, :3, :3] @ centre)
        matrices[:, :2, 3] += centre[:2] + tomogram.shifts_in_angstroms[rows] / tilt_pixel
    return {
        f"_rlnTomoProj{axis}": [
            "[" + ",".join(f"{value:.10g}" for value in row) + "]" for row in matrices[:, k]
        ]
        for k, axis in enumerate("XYZW")
    }


def _ctf_columns(tomogram: TomogramTruth, rows: np.ndarray) -> dict[str, list[str]]:
    return {
        "_rlnDefocusU": _decimals(tomogram.defocus_u_in_angstroms[rows], 3),
        "_rlnDefocusV": _decimals(tomogram.defocus_v_in_angstroms[rows], 3),
        "_rlnDefocusAngle": _decimals(tomogram.defocus_angle_in_degrees[rows], 4),
        "_rlnCtfScalefactor": _decimals(tomogram.scale_factor[rows], 7),
    }


def _optics(truth: TiltSeriesTruth, settings: SimulateSettings, names: list[str]) -> Block:
    """One optics group per tomogram."""
    n = len(names)
    return {
        "_rlnOpticsGroup": [str(number + 1) for number in range(n)],
        "_rlnOpticsGroupName": names,
        "_rlnVoltage": [f"{settings.voltage:.6f}"] * n,
        "_rlnSphericalAberration": [f"{settings.cs:.6f}"] * n,
        "_rlnAmplitudeContrast": [f"{settings.amplitude_contrast:.6f}"] * n,
        "_rlnTomoTiltSeriesPixelSize": [f"{settings.pixel_size / BINNING:.6f}"] * n,
        "_rlnTomoSubtomogramBinning": [f"{BINNING:.6f}"] * n,
        "_rlnImagePixelSize": [f"{settings.pixel_size:.6f}"] * n,
        "_rlnImageSize": [str(settings.box)] * n,
        "_rlnImageDimensionality": ["2"] * n,
        "_rlnCtfDataAreCtfPremultiplied": ["0" if settings.raw_tilts else "1"] * n,
    }


def _relion_particles(truth: TiltSeriesTruth, angles: np.ndarray, settings: SimulateSettings) -> Block:
    """Angles (n, 3) are those that are written: with the errors of --pose-error."""
    particles = truth.particles
    flags = [
        particles.is_visible[row, rows_in_file(number, truth.tomograms[number])]
        for row, number in enumerate(particles.which_tomogram.tolist())
    ]
    columns = {
        "_rlnTomoName": [truth.tomograms[number].name for number in particles.which_tomogram],
        "_rlnTomoParticleName": particles.names.tolist(),
        "_rlnOpticsGroup": (particles.which_tomogram + 1).astype(str).tolist(),
        "_rlnImageName": [relion_stack_name(name) for name in particles.names],
        "_rlnTomoVisibleFrames": [_flags_text(one) for one in flags],
        **_three("_rlnCenteredCoordinate{}Angst", "XYZ", particles.coordinates_in_angstroms, 5),
    }
    if settings.subtomogram_angles:
        names = ("Rot", "Tilt", "Psi")
        columns |= _three("_rlnTomoSubtomogram{}", names, particles.subtomogram_angles, 6)
    columns |= _three("_rlnAngle{}", ("Rot", "Tilt", "Psi"), angles, 6)
    columns |= _three("_rlnOrigin{}Angst", "XYZ", particles.origins_in_angstroms, 6)
    return {**columns, **_class_columns(truth)}


def _warptools_particles(
    truth: TiltSeriesTruth, angles: np.ndarray, settings: SimulateSettings, names: list[str]
) -> Block:
    """Pixels of the particles from the corner, one pose without subtomogram angles, flags in the order of angle."""
    particles = truth.particles
    subtomograms = euler_matrices(particles.subtomogram_angles)
    poses = subtomograms @ euler_matrices(angles)
    origins = (subtomograms @ particles.origins_in_angstroms[:, :, None])[:, :, 0]
    tilt_pixel = settings.pixel_size / BINNING
    half = np.array(size_in_pixels(tilt_pixel)) * tilt_pixel / 2
    order = [np.argsort(tomogram.y_tilts) for tomogram in truth.tomograms]
    flags = [
        particles.is_visible[row, order[number]]
        for row, number in enumerate(particles.which_tomogram.tolist())
    ]
    return {
        "_rlnTomoName": [names[number] for number in particles.which_tomogram],
        "_rlnTomoParticleName": particles.names.tolist(),
        **_three(
            "_rlnCoordinate{}", "XYZ", (particles.coordinates_in_angstroms + half) / settings.pixel_size, 6
        ),
        **_three("_rlnAngle{}", ("Rot", "Tilt", "Psi"), relion_angles_in_degrees(poses), 6),
        **_three("_rlnOrigin{}Angst", "XYZ", origins, 6),
        "_rlnTomoVisibleFrames": [_flags_text(one) for one in flags],
        "_rlnImageName": [warptools_stack_name(name) for name in particles.names],
        "_rlnOpticsGroup": (particles.which_tomogram + 1).astype(str).tolist(),
        **_class_columns(truth),
    }


def _class_columns(truth: TiltSeriesTruth) -> dict[str, list[str]]:
    n = len(truth.particles.names)
    return {
        "_rlnRandomSubset": truth.particles.half_sets.astype(str).tolist(),
        "_rlnClassNumber": ["1"] * n,
        "_rlnGroupNumber": (truth.particles.which_tomogram + 1).astype(str).tolist(),
    }


def _optimisation_set(particles: str, tomograms: str) -> Block:
    return {
        "_rlnTomoParticlesFile": particles,
        "_rlnTomoTomogramsFile": tomograms,
        "_rlnTomoTrajectoriesFile": "",
    }


def _write_tilt_image(path: Path, pixel_size: float) -> None:
    write_small_stack(path, np.zeros((1, 1, 1)), pixel_size, is_float16=False)


def _flags_text(flags: np.ndarray) -> str:
    return "[" + ",".join("1" if flag else "0" for flag in flags.tolist()) + "]"


def _three(
    label: str, names: "str | tuple[str, ...]", values: np.ndarray, n_decimals: int
) -> dict[str, list[str]]:
    return {label.format(name): _decimals(values[:, k], n_decimals) for k, name in enumerate(names)}


def _decimals(values: np.ndarray, n_decimals: int) -> list[str]:
    return [f"{value:.{n_decimals}f}" for value in values.tolist()]
