"""Training on a molecule whose parts appear and vanish, and with every optional term and a focus mask; seconds each."""

import csv
import dataclasses
import io
import math
from pathlib import Path

import mrcfile
import numpy as np
import pytest

from gem_plugin.errors import InputError
from gem_plugin.heterogeneity.settings import TrainSettings
from gem_plugin.io.run.files import RunFiles
from gem_plugin.progress import Progress
from gem_plugin.results.model import decode_volumes, load_trained_model
from gem_plugin.steps.consensus.settings import ConsensusSettings
from gem_plugin.steps.consensus.step import run_consensus
from gem_plugin.steps.prepare.settings import PrepareSettings
from gem_plugin.steps.prepare.step import run_prepare
from gem_plugin.steps.simulate.settings import SimulateSettings
from gem_plugin.steps.simulate.step import run_simulate
from gem_plugin.steps.train.step import run_train

BOX, PIXEL_SIZE, N_PARTICLES = 32, 8.0, 400
SMALL = TrainSettings(epochs=12, batch_size=20, latent_size=2, encoder_width=64, anchors=64, encoder_box=16)


def quiet() -> Progress:
    return Progress(io.StringIO())


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunFiles, dict[str, np.ndarray]]:
    """A run up to the consensus, of the phantom with and without its arms; and the truth."""
    folder = tmp_path_factory.mktemp("train")
    run_simulate(
        SimulateSettings(
            out=folder, phantom="missing-arms", n_particles=N_PARTICLES, box=BOX, pixel_size=PIXEL_SIZE, snr=1.0,
            largest_shift=8.0,
        ),
        quiet(),
    )  # fmt: skip
    run = RunFiles(folder / "run")
    run_prepare(run, PrepareSettings(particles=folder / "particles.star"), quiet())
    run_consensus(run, ConsensusSettings(map=folder / "consensus.mrc", fit_images=400), quiet())
    with np.load(folder / "truth.npz", allow_pickle=False) as truth:
        return run, dict(truth)


@pytest.fixture(scope="module")
def trained(prepared: tuple[RunFiles, dict[str, np.ndarray]]) -> tuple[RunFiles, np.ndarray]:
    """The run after training, and the true composition of each particle."""
    run, truth = prepared
    run_train(run, SMALL, quiet())
    return run, truth["which"]


def history_of(run: RunFiles) -> list[dict[str, float]]:
    with open(run.history, newline="") as handle:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(handle)]


def test_training_explains_images_that_never_trained(trained: tuple[RunFiles, np.ndarray]) -> None:
    history = history_of(trained[0])
    assert len(history) == SMALL.epochs
    assert history[-1]["validation_loss"] < history[0]["validation_loss"] < 0
    assert history[-1]["bad_steps"] == 0


def test_particles_of_one_composition_lie_together(trained: tuple[RunFiles, np.ndarray]) -> None:
    run, which = trained
    latents = np.load(run.latents)
    distances = np.linalg.norm(latents[:, None] - latents, axis=2) + 1e9 * np.eye(N_PARTICLES)
    nearest = np.argsort(distances, axis=1)[:, :10]
    agreement = (which[nearest] == which[:, None]).mean()
    assert agreement > 0.8  # a quarter would agree by chance


def test_arms_that_are_absent_are_absent_from_the_decoded_maps(
    prepared: tuple[RunFiles, dict[str, np.ndarray]], trained: tuple[RunFiles, np.ndarray]
) -> None:
    run, which = trained
    latents, truth = np.load(run.latents), prepared[1]
    centres = np.stack([np.median(latents[which == state], axis=0) for state in range(4)])
    volumes = list(decode_volumes(load_trained_model(run), centres))
    for arm, (without, with_arm) in enumerate(((2, 3), (1, 3)), start=1):
        is_arm = (truth["weight"][without] == 0) & (truth["weight"][with_arm] > 0)
        voxels = np.round(truth["xyz"][0][is_arm] / PIXEL_SIZE).astype(int) + BOX // 2
        x, y, z = voxels.T
        density = [volume[z, y, x].mean() for volume in volumes]
        absent, present = (density[0] + density[without]) / 2, density[3]
        assert absent < 0.35 * present, f"arm {arm}: {absent} against {present}"


def test_every_term_can_be_switched_on_and_is_logged(
    prepared: tuple[RunFiles, dict[str, np.ndarray]], tmp_path: Path
) -> None:
    run = linked_run(prepared[0], tmp_path)
    weights = {
        "distance_weight": 0.1, "direction_weight": 0.1, "repulsion_weight": 0.1, "smoothness_weight": 0.1,
        "latent_neighbour_weight": 0.1,
    }  # fmt: skip
    settings = dataclasses.replace(
        SMALL, epochs=3, decoder="mlp", rigid_parts=2, width_change=True, batch_size=100, feature_dim=16,
        feature_kdim=16, gaussian_kdim=16, **weights,
    )  # fmt: skip
    run_train(run, settings, quiet())
    last = history_of(run)[-1]
    for name in weights:
        value = last[name.removesuffix("_weight")]
        assert math.isfinite(value)
        assert value > 0
    assert math.isnan(history_of(run)[0]["latent_neighbour"])  # from the third epoch on


def write_mask(path: Path, mask: np.ndarray) -> Path:
    with mrcfile.new(path) as handle:
        handle.set_data(mask)
        handle.voxel_size = PIXEL_SIZE
    return path


def test_a_focus_mask_keeps_the_rest_still_and_cannot_be_changed_when_resuming(
    prepared: tuple[RunFiles, dict[str, np.ndarray]], tmp_path: Path
) -> None:
    run = linked_run(prepared[0], tmp_path)
    mask = np.zeros((BOX, BOX, BOX), np.float32)
    mask[:, :, BOX // 2 :] = 1  # the half at positive x
    focused = dataclasses.replace(SMALL, epochs=2, focus_mask=write_mask(tmp_path / "mask.mrc", mask))
    run_train(run, focused, quiet())
    volumes = np.stack(list(decode_volumes(load_trained_model(run), np.array([[-1.0, 0], [1, 1]]))))
    change = np.abs(volumes[0] - volumes[1])
    assert change[:, :, : BOX // 2 - 3].max() < 1e-6 * volumes.max()
    assert change[:, :, BOX // 2 :].max() > 1e-3 * volumes.max()
    with pytest.raises(InputError, match=r"--resume: .* was trained with another --focus-mask"):
        run_train(run, dataclasses.replace(focused, epochs=3, focus_mask=None, resume=True), quiet())


def test_a_focus_mask_without_gaussians_stops_before_training(
    prepared: tuple[RunFiles, dict[str, np.ndarray]], tmp_path: Path
) -> None:
    run = linked_run(prepared[0], tmp_path)
    mask = np.zeros((BOX, BOX, BOX), np.float32)
    mask[0, 0, 0] = 1
    with pytest.raises(InputError, match=r"--focus-mask holds none of the \d+ Gaussians"):
        run_train(
            run, dataclasses.replace(SMALL, focus_mask=write_mask(tmp_path / "mask.mrc", mask)), quiet()
        )
    assert not run.checkpoint.exists()


def linked_run(run: RunFiles, folder: Path) -> RunFiles:
    """Another run of the same prepared particles and consensus."""
    other = RunFiles(folder / "run")
    other.root.mkdir()
    for name in ("prepared", "consensus"):
        (other.root / name).symlink_to(run.root / name)
    return other
