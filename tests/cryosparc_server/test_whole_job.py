"""Train, landscape and select with the real steps, on the tiny refinement; and everything again on cryosparc-tools 4.7.1."""

import os
import subprocess
from pathlib import Path

import mrcfile
import numpy as np
import pytest

from cryosparc_server.commands import INPUTS, PLACE, assert_has_all_fields_of, load, newest
from cryosparc_server.conftest import GENERATION
from cryosparc_server.http_server import LoopbackServer
from cryosparc_server.instance import Instance
from cryosparc_server.make_environment_4 import make_environment
from cryosparc_server.tiny_project import BOX_SIZE, PIXEL_SIZE, add_tiny_refinement
from gem_plugin.adapters.cryosparc.commands import run_command

pytest.importorskip("cryosparc.tools", reason="cryosparc-tools is absent (pip install 'gem-em[cryosparc]')")

SECONDS_FOR_ALL_OF_4 = 1500


@pytest.mark.slow
def test_real_training_landscape_and_selection(server: LoopbackServer, instance: Instance):
    rows = add_tiny_refinement(instance)
    train_options = ["--mask", "J42", "--epochs", "3", "--box", "32"]
    assert run_command("train", [*PLACE, *INPUTS, *train_options]) == 0
    train = newest(instance)
    found = load(train.uid, "particles")
    assert_has_all_fields_of(found, rows)
    latents = np.load(instance.folder / train.uid / "gem" / "latents.npy")
    np.testing.assert_array_equal(found["components_mode_0/value"], latents[:, 0])
    consensus = instance.folder / train.outputs["consensus"].rows["map/path"][0].decode()
    with mrcfile.open(consensus) as mrc:
        assert mrc.data.shape == (BOX_SIZE,) * 3
        assert float(mrc.voxel_size.x) == pytest.approx(PIXEL_SIZE)

    assert run_command("landscape", [*PLACE, "--train", train.uid, "-N", "20", "-M", "3", "-d", "32"]) == 0
    landscape = newest(instance)
    states = np.load(instance.folder / landscape.uid / "gem" / "landscape" / "particle_states.npy")
    for number in (1, 2, 3):
        assert_has_all_fields_of(load(landscape.uid, f"particles_state_{number}"), rows[states == number])

    full_options = [
        "-M",
        "2",
        "--maps-per-state",
        "4",
        "--path-points",
        "4",
        "--bootstrap",
        "5",
        "--no-leiden",
    ]
    assert run_command("landscape-full", [*PLACE, "--landscape", landscape.uid, *full_options]) == 0
    full = newest(instance)
    full_folder = instance.folder / full.uid / "gem" / "landscape" / "full"
    full_states = np.load(full_folder / "particle_states.npy")
    assert set(full_states.tolist()) == {1, 2}
    assert_has_all_fields_of(load(full.uid, "particles_state_2"), rows[full_states == 2])

    assert run_command("select", [*PLACE, "--landscape", landscape.uid, "--states", "1,2"]) == 0
    assert_has_all_fields_of(load(newest(instance).uid, "particles"), rows[states != 3])


@pytest.mark.slow
@pytest.mark.parametrize("wrong", ["box", "stack"])
def test_bad_input_of_the_real_steps_fails_the_job(
    server: LoopbackServer, instance: Instance, capsys, wrong: str
):
    add_tiny_refinement(instance)
    if wrong == "box":
        with mrcfile.new(instance.folder / "J42" / "J42_volume_map.mrc", overwrite=True) as mrc:
            mrc.set_data(np.zeros((48, 48, 48), dtype=np.float32))
            mrc.voxel_size = PIXEL_SIZE
    else:
        (instance.folder / "J7" / "extract" / "003_mic_3_particles.mrc").unlink()
    assert run_command("train", [*PLACE, *INPUTS, "--box", "32"]) == 2
    message = {"box": "J42_volume_map.mrc", "stack": "1 of 12 image stacks are missing"}[wrong]
    assert message in capsys.readouterr().err
    assert newest(instance).statuses == ["running", "failed"]
    assert message in newest(instance).texts()


@pytest.mark.slow
@pytest.mark.skipif(GENERATION < 5, reason="these tests are running on 4.7 already")
def test_everything_again_on_tools_4(tmp_path_factory: pytest.TempPathFactory, repository: Path):
    """The same test files, with cryosparc-tools 4.7.1 in a second environment."""
    try:
        python = make_environment(tmp_path_factory.mktemp("tools_4"))
    except (subprocess.SubprocessError, OSError) as error:
        pytest.skip(
            f"the environment with cryosparc-tools 4.7.1 cannot be made: {getattr(error, 'stderr', error)}"
        )
    command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/cryosparc_server"]
    done = subprocess.run(
        command,
        cwd=repository,
        capture_output=True,
        text=True,
        timeout=SECONDS_FOR_ALL_OF_4,
        env=dict(os.environ),
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
