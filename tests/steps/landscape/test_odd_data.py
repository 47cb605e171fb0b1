"""The landscape on what a test set seldom holds: a handful of particles, no motion, equal latents."""

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from arm_model import arm_source, ring_latents

from gem_plugin.errors import InputError
from gem_plugin.gaussians.cloud import GaussianCloud
from gem_plugin.gaussians.volume import render_volumes
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.landscape_files import LandscapeFiles
from gem_plugin.io.run.settings import write_step_summary
from gem_plugin.landscape.volume_source import VolumeSource
from gem_plugin.progress import Progress
from gem_plugin.results.components import VolumeComponents
from gem_plugin.steps.landscape import step as landscape
from gem_plugin.steps.landscape.settings import LandscapeSettings
from gem_plugin.steps.landscape.step import map_landscape
from gem_plugin.steps.landscape_full.settings import LandscapeFullSettings
from gem_plugin.steps.landscape_full.step import map_full_landscape


def whole_landscape(
    folder: Path, latents: np.ndarray, source: VolumeSource | None = None, **changes: object
) -> tuple[dict, dict, str]:
    """Both steps, by default of the molecule with an arm; their numbers and what was said."""
    run, said = RunFiles(folder), io.StringIO()
    files, source = run.landscape, source or arm_source(latents)
    wanted = {"n_states": "auto", "skip_umap": True, **changes}
    sketch = map_landscape(source, files, run, LandscapeSettings(sketch_size=60, **wanted), Progress(said))
    full = LandscapeFullSettings(leiden=False, bootstrap=3, path_points=3, maps_per_state=3, **wanted)
    numbers = map_full_landscape(source, VolumeComponents.load(files), files, run, full, Progress(said))
    coordinates = np.load(files.full.coordinates)
    assert np.isfinite(coordinates).all()
    assert len(coordinates) == len(latents)
    return sketch, numbers, said.getvalue()


@pytest.mark.parametrize("n_particles", [2, 3, 5])
def test_a_handful_of_particles_goes_through(n_particles: int, tmp_path: Path) -> None:
    sketch, full, said = whole_landscape(tmp_path, ring_latents(n_particles))
    assert sketch["sketch_maps"] == n_particles
    assert full["particles"] == n_particles
    assert f"Only {n_particles} particles" in said


def source_without_groups() -> VolumeSource:
    """A ball whose Gaussians shake a little in four independent ways: what latents of nothing but noise look like."""
    latents = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
    generator = torch.Generator().manual_seed(0)
    rest, ways = (
        torch.randn(80, 3, generator=generator) * 9,
        torch.randn(4, 240, generator=generator) * 0.3,
    )

    def clouds_at(some_latents: np.ndarray) -> GaussianCloud:
        shaken = (torch.as_tensor(np.array(some_latents)) @ ways).view(-1, 80, 3)
        return GaussianCloud(rest + shaken, torch.ones(len(shaken), 80), torch.full((80,), 3.4))

    def decode(some_latents: np.ndarray) -> Iterator[np.ndarray]:
        yield from render_volumes(clouds_at(some_latents), 24, 4.0).numpy()

    return VolumeSource(latents, 24, 4.0, decode, clouds_at, 4.0, identity="shaken")


def test_maps_without_groups_are_one_state_and_that_is_said(tmp_path: Path) -> None:
    source = source_without_groups()
    sketch, full, said = whole_landscape(tmp_path, source.latents, source)
    assert sketch["states"] == 1
    assert sketch["one_cloud"]
    assert full["states"] == 1
    assert "The maps form one cloud" in said
    assert np.unique(np.load(LandscapeFiles(tmp_path / "landscape").particle_states)).tolist() == [1]


def test_states_that_were_asked_for_are_made_but_called_cuts_through_a_cloud(tmp_path: Path) -> None:
    source = source_without_groups()
    sketch, _, said = whole_landscape(tmp_path, source.latents, source, n_states=4)
    assert sketch["states"] == 4
    assert "the 4 states are cuts through it, not separate groups" in said


def test_a_ring_is_divided_on_request_and_no_state_holds_half_of_it(tmp_path: Path) -> None:
    sketch, full, said = whole_landscape(tmp_path, ring_latents(200), n_states=10)
    assert sketch["one_cloud"]
    assert "the 10 states are cuts through it, not separate groups" in said
    assert sketch["largest_state_share"] < 0.5
    assert full["largest_state_share"] < 0.5


def test_equal_latents_are_no_landscape_and_the_message_says_what_to_suspect(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Did training collapse"):
        whole_landscape(tmp_path, np.ones((50, 2), np.float32))


def test_particles_that_occur_many_times_share_a_state(tmp_path: Path) -> None:
    latents = np.repeat(ring_latents(12), 20, axis=0)
    whole_landscape(tmp_path, latents, n_states=4)
    states = np.load(LandscapeFiles(tmp_path / "landscape").particle_states).reshape(12, 20)
    assert (states == states[:, :1]).all()


@pytest.mark.parametrize(("support", "is_warned"), [(-1.2, True), (7.5, False)])
def test_latents_without_support_are_said_before_states_are_made(
    support: float, is_warned: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, said = RunFiles(tmp_path), io.StringIO()
    write_step_summary(run, "train", {"support_in_nats": support, "support_error": 0.3})
    monkeypatch.setattr(landscape, "decoder_of", lambda *arguments: arm_source(ring_latents(30)))
    settings = LandscapeSettings(sketch_size=10, n_states=2, skip_umap=True, pc_dim=3, plot_dim=0)
    landscape.run_landscape(run, settings, Progress(said))
    assert (
        "WARNING: Held-out particles do not fit the flexible model better" in said.getvalue()
    ) is is_warned
