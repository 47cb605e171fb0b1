"""Sets that real RELION expanded by symmetry: prepared once an image, modelled in C1, split by particle, written back row by row."""

import io
import subprocess
from pathlib import Path

import mrcfile
import numpy as np
import pytest
from scipy.ndimage import affine_transform
from symmetric_set import BOX, make_symmetric_set, particle_lines

from gem_plugin.heterogeneity.settings import TrainSettings
from gem_plugin.imaging.symmetry import symmetry_operators
from gem_plugin.io.array_files import write_numbers
from gem_plugin.io.mrc.maps import read_map
from gem_plugin.io.mrc.stacks import open_stack
from gem_plugin.io.run.files import RunFiles
from gem_plugin.particles.prepared import load_prepared
from gem_plugin.progress import Progress
from gem_plugin.results.run import Run
from gem_plugin.steps.consensus.settings import ConsensusSettings
from gem_plugin.steps.consensus.step import run_consensus
from gem_plugin.steps.prepare.settings import PrepareSettings
from gem_plugin.steps.prepare.step import run_prepare
from gem_plugin.steps.reconstruct.half_maps import half_sets_of
from gem_plugin.steps.train.step import run_train
from gem_plugin.steps.write_star.settings import WriteStarSettings
from gem_plugin.steps.write_star.step import run_write_star

pytestmark = pytest.mark.relion
N_IMAGES = 120
GROUPS = [pytest.param(("C3", 3), id="C3"), pytest.param(("D2", 4), id="D2")]


def call(relion: Path, program: str, folder: Path, *options: str) -> None:
    done = subprocess.run(
        [relion / program, *options], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def reconstructed(relion: Path, folder: Path, star: Path, symmetry: str) -> np.ndarray:
    name = f"{star.stem}_{symmetry}.mrc"
    call(relion, "relion_reconstruct", folder, "--i", str(star), "--o", name, "--ctf", "--sym", symmetry)
    with mrcfile.open(folder / name) as opened:
        return np.array(opened.data)


def correlation(first: np.ndarray, second: np.ndarray) -> float:
    return float(np.corrcoef(first.ravel(), second.ravel())[0, 1])


def turned(volume: np.ndarray, operator: np.ndarray) -> np.ndarray:
    """The map with every point v moved to R v, about the box centre."""
    matrix = operator.T[::-1, ::-1]  # ordered zyx
    centre = np.full(3, len(volume) // 2)
    return affine_transform(volume, matrix, centre - matrix @ centre, order=1)


@pytest.fixture(scope="module", params=GROUPS)
def expanded(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, relion: Path
) -> tuple[Path, Path, RunFiles, str, int]:
    """The project, the expanded star file, and a run with a consensus."""
    symmetry, order = request.param
    folder = tmp_path_factory.mktemp(symmetry)
    project = make_symmetric_set(folder, symmetry, N_IMAGES)
    star = folder / "expanded.star"
    options = ("--i", str(project.star), "--o", star.name, "--sym", symmetry)
    call(relion, "relion_particle_symmetry_expand", folder, *options)
    run = RunFiles(folder / "run")
    said = io.StringIO()
    run_prepare(run, PrepareSettings(particles=star, map=project.map, box=BOX), Progress(said))
    assert f"{N_IMAGES} images, {N_IMAGES * order} views" in said.getvalue()
    run_consensus(run, ConsensusSettings(map=project.map, fit_images=2000), Progress(io.StringIO()))
    return folder, star, run, symmetry, order


def test_each_image_is_prepared_once(expanded: tuple[Path, Path, RunFiles, str, int]) -> None:
    _, _, run, _, order = expanded
    data = load_prepared(run)
    assert open_stack(run.prepared_images).shape == (N_IMAGES, BOX, BOX)
    particles = np.repeat(np.arange(N_IMAGES), order)
    np.testing.assert_array_equal(data.table.particle_indices, particles)
    np.testing.assert_array_equal(data.table.image_indices, particles)


def test_copies_are_related_by_the_operators(expanded: tuple[Path, Path, RunFiles, str, int]) -> None:
    _, _, run, symmetry, order = expanded
    poses = load_prepared(run).table.rotation_matrices.reshape(N_IMAGES, order, 3, 3).astype(np.float64)
    relative = np.einsum("nji,nkjl->nkil", poses[:, 0], poses)  # (images, copies, 3, 3)
    nearest = np.abs(relative[:, :, None] - symmetry_operators(symmetry)).max(axis=(3, 4)).argmin(axis=2)
    assert np.abs(relative - symmetry_operators(symmetry)[nearest]).max() < 1e-4
    assert (np.sort(nearest, axis=1) == np.arange(order)).all()


def test_the_consensus_in_c1_has_the_symmetry(expanded: tuple[Path, Path, RunFiles, str, int]) -> None:
    folder, _, run, symmetry, _ = expanded
    consensus = read_map(run.consensus_map).volume
    truth = read_map(folder / "Refine3D/job010/run_class001.mrc").volume
    assert correlation(consensus, truth) > 0.95
    for operator in symmetry_operators(symmetry)[1:]:
        assert correlation(turned(consensus, operator), consensus) > 0.97


def test_relion_makes_of_the_expanded_set_in_c1_what_it_makes_with_the_symmetry(
    expanded: tuple[Path, Path, RunFiles, str, int], relion: Path
) -> None:
    folder, star, run, symmetry, _ = expanded
    written = folder / "written.star"
    run_write_star(run, WriteStarSettings(out=written, latents=False), Progress(io.StringIO()))
    assert particle_lines(written) == particle_lines(star)
    in_c1 = reconstructed(relion, folder, written, "C1")
    with_symmetry = reconstructed(relion, folder, folder / "Refine3D/job010/run_data.star", symmetry)
    assert correlation(in_c1, with_symmetry) > 0.98


def test_a_subset_is_exactly_these_rows_and_relion_reads_it(
    expanded: tuple[Path, Path, RunFiles, str, int], relion: Path
) -> None:
    folder, star, run, _, order = expanded
    chosen = np.sort(np.random.default_rng(0).permutation(N_IMAGES * order)[:150])
    write_numbers(folder / "rows.txt", chosen)
    subset = folder / "subset.star"
    settings = WriteStarSettings(rows=folder / "rows.txt", out=subset, latents=False, overwrite=True)
    run_write_star(run, settings, Progress(io.StringIO()))
    lines = particle_lines(star)
    assert particle_lines(subset) == [lines[row] for row in chosen]
    assert np.isfinite(reconstructed(relion, folder, subset, "C1")).all()
    np.testing.assert_allclose(
        Run(run).column("rlnAngleRot"), [float(line.split()[6]) for line in lines], rtol=1e-6
    )


def test_training_holds_out_whole_particles(expanded: tuple[Path, Path, RunFiles, str, int]) -> None:
    _, _, run, _, order = expanded
    settings = TrainSettings(
        epochs=1,
        batch_size=24,
        anchors=24,
        encoder_width=32,
        encoder_box=16,
        n_basis=6,
        validation_fraction=0.2,
    )
    numbers = run_train(run, settings, Progress(io.StringIO()))
    assert numbers["validation_particles"] == N_IMAGES // 5 * order
    assert Run(run).latents.shape[0] == N_IMAGES * order
    halves = half_sets_of(load_prepared(run), seed=0).reshape(N_IMAGES, order)
    assert (halves == halves[:, :1]).all()
    assert len(np.unique(halves)) == 2
