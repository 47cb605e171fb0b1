"""Outputs that are declared before the work, so that a server that refuses one says so now and not after the training.

Left for the end: states whose number is found by the work, refined poses, which not every training has, and views made by symmetry.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gem_plugin.adapters.cryosparc.outputs import ALL_PARTICLES, CONSENSUS, MASK, JobOutputs
from gem_plugin.io.run.files import RunFiles
from gem_plugin.pipeline.step_table import STEPS


def declare_known_outputs(
    outputs: JobOutputs,
    what: Sequence[str],  # names of SAVERS
    values: Mapping[str, Any],  # settings that were given
    run: RunFiles,
    has_views: bool,  # rows that symmetry makes: which slots they may have is found out at the end
) -> None:
    """Declare what is known of the outputs before the first step."""
    latent_size = _latent_size(run, values)
    if not has_views and "latents" in what:
        outputs.declare_particles(ALL_PARTICLES, "All particles with latents", latent_size)
    if "consensus" in what:
        outputs.declare_map(CONSENSUS, "Consensus")
    if "states" in what:
        outputs.declare_map(MASK, "Mask of the landscape", "mask")
        n_states = values.get("n_states")
        for number in range(1, n_states + 1 if isinstance(n_states, int) else 1):
            if not has_views:
                outputs.declare_particles(f"particles_state_{number}", f"State {number}", latent_size)
            outputs.declare_map(f"volume_state_{number}", f"State {number}: mean map")


def _latent_size(run: RunFiles, values: Mapping[str, Any]) -> int:
    """Of an earlier job's latents, else as the training will make them."""
    if run.latents.is_file():
        return int(np.load(run.latents, mmap_mode="r").shape[1])
    return int(values.get("latent_size") or STEPS["train"].settings_class().latent_size)
