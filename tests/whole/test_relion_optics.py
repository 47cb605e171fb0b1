"""Aberrations and magnification as real RELION has them: relion_project for the CTF, relion_reconstruct for phases and slices.

relion_project applies neither odd phases nor the matrix to the slice, so those are shown by reconstructions of images that
are written down from the image model.
"""

import io
import subprocess
from pathlib import Path

import mrcfile
import numpy as np
import pytest
import torch
from aberrated_images import ASYMMETRIC_MATRIX, STRONG, Aberrations, Views, aberrated_images, molecule, views
from relion_projects import OPTICS, RelionProject

from gem_plugin.imaging.back_projection import BackProjection
from gem_plugin.imaging.ctf import ctf_half_spectra
from gem_plugin.imaging.fourier import fourier_crop_volume, fourier_shell_correlation
from gem_plugin.io.mrc.maps import write_map
from gem_plugin.io.run.files import RunFiles
from gem_plugin.notices import listening
from gem_plugin.particles.ctf_parameters import ctf_parameters_of
from gem_plugin.particles.from_relion import read_relion_particles
from gem_plugin.particles.prepared import load_prepared
from gem_plugin.progress import Progress
from gem_plugin.steps.prepare.settings import PrepareSettings
from gem_plugin.steps.prepare.step import run_prepare
from gem_plugin.steps.reconstruct.half_maps import back_project

BOX, PIXEL_SIZE = 64, 1.5
MOLECULE = molecule(radius_in_angstroms=17, n_points=60)
N_PROJECTED, N_RECONSTRUCTED = 8, 300
WEAK = Aberrations((-0.4, 0.9), [0, 0, -30, 0, 0, 20], [0] * 9, np.array([[0.985, -0.01], [0.02, 1.01]]))
KINDS = {
    "even": Aberrations(even=[0.3, 10, 3, -5, 60, 20, -30, 15, -80]),
    "constant": Aberrations(even=[0.3] + [0] * 8),
    "quadratic": Aberrations(even=[0, 0, 0.3] + [0] * 6),
    "matrix": Aberrations(matrix=ASYMMETRIC_MATRIX),
    "negative Cs": Aberrations(cs_in_mm=-5.0),
    "no Cs": Aberrations(cs_in_mm=0.0),
    "all": STRONG,
}


def project(folder: Path, seen: Views, groups: list[Aberrations], of: np.ndarray) -> RelionProject:
    """One stack; `of` is the optics group of each particle, from 1."""
    n = len(of)
    common = {**OPTICS, "_rlnImagePixelSize": f"{PIXEL_SIZE}", "_rlnImageSize": str(BOX)}
    optics = [
        {
            **common,
            **group.star_columns(),
            "_rlnOpticsGroup": f"{number}",
            "_rlnOpticsGroupName": f"g{number}",
        }
        for number, group in enumerate(groups, start=1)
    ]
    made = RelionProject(folder, n, BOX, optics)
    made.columns = {
        "_rlnImageName": [f"{row + 1:06d}@Extract/images.mrcs" for row in range(n)],
        "_rlnOpticsGroup": of.astype(str).tolist(),
        **seen.star_columns(),
        "_rlnRandomSubset": [str(row % 2 + 1) for row in range(n)],
    }
    made.write_star()
    return made


def run_relion(program: Path, folder: Path, *arguments: str | Path) -> None:
    done = subprocess.run([program, *arguments], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]


def read(star: Path):
    with listening(lambda notice: None):
        return read_relion_particles(star)


