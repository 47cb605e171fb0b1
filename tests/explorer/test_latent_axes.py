"""Columns on which every latent has a position: the same numbers as the columns of the run."""

import json

import numpy as np

from gem_plugin.explorer.latent_axes import latent_axes
from gem_plugin.landscape.latents.components import fit_latent_components


def test_positions_are_the_values_of_the_columns() -> None:
    latents = np.random.default_rng(0).normal(size=(50, 3)) * [1, 2, 3] + [5, 0, -1]
    axes = json.loads(json.dumps(latent_axes(latents)))
    assert set(axes) == {f"latent_{prefix}{number}" for prefix in ("", "pc_") for number in (1, 2, 3)}
    scores = fit_latent_components(latents).scores
    for number in (1, 2, 3):
        for name, values in ((f"latent_{number}", latents), (f"latent_pc_{number}", scores)):
            found = axes[name]["offset"] + latents @ np.array(axes[name]["weights"])
            np.testing.assert_allclose(found, values[:, number - 1], atol=1e-12)


def test_points_between_particles_lie_between_them() -> None:
    latents = np.random.default_rng(0).normal(size=(50, 3))
    axis = latent_axes(latents)["latent_pc_2"]
    scores = fit_latent_components(latents).scores[:, 1]
    between = axis["offset"] + (latents[3] + latents[4]) / 2 @ np.array(axis["weights"])
    np.testing.assert_allclose(between, (scores[3] + scores[4]) / 2)
