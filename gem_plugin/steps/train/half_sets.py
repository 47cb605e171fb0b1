"""Two models from the two half-sets and one consensus: how well do their latents and their maps agree?

What only one half believes is not in the data. The agreement is no resolution: both models share the consensus and
the priors of the method.
"""

import dataclasses
import json
from typing import Any

import numpy as np
import torch

from gem_plugin.errors import InputError
from gem_plugin.heterogeneity.agreement import latent_agreement, map_agreement
from gem_plugin.heterogeneity.observations import Observations
from gem_plugin.heterogeneity.settings import TrainSettings
from gem_plugin.heterogeneity.training_plan import TrainingPlan
from gem_plugin.io.array_files import write_array
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.whole_files import write_text_whole
from gem_plugin.processes.workers import current_workers
from gem_plugin.progress import Progress
from gem_plugin.results.model import decode_volumes
from gem_plugin.steps.train.embedding import EmbeddedParticles, embed_particles, embedded_together
from gem_plugin.steps.train.epochs import train_to_the_end
from gem_plugin.steps.train.setup import ConsensusStart, make_trainer

COMPARED_PARTICLES = 12  # whose maps both models decode
LEVEL = 0.5  # correlation at which the frequency of agreement is quoted


def train_halves(
    run: RunFiles,
    settings: TrainSettings,
    observations: Observations,
    consensus: ConsensusStart,
    half_sets: np.ndarray,  # (n,) 1 or 2
    plan_of_all: TrainingPlan,  # each half trains for as many particle visits as the whole set did
    progress: Progress,
) -> dict[str, Any]:
    """Train both, write train/halves.json, and give its numbers for the summary; of several processes in the first one."""
    check_half_sets(half_sets)
    trained = [
        _train_half(run, settings, observations, consensus, half_sets, half, plan_of_all, progress)
        for half in (1, 2)
    ]
    if not current_workers().is_main:
        return {}
    (first_model, first), (second_model, second) = trained
    generator = np.random.default_rng(settings.seed)
    with progress.waiting("agreement of the latents"):
        latents = latent_agreement(first.means, second.means, generator, observations.particle_indices)
    rows = np.linspace(0, len(half_sets) - 1, min(COMPARED_PARTICLES, len(half_sets))).astype(int)
    maps = [
        np.stack(list(progress.track(decode_volumes(model, means[rows]), "compared maps", len(rows), "map")))
        for model, means in ((first_model, first.means), (second_model, second.means))
    ]
    curve = map_agreement(*maps)
    below = np.flatnonzero(curve < LEVEL)
    box_in_angstroms = observations.box_size * observations.pixel_size_in_angstroms
    last_shell = int(below[0]) - 1 if len(below) else len(curve) - 1
    numbers = {
        "halves_latent_agreement": round(min(latents), 4),
        "halves_map_agreement": round(float(curve.mean()), 4),
        "halves_maps_agree_to_angstroms": round(box_in_angstroms / max(1, last_shell), 2),
    }
    content = {
        **numbers,
        "shell_correlation": [round(float(value), 5) for value in curve],
        "rows": rows.tolist(),
    }
    write_text_whole(run.halves, json.dumps(content, indent=1) + "\n")
    return numbers


def check_half_sets(half_sets: np.ndarray) -> None:
    """Raise InputError where the particles have no two half-sets."""
    counts = {half: int((half_sets == half).sum()) for half in (1, 2)}
    if min(counts.values()) == 0:
        raise InputError(
            f"--halves: the particles have {counts[1]} in half-set 1 and {counts[2]} in half-set 2; expected both. "
            "Use particles of a gold-standard refinement (rlnRandomSubset, or alignments3D/split), or leave --halves out."
        )


def _train_half(
    run: RunFiles,
    settings: TrainSettings,
    observations: Observations,
    consensus: ConsensusStart,
    half_sets: np.ndarray,
    half: int,
    plan_of_all: TrainingPlan,
    progress: Progress,
) -> tuple[Any, EmbeddedParticles]:
    progress.say(f"Half-set {half}: {int((half_sets == half).sum())} particles")
    folder = run.half(half)
    resumed = dataclasses.replace(settings, resume=settings.resume and folder.checkpoint.exists())
    rows = torch.from_numpy(np.flatnonzero(half_sets == half))
    trainer, architecture = make_trainer(
        folder, resumed, observations, consensus, rows, progress, plan_of_all
    )
    train_to_the_end(folder, trainer, architecture, progress)
    embedded = embedded_together(trainer, embed_particles(trainer, progress))
    if trainer.workers.is_main:
        write_array(folder.latents, embedded.means)
    return trainer.model, embedded