@pytest.mark.relion
@pytest.mark.parametrize("kind", KINDS)
def test_the_ctf_is_that_of_relion_project(kind: str, relion: Path, tmp_path: Path) -> None:
    made = project(
        tmp_path, views(N_PROJECTED, defoci=(6000, 14000)), [KINDS[kind]], np.ones(N_PROJECTED, int)
    )
    write_map(tmp_path / "map.mrc", MOLECULE.map(BOX, PIXEL_SIZE), PIXEL_SIZE)
    for name, flags in (("plain", []), ("ctf", ["--ctf"])):
        arguments = ["--i", "map.mrc", "--ang", made.star, "--o", name, *flags]
        run_relion(relion / "relion_project", tmp_path, *arguments)
    plain, theirs = (
        torch.from_numpy(mrcfile.read(tmp_path / f"{name}.mrcs").copy()) for name in ("plain", "ctf")
    )
    table = read(made.star)
    transfer = ctf_half_spectra(ctf_parameters_of(table), BOX, PIXEL_SIZE)
    for ours, image in zip(torch.fft.rfft2(plain) * transfer, torch.fft.rfft2(theirs), strict=True):
        assert correlation(ours, image) > 0.9999
    without = read(
        project(
            tmp_path / "plain",
            views(N_PROJECTED, defoci=(6000, 14000)),
            [Aberrations()],
            np.ones(N_PROJECTED, int),
        ).star
    )
    wrong = torch.fft.rfft2(plain) * ctf_half_spectra(ctf_parameters_of(without), BOX, PIXEL_SIZE)
    assert correlation(wrong, torch.fft.rfft2(theirs)) < 0.99, "the aberration is strong enough to be seen"


def correlation(one: torch.Tensor, other: torch.Tensor) -> float:
    """Of half spectra without Nyquist."""
    half = BOX // 2
    one, other = (values[..., :half].clone() for values in (one, other))
    one[..., half, :], other[..., half, :] = 0, 0
    norm = one.abs().square().sum() * other.abs().square().sum()
    return float((one * other.conj()).real.sum() / norm.sqrt())


