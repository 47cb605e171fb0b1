"""A run repeated from what it recorded gives the same numbers; changed inputs are refused."""

from pathlib import Path

import numpy as np
import pytest

from gem_plugin.errors import InputError
from gem_plugin.io.run.files import RunFiles
from gem_plugin.pipeline.rerun.settings import RerunSettings
from gem_plugin.pipeline.rerun.step import run_rerun
from gem_plugin.pipeline.run_steps import run_steps
from gem_plugin.pipeline.settings_of_steps import settings_from_plain
from gem_plugin.pipeline.step_table import STEPS
from gem_plugin.progress import Progress
from gem_plugin.steps.simulate.settings import SimulateSettings
from gem_plugin.steps.simulate.step import run_simulate

SMALL = {"epochs": 1, "batch_size": 16, "anchors": 24, "encoder_width": 32, "encoder_box": 16, "n_basis": 6}


def test_a_repeated_run_gives_the_same_latents(tmp_path: Path) -> None:
    simulation = SimulateSettings(out=tmp_path / "data", n_particles=96, box=24, pixel_size=11.0, snr=0.2)
    run_simulate(simulation, Progress())
    run = RunFiles(tmp_path / "run")
    star = tmp_path / "data/particles.star"
    values = {"particles": star, "map": tmp_path / "data/consensus.mrc", "fit_images": 96, **SMALL}
    run_steps(("prepare", "consensus", "train"), run, values, Progress())
    numbers = run_rerun(run, RerunSettings(), Progress())
    assert numbers["steps"] == ["prepare", "consensus", "train"]
    again = RunFiles(tmp_path / "run_again")
    np.testing.assert_array_equal(np.load(run.latents), np.load(again.latents))
    assert numbers["largest_latent_difference"] == 0
    with pytest.raises(InputError, match="is not empty"):
        run_rerun(run, RerunSettings(), Progress())
    star.write_text(star.read_text() + "\n")
    with pytest.raises(InputError, match=r"particles\.star, an input of prepare, has changed"):
        run_rerun(run, RerunSettings(out=tmp_path / "third"), Progress())


def test_paths_into_the_old_run_point_into_the_new_one(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    values = {"mask": "old/landscape/mask.mrc", "z_values": "z.txt", "parts": 4}
    made = settings_from_plain(STEPS["reconstruct"], values, tmp_path, old, new)
    assert (made.mask, made.z_values, made.parts) == (new / "landscape/mask.mrc", tmp_path / "z.txt", 4)
    with pytest.raises(InputError, match="has no setting colour"):
        settings_from_plain(STEPS["reconstruct"], {"colour": 1}, tmp_path, old, new)


def test_a_folder_without_records_cannot_be_repeated(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing to repeat"):
        run_rerun(RunFiles(tmp_path), RerunSettings(), Progress())
