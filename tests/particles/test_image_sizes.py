"""Images of several boxes and pixel sizes on one grid: exact for each particle, and the joined set is the sum of its parts."""

import io
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from joined_sizes import FIRST, SECOND, simulate_two_sizes
from relion_projects import RelionProject, noisy_images

from gem_plugin.errors import InputError
from gem_plugin.gaussians.cloud import GaussianCloud
from gem_plugin.gaussians.simulated_images import simulate_images
from gem_plugin.imaging.fourier import fourier_crop_images
from gem_plugin.imaging.resampling import resample_map
from gem_plugin.io.mrc.maps import read_map
from gem_plugin.io.mrc.stacks import write_stack
from gem_plugin.io.run.files import RunFiles
from gem_plugin.notices import listening
from gem_plugin.particles.ctf_parameters import ctf_parameters_of
from gem_plugin.particles.image_sizes import (
    brought_to_grid,
    has_one_size,
    largest_common_box,
    noise_on_grid,
    on_one_grid,
    own_pixels_of_width,
    sizes_of_images,
)
from gem_plugin.particles.prepared import load_prepared
from gem_plugin.particles.random_acquisition import Microscope, draw_acquisition
from gem_plugin.particles.table import ParticleTable
from gem_plugin.progress import Progress
from gem_plugin.steps.consensus.settings import ConsensusSettings
from gem_plugin.steps.consensus.step import run_consensus
from gem_plugin.steps.prepare.settings import PrepareSettings
from gem_plugin.steps.prepare.step import run_prepare
from gem_plugin.steps.reconstruct.half_maps import back_project

POSITIONS = 18 * torch.randn(20, 3, generator=torch.Generator().manual_seed(3))  # Angstrom


def table_of(box: int, pixel_size: float, own_box: int, own_pixel_size: float, n: int = 6) -> ParticleTable:
    microscope = Microscope(
        voltage_in_kilovolts=300,
        spherical_aberration_in_millimetres=2.7,
        amplitude_contrast=0.1,
        b_factor_in_square_angstroms=50,
        defocus_range_in_angstroms=(9000, 20000),
        largest_shift_in_angstroms=8,
    )
    drawn = draw_acquisition(n, microscope, box, pixel_size, "a.mrcs", np.random.default_rng(0))
    values = {name: getattr(drawn, name) for name in drawn.__dataclass_fields__}
    values["own_box_sizes"] = np.full(n, own_box, np.int32)
    values["own_pixel_sizes"] = np.full(n, own_pixel_size)
    return ParticleTable(**values)


@pytest.mark.parametrize(
    ("own_box", "own_pixel_size"),
    [(64, 3.0), (64, 3.05), (56, 3.55), (81, 2.5), (60, 4.0), (50, 3.93), (64, 3.0005)],
)
def test_an_image_of_another_size_is_that_of_the_grid_with_magnification(
    own_box: int, own_pixel_size: float
) -> None:
    table = table_of(64, 3.0, own_box, own_pixel_size)
    amplitudes, widths = torch.linspace(0.5, 1.5, 20), torch.full((20,), 4.0)
    cloud = GaussianCloud(POSITIONS, amplitudes, widths)
    stretch = 64 * 3.0 / (own_pixel_size * float(own_pixels_of_width(table)[0]))
    stretched = GaussianCloud(
        POSITIONS, amplitudes, widths * stretch
    )  # the engine leaves them round and unstretched
    shifts = torch.from_numpy(table.shifts_in_angstroms)
    raw = simulate_images(
        cloud,
        torch.from_numpy(table.rotation_matrices),
        shifts,
        ctf_parameters_of(table),
        own_box,
        own_pixel_size,
    )
    ours = brought_to_grid(raw, np.arange(6), table) / own_pixel_size
    nominal = on_one_grid(table)
    expected = (
        simulate_images(
            stretched,
            torch.from_numpy(nominal.view_matrices),
            torch.from_numpy(nominal.shifts_in_angstroms),
            ctf_parameters_of(nominal),
            64,
            3.0,
        )
        / 3.0
    )
    working = largest_common_box(table)
    ours, expected = (fourier_crop_images(images, working - 4).flatten() for images in (ours, expected))
    assert float(torch.corrcoef(torch.stack([ours, expected]))[0, 1]) > 0.99995
    assert float((ours @ expected) / (expected @ expected)) == pytest.approx(1, abs=0.006)


def test_white_noise_stays_white_and_padding_is_reproducible() -> None:
    table = table_of(64, 3.0, 48, 3.5, 200)
    noise = torch.randn(200, 48, 48, generator=torch.Generator().manual_seed(0)) + 5
    rows = np.arange(200)
    ours = brought_to_grid(noise, rows, table)
    assert float(fourier_crop_images(ours, 32).std()) * 64 / 32 == pytest.approx(1, abs=0.05)
    again = brought_to_grid(noise[7:9], rows[7:9], table)
    torch.testing.assert_close(ours[7:9], again)


@pytest.mark.parametrize(("own_box", "own_pixel_size"), [(64, 3.0), (48, 4.0), (40, 4.8), (81, 2.5)])
def test_noise_that_is_left_on_the_grid(own_box: int, own_pixel_size: float) -> None:
    table = table_of(64, 3.0, own_box, own_pixel_size, 100)
    noise = torch.randn(100, own_box, own_box, generator=torch.Generator().manual_seed(0))
    on_grid = brought_to_grid(noise, np.arange(100), table)
    assert float(on_grid.std()) == pytest.approx(float(noise_on_grid(table)[0]), rel=0.06)


def test_images_of_the_grid_are_left_alone() -> None:
    table = table_of(64, 3.0, 64, 3.0)
    images = torch.randn(6, 64, 64)
    assert brought_to_grid(images, np.arange(6), table) is images
    assert has_one_size(table)
    assert on_one_grid(table) is table


