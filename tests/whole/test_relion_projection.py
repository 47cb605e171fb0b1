"""Our images and maps agree with those of real RELION: geometry, shifts, CTF, grey scale."""

import subprocess
from pathlib import Path

import mrcfile
import pytest
import torch
from torch import Tensor

from gem_plugin.gaussians.cloud import GaussianCloud
from gem_plugin.gaussians.projection import project_gaussians
from gem_plugin.gaussians.volume import render_volumes
from gem_plugin.imaging.ctf import ctf_half_spectra
from gem_plugin.imaging.fourier import fourier_crop_volume, fourier_shell_correlation, shift_half_spectra
from gem_plugin.io.mrc.maps import write_map
from gem_plugin.particles.ctf_parameters import ctf_parameters_of
from gem_plugin.particles.from_relion import read_relion_particles
from gem_plugin.progress import Progress
from gem_plugin.steps.simulate.conformations import HingeRotation, phantom_with_rotating_arm
from gem_plugin.steps.simulate.settings import SimulateSettings
from gem_plugin.steps.simulate.step import run_simulate

pytestmark = pytest.mark.relion
BOX = 64
PIXEL_SIZE_IN_ANGSTROMS = 4.0
ATOM_WIDTH_IN_ANGSTROMS = 3.0
N_PROJECTED = 30


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Noise-free particles of one conformation, with shifts, CTF and astigmatism."""
    folder = tmp_path_factory.mktemp("simulated")
    settings = SimulateSettings(
        out=folder,
        n_particles=800,
        box=BOX,
        pixel_size=PIXEL_SIZE_IN_ANGSTROMS,
        snr=0,
        conformations=1,
        atom_width=ATOM_WIDTH_IN_ANGSTROMS,
    )
    run_simulate(settings, Progress())
    return folder


@pytest.fixture(scope="module")
def cloud() -> GaussianCloud:
    """The molecule that `simulated` shows."""
    generator = torch.Generator().manual_seed(SimulateSettings.seed)
    one = phantom_with_rotating_arm(HingeRotation(0, SimulateSettings.turn_to, 1), generator)
    widths = torch.full_like(one.amplitudes[0], ATOM_WIDTH_IN_ANGSTROMS)
    return GaussianCloud(one.positions_in_angstroms[0], one.amplitudes[0], widths)


def _run(folder: Path, program: Path, *arguments: str | Path) -> None:
    done = subprocess.run([program, *arguments], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]


def _true_map(cloud: GaussianCloud) -> Tensor:
    return fourier_crop_volume(render_volumes(cloud, 2 * BOX, PIXEL_SIZE_IN_ANGSTROMS / 2).squeeze(0), BOX)


def test_relion_reconstructs_our_images_to_the_map(
    simulated: Path, cloud: GaussianCloud, relion: Path
) -> None:
    _run(simulated, relion / "relion_reconstruct", "--i", "particles.star", "--o", "all.mrc", "--ctf")
    theirs = torch.from_numpy(mrcfile.read(simulated / "all.mrc"))
    correlation = fourier_shell_correlation(theirs, _true_map(cloud))
    two_thirds_of_nyquist = BOX // 3
    assert correlation[1 : two_thirds_of_nyquist + 1].min() > 0.95


def test_our_back_projection_agrees_with_that_of_relion(simulated: Path, relion: Path) -> None:
    flags = ("--ctf", "--subset", "1")
    _run(simulated, relion / "relion_reconstruct", "--i", "particles.star", "--o", "half1.mrc", *flags)
    ours = torch.from_numpy(mrcfile.read(simulated / "consensus_half1.mrc"))
    theirs = torch.from_numpy(mrcfile.read(simulated / "half1.mrc"))
    assert fourier_shell_correlation(ours, theirs)[1 : BOX // 2 - 2].min() > 0.98


@pytest.mark.parametrize("has_ctf", [False, True])
def test_our_projections_agree_with_those_of_relion(
    simulated: Path, cloud: GaussianCloud, relion: Path, tmp_path: Path, has_ctf: bool
) -> None:
    rendered = render_volumes(cloud, BOX, PIXEL_SIZE_IN_ANGSTROMS).squeeze(0)
    write_map(tmp_path / "map.mrc", rendered.numpy(), PIXEL_SIZE_IN_ANGSTROMS)
    lines = (simulated / "particles.star").read_text().splitlines()
    first_row = next(index for index, line in enumerate(lines) if "@particles.mrcs" in line)
    (tmp_path / "views.star").write_text("\n".join([*lines[: first_row + N_PROJECTED], ""]))
    flags = ["--ang", "views.star", *(["--ctf"] if has_ctf else [])]
    _run(tmp_path, relion / "relion_project", "--i", "map.mrc", "--o", "projected", *flags)
    theirs = torch.from_numpy(mrcfile.read(tmp_path / "projected.mrcs").copy())

    table = read_relion_particles(tmp_path / "views.star")
    ours = project_gaussians(cloud, torch.from_numpy(table.rotation_matrices), BOX, PIXEL_SIZE_IN_ANGSTROMS)
    shifts = -torch.from_numpy(table.shifts_in_angstroms) / PIXEL_SIZE_IN_ANGSTROMS
    spectra = shift_half_spectra(torch.fft.rfft2(ours), shifts)
    if has_ctf:
        spectra = spectra * ctf_half_spectra(ctf_parameters_of(table), BOX, PIXEL_SIZE_IN_ANGSTROMS)
    ours = torch.fft.irfft2(spectra, s=(BOX, BOX))

    assert theirs.shape == ours.shape == (N_PROJECTED, BOX, BOX)
    for our_image, their_image in zip(ours, theirs):
        pair = torch.stack([our_image.flatten(), their_image.flatten()])
        assert torch.corrcoef(pair)[0, 1] > 0.99
