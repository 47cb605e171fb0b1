"""gem-em simulate: what it writes is what the readers read, and the truth that it tells is true."""

import dataclasses
from pathlib import Path

import mrcfile
import numpy as np
import pytest
import torch

from gem_plugin.errors import InputError
from gem_plugin.particles.from_relion import read_relion_particles
from gem_plugin.progress import Progress
from gem_plugin.steps.simulate.conformations import HingeRotation, occupancies
from gem_plugin.steps.simulate.settings import SimulateSettings
from gem_plugin.steps.simulate.step import run_simulate

SMALL = SimulateSettings(n_particles=60, box=32, pixel_size=8.0, atom_width=5.0, conformations=5)


def _simulate(folder: Path, **changes: object) -> Path:
    run_simulate(dataclasses.replace(SMALL, out=folder, **changes), Progress())  # type: ignore[arg-type]
    return folder


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _simulate(tmp_path_factory.mktemp("simulated"))


def test_the_star_file_gives_back_the_poses_that_made_the_images(simulated: Path) -> None:
    table = read_relion_particles(simulated / "particles.star")
    truth = np.load(simulated / "truth.npz")
    np.testing.assert_allclose(table.rotation_matrices, truth["rotation_matrices"], atol=1e-5)
    assert len(table) == 60
    assert table.box_size == 32
    assert table.pixel_size_in_angstroms == 8.0
    assert np.bincount(table.half_sets).tolist() == [0, 30, 30]


def test_every_conformation_is_seen_equally_often(simulated: Path) -> None:
    which = np.load(simulated / "truth.npz")["which"]
    assert np.bincount(which).tolist() == [12] * 5


def test_the_images_are_whole_and_their_noise_has_deviation_one(simulated: Path) -> None:
    with mrcfile.open(simulated / "particles.mrcs") as stack:
        assert stack.data.shape == (60, 32, 32)
        assert abs(stack.data.std() - np.sqrt(1 + SMALL.snr)) < 0.02
        assert float(stack.voxel_size.x) == 8.0


def test_the_same_seed_gives_the_same_data_and_another_other_data(simulated: Path, tmp_path: Path) -> None:
    again, other = _simulate(tmp_path / "again"), _simulate(tmp_path / "other", seed=1)
    same = (simulated / "particles.mrcs").read_bytes() == (again / "particles.mrcs").read_bytes()
    assert same
    assert (again / "particles.star").read_text() != (other / "particles.star").read_text()


def test_without_noise_the_consensus_is_the_mean_of_the_conformations(tmp_path: Path) -> None:
    from gem_plugin.gaussians.cloud import GaussianCloud
    from gem_plugin.gaussians.volume import render_volumes
    from gem_plugin.imaging.fourier import fourier_shell_correlation

    folder = _simulate(tmp_path, snr=0.0, n_particles=400)
    truth = np.load(folder / "truth.npz")
    widths = torch.full_like(torch.from_numpy(truth["weight"]), SMALL.atom_width)
    cloud = GaussianCloud(torch.from_numpy(truth["xyz"]), torch.from_numpy(truth["weight"]), widths)
    expected = render_volumes(cloud, 32, 8.0).mean(0)
    consensus = torch.from_numpy(mrcfile.read(folder / "consensus.mrc"))
    assert fourier_shell_correlation(consensus, expected)[:10].min() > 0.95
    assert abs(consensus.sum() / expected.sum() - 1) < 0.1


def test_pose_errors_are_in_the_star_file_and_not_in_the_truth(tmp_path: Path) -> None:
    folder = _simulate(tmp_path, pose_error=5.0)
    table, truth = read_relion_particles(folder / "particles.star"), np.load(folder / "truth.npz")
    between = table.rotation_matrices @ truth["rotation_matrices"].transpose(0, 2, 1)
    angles = np.degrees(np.arccos(np.clip((np.trace(between, axis1=1, axis2=2) - 1) / 2, -1, 1)))
    assert 6 < np.sqrt((angles**2).mean()) < 11  # sqrt(3) x 5 degrees