@pytest.fixture(scope="module")
def aberrated(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same particles without any aberration and with two optics groups full of them."""
    seen = views(N_RECONSTRUCTED)
    of = 1 + np.arange(N_RECONSTRUCTED) // 2 % 2
    stars = {}
    for name, groups in (("clean", [Aberrations(), Aberrations()]), ("aberrated", [STRONG, WEAK])):
        made = project(tmp_path_factory.mktemp(name), seen, groups, of)
        images = aberrated_images(MOLECULE, seen, [groups[group - 1] for group in of], BOX, PIXEL_SIZE)
        made.write_stacks(images)
        stars[name] = made.star
    return stars


def prepared_map(star: Path, run: Path, box: int) -> torch.Tensor:
    """Prepared and back-projected by us."""
    settings = PrepareSettings(particles=star, box=box, normalise="never")
    with listening(lambda notice: None):
        run_prepare(RunFiles(run), settings, Progress(io.StringIO()))
    prepared = load_prepared(RunFiles(run))
    assert not prepared.table.optics.odd_zernike.any()
    rows = np.arange(N_RECONSTRUCTED)
    halves = np.zeros(N_RECONSTRUCTED, np.int64)
    both: BackProjection = back_project(
        prepared, rows, halves, torch.device("cpu"), Progress(io.StringIO()), "map"
    )
    return both.volume(0)


def in_shells(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    return fourier_shell_correlation(one, other)[1 : len(one) // 2 - 2]


@pytest.mark.parametrize("box", [64, 48])
def test_prepared_images_give_the_map_as_if_there_were_no_aberrations(
    aberrated: dict[str, Path], tmp_path: Path, box: int
) -> None:
    true = fourier_crop_volume(torch.from_numpy(MOLECULE.map(BOX, PIXEL_SIZE)), box)
    clean = in_shells(prepared_map(aberrated["clean"], tmp_path / "clean", box), true)
    corrected = in_shells(prepared_map(aberrated["aberrated"], tmp_path / "aberrated", box), true)
    assert clean.min() > 0.95
    assert (clean - corrected).max() < 0.02
    assert corrected[: box // 4].min() > 0.999
    without = aberrated["aberrated"].with_name("without.star")
    without.write_text(aberrated["clean"].read_text())
    ignored = in_shells(prepared_map(without, tmp_path / "ignored", box), true)
    assert ignored.min() < 0.8


@pytest.mark.relion
def test_relion_reconstructs_the_same_map_from_these_images(
    aberrated: dict[str, Path], relion: Path, tmp_path: Path
) -> None:
    """So the images that the test above is made of are RELION's."""
    true = torch.from_numpy(MOLECULE.map(BOX, PIXEL_SIZE))
    curves = {}
    for name, star in aberrated.items():
        folder = star.parents[2]
        run_relion(
            relion / "relion_reconstruct", folder, "--i", star, "--o", tmp_path / f"{name}.mrc", "--ctf"
        )
        curves[name] = in_shells(torch.from_numpy(mrcfile.read(tmp_path / f"{name}.mrc").copy()), true)
    assert curves["clean"].min() > 0.95
    assert (curves["clean"] - curves["aberrated"]).max() < 0.02


@pytest.mark.relion
def test_beam_tilt_of_a_relion_30_file_is_that_of_relion(relion: Path, tmp_path: Path) -> None:
    """It makes one optics group of each tilt."""
    seen, tilts = views(N_RECONSTRUCTED), [Aberrations((1.2, -0.8)), Aberrations((-0.6, 1.5))]
    of = 1 + np.arange(N_RECONSTRUCTED) % 2
    made = project(tmp_path, seen, tilts, of)
    made.write_stacks(aberrated_images(MOLECULE, seen, [tilts[group - 1] for group in of], BOX, PIXEL_SIZE))
    made.optics = []
    made.columns.pop("_rlnOpticsGroup")
    for axis, label in enumerate(("_rlnBeamTiltX", "_rlnBeamTiltY")):
        made.columns[label] = [f"{tilts[group - 1].tilt_in_mrad[axis]}" for group in of]
        origin = f"_rlnOrigin{'XY'[axis]}"
        in_pixels = [float(value) / PIXEL_SIZE for value in made.columns.pop(f"{origin}Angst")]
        made.columns[origin] = [f"{value:.6f}" for value in in_pixels]
    for label, value in (("Voltage", 300), ("SphericalAberration", 2.7), ("AmplitudeContrast", 0.1)):
        made.columns[f"_rln{label}"] = [str(value)] * N_RECONSTRUCTED
    made.columns["_rlnDetectorPixelSize"] = ["7.5"] * N_RECONSTRUCTED
    made.columns["_rlnMagnification"] = ["50000"] * N_RECONSTRUCTED
    made.star.write_text(
        made.star_text().replace("# version 30001", "")
    )  # which makes it a file of RELION 3.1
    true = torch.from_numpy(MOLECULE.map(BOX, PIXEL_SIZE))
    arguments = ["--i", made.star, "--o", tmp_path / "theirs.mrc", "--ctf"]
    run_relion(relion / "relion_reconstruct", tmp_path, *arguments)
    theirs = in_shells(torch.from_numpy(mrcfile.read(tmp_path / "theirs.mrc").copy()), true)
    ours = in_shells(prepared_map(made.star, tmp_path / "run", BOX), true)
    assert theirs.min() > 0.95
    assert ours.min() > 0.95


@pytest.mark.parametrize("case", ["04k2_evenZ00_0.3", "04k3_evenZ20_0.3", "04o_hr_mag1pc"])
def test_cases_have_the_ctf_of_relion_project(shared_cases: Path, case: str) -> None:
    """relion_project made plain.mrcs without and ctf.mrcs with the CTF of the same star file."""
    folder = shared_cases / "relion" / case
    (star,) = (folder / "Refine3D").rglob("*.star")
    table = read(star)
    names = ["noctf" if (folder / "noctf.mrcs").is_file() else "plain", "ctf"]
    plain, theirs = (
        torch.fft.rfft2(torch.from_numpy(mrcfile.read(folder / f"{name}.mrcs").copy())) for name in names
    )
    transfer = ctf_half_spectra(ctf_parameters_of(table), table.box_size, table.pixel_size_in_angstroms)
    half = table.box_size // 2
    for ours, image in zip(
        (plain * transfer[: len(plain)])[:, :half, :half], theirs[:, :half, :half], strict=True
    ):
        norm = ours.abs().square().sum() * image.abs().square().sum()
        assert float((ours * image.conj()).real.sum() / norm.sqrt()) > 0.999
