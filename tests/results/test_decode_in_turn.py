"""Several devices, and several processes, give the landscape that one gives."""

import io
from pathlib import Path

import numpy as np
import pytest
import torch

from gem_plugin.errors import InputError
from gem_plugin.gaussians.cloud import GaussianCloud, LengthUnit
from gem_plugin.heterogeneity.architecture import architecture_for, build_model
from gem_plugin.heterogeneity.settings import TrainSettings
from gem_plugin.io.array_files import write_array
from gem_plugin.io.run.files import RunFiles
from gem_plugin.pipeline.run_steps import STEPS, run_step
from gem_plugin.progress import Progress
from gem_plugin.results.gem_decoder import open_volume_source
from gem_plugin.results.model import save_training
from gem_plugin.steps.landscape.settings import LandscapeSettings
from gem_plugin.steps.landscape_full.settings import LandscapeFullSettings

QUIET = Progress(io.StringIO())


def untrained_run(folder: Path) -> RunFiles:
    """A model of 40 Gaussians with random motions."""
    generator = torch.Generator().manual_seed(0)
    cloud = GaussianCloud(
        torch.randn(40, 3, generator=generator) * 3, torch.ones(40), torch.full((40,), 1.0), LengthUnit.PIXEL
    )
    settings = TrainSettings(latent_size=2, encoder_width=8, encoder_layers=1, anchors=8, encoder_box=8)
    architecture = architecture_for(settings, 40, 16, 4.0)
    model = build_model(architecture, cloud, generator)
    run = RunFiles(folder)
    save_training(run, architecture, {"model": model.state_dict()})
    write_array(run.latents, 3 * np.random.default_rng(0).normal(size=(70, 2)).astype(np.float32))
    return run


def whole_landscape(folder: Path, device: str) -> dict[str, np.ndarray]:
    """Both steps as the command line runs them."""
    run = untrained_run(folder)
    sketch = LandscapeSettings(device=device, sketch_size=40, n_states=4, skip_umap=True, plot_dim=0)
    run_step(STEPS["landscape"], run, sketch, QUIET)
    full = LandscapeFullSettings(
        device=device,
        n_states=4,
        skip_umap=True,
        leiden=False,
        bootstrap=2,
        path_points=3,
        maps_per_state=2,
    )
    run_step(STEPS["landscape-full"], run, full, QUIET)
    files = run.landscape
    return {
        "scores": np.load(files.volume_pca_scores),
        "states": np.load(files.particle_states),
        "coordinates": np.load(files.full.coordinates),
    }


def test_maps_decoded_on_two_devices_give_the_landscape_of_one(tmp_path: Path) -> None:
    one, two = whole_landscape(tmp_path / "one", "cpu"), whole_landscape(tmp_path / "two", "cpu,cpu")
    for name, values in one.items():
        np.testing.assert_array_equal(values, two[name], err_msg=name)


@pytest.mark.parametrize("devices", ["cpu", "cpu,cpu"])
@pytest.mark.parametrize("flip", [False, True])
def test_maps_left_on_the_device_are_those_that_come_as_arrays(
    devices: str, flip: bool, tmp_path: Path
) -> None:
    source = open_volume_source(untrained_run(tmp_path), 12, flip=flip, devices=devices)
    decoded = source.maps_on_device(source.latents[:35])
    tensors = [next(decoded)]
    assert torch.is_grad_enabled(), "while maps are read, too"
    tensors += decoded
    for tensor, array in zip(tensors, source.decode(source.latents[:35]), strict=True):
        np.testing.assert_array_equal(tensor.numpy(), array)
    assert str(tensors[0].device) == source.device


def test_a_device_that_is_not_there_is_named_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--device is cuda:7.*offers \d+ CUDA devices"):
        run_step(STEPS["landscape"], untrained_run(tmp_path), LandscapeSettings(device="cpu,cuda:7"), QUIET)


@pytest.mark.parametrize("step", ["landscape", "landscape-full"])
def test_a_program_that_does_a_step_in_several_processes_at_once_is_refused_and_nothing_is_touched(
    step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = untrained_run(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "1")
    with pytest.raises(InputError, match=r"started 2 processes of a program that is not gem-em"):
        run_step(STEPS[step], run, STEPS[step].settings_class(), QUIET)
    assert sorted(tmp_path.rglob("*")) == before