def test_missing_arms_are_missing(tmp_path: Path) -> None:
    truth = np.load(_simulate(tmp_path, phantom="missing-arms") / "truth.npz")
    masses = truth["weight"].sum(1)
    assert truth["weight"].shape[0] == 4
    assert masses[0] < masses[1] < masses[3]
    assert masses[0] < masses[2] < masses[3]


def test_an_antibody_turns_about_its_hinge(shared_data: Path, tmp_path: Path) -> None:
    folder = _simulate(
        tmp_path,
        atoms=shared_data / "1hzh.pdb",
        moving="L,H:1-229,H:230:N+CA+CB+SG",
        hinge="H:230:CA,H:230:C",
        turn_to=360.0,
        conformations=4,
        n_particles=8,
        pixel_size=10.0,
    )
    truth = np.load(folder / "truth.npz")
    np.testing.assert_allclose(truth["angles_in_degrees"], [0, 90, 180, 270])
    has_moved = np.abs(truth["xyz"][0] - truth["xyz"][2]).max(1) > 1e-3
    assert 0.2 < has_moved.mean() < 0.4


def test_the_models_of_a_trajectory_are_the_conformations(tmp_path: Path) -> None:
    path = tmp_path / "movie.pdb"
    line = "ATOM      1  CA  ALA A{number:4d}    {x:8.3f}{y:8.3f}{z:8.3f}  1.00  0.00           C"
    generator = np.random.default_rng(0)
    models = generator.uniform(-30, 30, (3, 20, 3)).round(3)
    blocks = [
        [
            f"MODEL {number:8d}",
            *(line.format(number=i, x=x, y=y, z=z) for i, (x, y, z) in enumerate(model)),
            "ENDMDL",
        ]
        for number, model in enumerate(models, start=1)
    ]
    path.write_text("\n".join([row for block in blocks for row in block] + ["END", ""]))
    truth = np.load(_simulate(tmp_path / "out", trajectory=path) / "truth.npz")
    moved = truth["xyz"] - truth["xyz"][:, :1]
    np.testing.assert_allclose(moved, models - models[:, :1], atol=1e-3)
    assert np.bincount(truth["which"]).tolist() == [20, 20, 20]


def test_an_earlier_simulation_is_not_overwritten(simulated: Path) -> None:
    before = (simulated / "particles.star").stat().st_mtime_ns
    with pytest.raises(
        InputError, match=r"holds particles\.star, .* already .* would be lost.*--out \S+-2, or --overwrite"
    ):
        _simulate(simulated, seed=3)
    assert (simulated / "particles.star").stat().st_mtime_ns == before


def test_wells_gather_the_particles() -> None:
    even, gathered = occupancies(90, 0, 3.0), occupancies(90, 3, 3.0)
    np.testing.assert_allclose(even, 1 / 90)
    np.testing.assert_allclose(gathered.sum(), 1)
    np.testing.assert_allclose(np.log(gathered.max() / gathered.min()), 3.0, atol=0.05)
    assert gathered[15] > 2 * gathered[0]


def test_a_full_turn_does_not_repeat_its_start() -> None:
    np.testing.assert_allclose(HingeRotation(0, 360, 4).angles(), [0, 90, 180, 270])
    np.testing.assert_allclose(HingeRotation(-30, 30, 3).angles(), [-30, 0, 30])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"box": 33}, "even number"),
        ({"moving": "A"}, "belong together"),
        ({"atoms": Path("a.pdb")}, "belong together"),
        ({"atoms": Path("a.pdb"), "trajectory": Path("b.pdb")}, "not both"),
        ({"pixel_size": 1.0}, r"Use --box \d+"),
        ({"defocus_from": 30_000.0}, "above --defocus-to"),
        ({"n_particles": 1}, "at least 2|2 to"),
        ({"phantom": "octopus"}, "turning-arm, missing-arms"),
        ({"trajectory": Path("absent.pdb")}, "no file absent.pdb"),
    ],
)
def test_wrong_settings_are_refused_before_anything_is_written(
    tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        _simulate(tmp_path / "new", **changes)
    assert not (tmp_path / "new").exists()
