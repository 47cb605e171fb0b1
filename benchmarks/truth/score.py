"""Train on a set with default settings (or others), and score the run against the truth."""

import resource
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.io.mrc.maps import read_map
from gem_plugin.io.run.files import RunFiles
from gem_plugin.pipeline.run_steps import run_steps
from gem_plugin.pipeline.settings_of_steps import fields_of_steps
from gem_plugin.progress import Progress
from gem_plugin.results.decoder import MapGrid
from gem_plugin.results.run import Run
from truth.known_truth import KnownTruth, read_truth
from truth.latent_scores import score_latents
from truth.map_scores import Decode, MapScores, rows_of_conformations, rows_of_images
from truth.motion_scores import score_motion
from truth.pose_scores import score_junk, score_poses

STEPS_OF_TRAINING = ("prepare", "consensus", "train")


def check_settings_of_training(settings: Mapping[str, Any]) -> None:
    """Raise InputError for names that no step of the training has."""
    known = fields_of_steps(STEPS_OF_TRAINING)
    unknown = [name for name in settings if name not in known]
    if unknown:
        raise InputError(f"There is no setting {', '.join(unknown)}; there is {', '.join(known)}.")


def train(
    dataset: Path, run: RunFiles, settings: Mapping[str, Any], progress: Progress
) -> dict[str, float]:  # numbers of the training
    """Do prepare, consensus and train on a set."""
    values = {"particles": dataset / "particles.star", "map": dataset / "consensus.mrc", **settings}
    run_steps(STEPS_OF_TRAINING[:-1], run, values, progress)
    start = _processor_seconds()
    numbers = run_steps(STEPS_OF_TRAINING, run, values, progress)["train"]
    return {
        "epochs": numbers["epochs"],
        "training_seconds": numbers["seconds"],
        "processor_seconds": _processor_seconds() - start,
        "support_in_nats": numbers.get("support_in_nats"),
    }


def score_run(dataset: Path, run_folder: RunFiles, seed: int) -> dict[str, float | None]:
    """Every score of a trained run against the truth of its set."""
    truth, run = read_truth(dataset), Run(run_folder)
    decoder = run.decoder(MapGrid())
    latents = run.latents
    consensus = read_map(dataset / "consensus.mrc").volume
    scores = score_maps(truth, latents, decoder.maps_for_files, consensus)
    scores["true_states"] = truth.n_states
    table = run.particles
    defocus = np.stack([table.defocus_u_in_angstroms, table.defocus_v_in_angstroms], axis=1)
    scores |= score_latents(truth, latents, run.latents_std, defocus, seed)

    def clouds(some: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        assert decoder.clouds_at is not None
        cloud = decoder.clouds_at(some).in_angstroms(decoder.cloud_pixel_size_in_angstroms)
        return cloud.positions.numpy(), cloud.amplitudes.numpy()

    scores |= score_motion(truth, latents, clouds, seed)
    return scores | score_poses(truth, run) | score_junk(truth, run)


def score_maps(
    truth: KnownTruth, latents: np.ndarray, decode: Decode, consensus: np.ndarray
) -> dict[str, float | None]:
    """FSC-AUC per conformation and per image, with standard deviation and least; and that of the consensus with every state."""
    maps = MapScores(truth)
    per_conformation = maps.areas(rows_of_conformations(truth, latents), latents, decode)
    per_image = maps.areas(rows_of_images(truth), latents, decode)
    return {
        "per_conformation": float(per_conformation.mean()),
        "per_conformation_std": float(per_conformation.std()),
        "per_conformation_least": float(per_conformation.min()),
        "per_image": float(per_image.mean()),
        "per_image_std": float(per_image.std()),
        "consensus": float(np.mean([maps.area(consensus, state) for state in range(truth.n_states)])),
    }


def count_states(run: RunFiles, seed: int, progress: Progress) -> int:
    """How many states `landscape -M auto` finds."""
    run_steps(("landscape",), run, {"n_states": "auto", "skip_umap": True, "seed": seed}, progress)
    return len(Run(run).states().numbers)


def _processor_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