@pytest.mark.parametrize(
    ("own_box", "own_pixel_size", "n_pixels", "common"),
    [(64, 3.0, 64, 64), (48, 4.0, 48, 48), (64, 3.0008, 64, 64), (100, 2.0, 96, 64), (47, 4.2, 46, 46)],
)
def test_no_image_needs_frequencies_that_it_has_not(
    own_box: int, own_pixel_size: float, n_pixels: int, common: int
) -> None:
    table = table_of(64, 3.0, own_box, own_pixel_size)
    assert own_pixels_of_width(table).tolist() == [n_pixels] * 6
    assert largest_common_box(table) == common


def test_sizes_of_a_joined_set_are_reported_and_impossible_ones_refused() -> None:
    boxes, pixels = np.array([48, 48, 40]), np.array([5.0, 5.0001, 5.5])
    with listening(lambda notice: None) as notices:
        sizes = sizes_of_images(boxes, pixels, Path("a.star"))
    assert (sizes.box_size, sizes.pixel_size_in_angstroms) == (48, 5.0)
    assert sizes.own_pixel_sizes.tolist() == [5.0, 5.0, 5.5]
    assert (
        "a.star: images of several sizes (1 of 40 pixels of 5.5 A; 2 of 48 pixels of 5 A)"
        in notices[0].sentence
    )
    with pytest.raises(InputError, match=r"pixel size is 0 in row 1; expected a positive number"):
        sizes_of_images(boxes, np.array([5.0, 0, 5]), Path("a.star"))
    with pytest.raises(
        InputError, match=r"expected images of similar width, found .*Is one of the pixel sizes wrong"
    ):
        sizes_of_images(boxes, np.array([5.0, 5, 50]), Path("a.star"))


@pytest.fixture(scope="module")
def joined(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    return simulate_two_sizes(tmp_path_factory.mktemp("joined"), 400, snr=10.0)


def prepare(star: Path, run: Path, project: Path | None = None) -> RunFiles:
    with listening(lambda notice: None):
        run_prepare(
            RunFiles(run),
            PrepareSettings(particles=star, project_folder=project or star.parent),
            Progress(io.StringIO()),
        )
    return RunFiles(run)


def consensus(run: RunFiles, volume: Path) -> dict:
    with listening(lambda notice: None):
        return run_consensus(run, ConsensusSettings(map=volume, fit_images=0), Progress(io.StringIO()))


def test_the_consensus_of_a_joined_set_is_that_of_each_alone(
    joined: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    volume = joined[0].parent / "consensus.mrc"
    both = consensus(prepare(joined[2], tmp_path / "both"), volume)
    first = consensus(prepare_of(joined, 0, tmp_path), volume)
    second = consensus(prepare_of(joined, 1, tmp_path), volume)
    mean = (first["match_in_own_poses"] + second["match_in_own_poses"]) / 2
    assert both["match_in_own_poses"] == pytest.approx(mean, rel=0.05)
    assert both["grey_scale"] == pytest.approx(first["grey_scale"], rel=0.01)


def prepare_of(joined: tuple[Path, Path, Path], number: int, tmp_path: Path) -> RunFiles:
    star = joined[number]
    run = tmp_path / f"run{number}"
    with listening(lambda notice: None):
        settings = PrepareSettings(particles=star, project_folder=star.parents[1])
        run_prepare(RunFiles(run), settings, Progress(io.StringIO()))
    return RunFiles(run)


def test_the_map_of_a_joined_set_is_that_of_relion_for_each(
    joined: tuple[Path, Path, Path], relion: Path, tmp_path: Path
) -> None:
    prepared = load_prepared(prepare(joined[2], tmp_path / "run"))
    table = prepared.table
    both = back_project(
        prepared, np.arange(800), np.zeros(800, np.int64), torch.device("cpu"), Progress(io.StringIO()), "all"
    )
    ours = both.volume(0).numpy()
    for star, sizes in zip(joined[:2], (FIRST, SECOND), strict=True):
        out = tmp_path / f"{star.parent.name}.mrc"
        command = [relion / "relion_reconstruct", "--i", star, "--o", out, "--ctf"]
        subprocess.run(command, cwd=star.parents[1], check=True, capture_output=True)
        theirs = resample_map(
            read_map(out).volume, table.pixel_size_in_angstroms / sizes.pixel_size, table.box_size
        )
        assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] > 0.97


@pytest.mark.parametrize("first", [(17, 2.0), (16, 2.0), (15, 2.2)])
def test_sets_whose_first_box_is_odd_are_prepared(first: tuple[int, float], tmp_path: Path) -> None:
    """The grid is that of the first image, even or odd, and the working box is even."""
    project, others = RelionProject(tmp_path / "project", n_particles=8), (16, 2.0)
    base = project.optics[0]
    project.optics = [
        {**base, "_rlnOpticsGroup": str(number), "_rlnImageSize": str(box), "_rlnImagePixelSize": str(pixel)}
        for number, (box, pixel) in enumerate((first, others), 1)
    ]
    project.columns["_rlnOpticsGroup"] = ["1", "2"] * 4
    project.write_star()
    for number, (box, pixel) in enumerate((first, others)):
        with write_stack(project.folder / f"Extract/job004/mic{number}.mrcs", pixel) as writer:
            writer.append(noisy_images(4, box))
    data = load_prepared(prepare(project.star, tmp_path / "run", project.folder))
    assert data.images.shape[1] % 2 == 0
    discs = [np.array(data.images)[rows].mean(axis=0) for rows in (slice(0, None, 2), slice(1, None, 2))]
    assert np.corrcoef(discs[0].ravel(), discs[1].ravel())[0, 1] > 0.3
