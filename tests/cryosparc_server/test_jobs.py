"""The external jobs as a user starts them, with steps that do no work: inputs, outputs, log, identity of particles."""

import contextlib
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from cryosparc_server.commands import INPUTS, N_PARTICLES, assert_has_all_fields_of, load, newest, run
from cryosparc_server.conftest import GENERATION
from cryosparc_server.fake_steps import FAKES, full_states_of, latents_of, state_map, states_of
from cryosparc_server.http_server import LoopbackServer
from cryosparc_server.instance import EMAIL, PASSWORD, Instance
from gem_plugin.adapters.cryosparc.client import connect_to_cryosparc
from gem_plugin.adapters.cryosparc.commands import run_command
from gem_plugin.io.cryosparc.files import dataset_to_rows
from gem_plugin.io.cryosparc.groups import latent_fields, rows_with_fields
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.refined_poses import RefinedPoses, write_refined_poses
from gem_plugin.progress import Progress
from gem_plugin.results.written_particles import write_refined_particles

pytest.importorskip("cryosparc.tools", reason="cryosparc-tools is absent (pip install 'gem-em[cryosparc]')")


def test_train_job_gives_all_particles_with_their_latents(rows: np.ndarray, instance: Instance):
    assert run("train", *INPUTS) == 0
    job = newest(instance)
    assert (job.status, job.statuses) == ("completed", ["running", "completed"])
    found = load(job.uid, "particles")
    assert_has_all_fields_of(found, rows)
    for mode in range(3):
        assert set(found[f"components_mode_{mode}/component"].tolist()) == {mode}
        np.testing.assert_array_equal(
            found[f"components_mode_{mode}/value"], latents_of(N_PARTICLES)[:, mode]
        )


def test_refined_poses_are_particles_of_their_own(
    rows: np.ndarray, instance: Instance, monkeypatch: pytest.MonkeyPatch
):
    fakes = dict(FAKES)

    def train(files: RunFiles, values: dict[str, Any], progress: Progress) -> None:
        fakes["train"](files, values, progress)
        quarter_turns = np.tile([0, 0, np.pi / 2], (N_PARTICLES, 1))
        nowhere = np.zeros(N_PARTICLES, dtype=bool)
        write_refined_poses(
            files, RefinedPoses(quarter_turns, np.ones((N_PARTICLES, 2)), nowhere, np.ones(2))
        )
        write_refined_particles(files)

    monkeypatch.setitem(FAKES, "train", train)
    assert run("train", *INPUTS) == 0
    found = load(newest(instance).uid, "particles_refined")
    assert_has_all_fields_of(found, rows, but=("alignments3D/pose", "alignments3D/shift"))
    before, after = (
        Rotation.from_rotvec(values["alignments3D/pose"].astype(np.float64)) for values in (rows, found)
    )
    turned = before * after.inv()
    np.testing.assert_allclose(turned.magnitude(), np.pi / 2, atol=1e-5)
    pixel = rows["alignments3D/psize_A"][:, None]
    np.testing.assert_allclose(
        (rows["alignments3D/shift"] - found["alignments3D/shift"]) * pixel, 1, atol=1e-4
    )
    assert_has_all_fields_of(load(newest(instance).uid, "particles"), rows)


def test_tree_of_jobs_shows_where_the_work_came_from(rows: np.ndarray, instance: Instance):
    assert run("train", *INPUTS, "--mask", "J42") == 0
    train = newest(instance)
    connections = {name: one.connections for name, one in train.inputs.items()}
    assert connections == {
        "particles": [("J42", "particles")],
        "volume": [("J42", "volume")],
        "mask": [("J42", "mask")],
    }
    assert run("landscape", "--train", train.uid) == 0
    assert newest(instance).inputs["particles"].connections == [(train.uid, "particles")]


def test_state_of_a_landscape_job_is_exactly_the_input_rows(rows: np.ndarray, instance: Instance):
    run("train", *INPUTS)
    assert run("landscape", "--train", newest(instance).uid) == 0
    job, states = newest(instance), states_of(N_PARTICLES)
    for number in (1, 2, 3):
        chosen = states == number
        found = load(job.uid, f"particles_state_{number}")
        assert_has_all_fields_of(found, rows[chosen])
        np.testing.assert_array_equal(found["components_mode_1/value"], latents_of(N_PARTICLES)[chosen, 1])
        volume = load(job.uid, f"volume_state_{number}")
        path = instance.folder / volume["map/path"][0].decode()
        np.testing.assert_array_equal(mrcfile.read(path), state_map(number))
        assert volume["map/psize_A"].tolist() == [4.0]
    assert job.outputs["mask"].kind == "mask"


def test_landscape_job_takes_a_mask_of_the_workspace(rows: np.ndarray, instance: Instance):
    run("train", *INPUTS)
    assert run("landscape", "--train", newest(instance).uid, "--mask", "J42") == 0
    job = newest(instance)
    assert job.inputs["mask"].connections == [("J42", "mask")]
    given = mrcfile.read(instance.folder / "J42" / "J42_mask_map.mrc")
    path = instance.folder / load(job.uid, "mask")["mask/path"][0].decode()
    np.testing.assert_array_equal(mrcfile.read(path), given)


def test_full_landscape_job_gives_its_own_states(rows: np.ndarray, instance: Instance):
    run("train", *INPUTS)
    run("landscape", "--train", newest(instance).uid)
    assert run("landscape-full", "--landscape", newest(instance).uid) == 0
    job, states = newest(instance), full_states_of(N_PARTICLES)
    for number in (1, 2):
        assert_has_all_fields_of(load(job.uid, f"particles_state_{number}"), rows[states == number])
        path = instance.folder / load(job.uid, f"volume_state_{number}")["map/path"][0].decode()
        np.testing.assert_array_equal(mrcfile.read(path), state_map(10 + number))
    assert "particles_state_3" not in job.outputs


def test_select_job_keeps_the_chosen_states(rows: np.ndarray, instance: Instance):
    run("train", *INPUTS)
    run("landscape", "--train", newest(instance).uid)
    assert run("select", "--landscape", newest(instance).uid, "--states", "1,3") == 0
    found = load(newest(instance).uid, "particles")
    assert_has_all_fields_of(found, rows[states_of(N_PARTICLES) != 2])


def test_run_job_does_it_all(rows: np.ndarray, instance: Instance):
    assert run("run", *INPUTS) == 0
    names = set(newest(instance).outputs)
    assert {"particles", "consensus", "mask", "particles_state_1", "volume_state_3"} <= names


def test_a_refinement_can_follow_on_a_state(rows: np.ndarray, instance: Instance):
    """Another external job that needs blob, ctf and alignments3D takes a state's particles and map."""
    run("run", *INPUTS)
    landscape_uid = newest(instance).uid
    with contextlib.closing(connect_to_cryosparc(None, 20)) as connection:
        later = connection.client.find_project("P3").create_external_job("W1", title="refine")
        later.add_input(
            "particle", "particles", min=1, max=1, slots=["blob", "ctf", "alignments3D", "location"]
        )
        later.connect("particles", landscape_uid, "particles_state_2")
        found = dataset_to_rows(later.load_input("particles"))
    assert_has_all_fields_of(found, rows[states_of(N_PARTICLES) == 2])


def test_log_shows_progress_plots_checkpoints_and_a_picture(rows: np.ndarray, instance: Instance):
    run("train", *INPUTS)
    job = newest(instance)
    texts = [event["text"] for event in job.events if event["type"] == "text"]
    assert any(text.startswith("fake train: 3 steps in") for text in texts)
    if GENERATION >= 5:  # one line, updated in place
        assert sum("fake train" in text for text in texts) == 1
        assert job.tile is not None
        assert list(job.output_images) == ["consensus"]
    plots = [event["text"].split(":")[0] for event in job.events if event["type"] == "image"]
    assert plots == ["Consensus map", "Particles in the latent space", "Training"]
    assert sum(event["type"] == "checkpoint" for event in job.events) == 4
    assert all(len(content) > 1000 for content in instance.assets.values())


def test_results_are_shown_as_soon_as_they_are_there(rows: np.ndarray, instance: Instance):
    """Each step's pictures come before the next step begins, and the last one is the picture of the job."""
    run("run", *INPUTS)
    order = [event["text"].split(":")[0] for event in newest(instance).events if event.get("text")]
    starts = [order.index(f"fake {step}") for step in ("consensus", "train", "landscape", "report")]
    shown = [
        order.index(text)
        for text in ("Consensus map", "Particles in the latent space", "Mean maps of the states")
    ]
    for start, picture, next_start in zip(starts, shown, starts[1:]):
        assert start < picture < next_start
    if GENERATION >= 5:
        assert newest(instance).tile is not None


def test_work_is_done_in_the_job_directory_where_it_is_mounted(rows: np.ndarray, instance: Instance):
    run("train", *INPUTS)
    job = newest(instance)
    assert (instance.folder / job.uid / "gem" / "latents.npy").is_file()
    assert job.outputs["consensus"].rows["map/path"][0] == f"{job.uid}/gem/consensus/map.mrc".encode()
    assert list(Path.cwd().iterdir()) == []
    uploads = [call for call in instance.calls if "upload_file" in call or "POST files" in call]
    assert len(uploads) == 1  # the mark by which the folder is recognised; it is gone again
    assert not (instance.folder / job.uid / "gem_results" / "gem_upload_check.txt").exists()


def test_elsewhere_stacks_are_fetched_and_maps_uploaded(rows: np.ndarray, instance: Instance, tmp_path: Path):
    instance.shown_folder = tmp_path / "only on the server"
    assert run("run", *INPUTS) == 0
    job = newest(instance)
    assert Path(f"gem_P3_{job.uid}/input/J7/extract/000_mic_0_particles.mrc").is_file()
    path = job.outputs["volume_state_2"].rows["map/path"][0].decode()
    assert path == f"{job.uid}/gem_results/state_002_mean.mrc"
    np.testing.assert_array_equal(mrcfile.read(instance.folder / path), state_map(2))
    assert run("select", "--landscape", job.uid, "--states", "2") == 0  # finds the work of the first job here
    assert_has_all_fields_of(load(newest(instance).uid, "particles"), rows[states_of(N_PARTICLES) == 2])


def test_a_folder_that_only_looks_mounted_is_not_used(rows: np.ndarray, instance: Instance, tmp_path: Path):
    """Another machine's /project can have the same name as the server's."""
    instance.shown_folder = tmp_path / "same name"
    (instance.shown_folder / "J43").mkdir(parents=True)
    assert run("train", *INPUTS) == 0
    assert list((instance.shown_folder / "J43").iterdir()) == []
    assert Path("gem_P3_J43/latents.npy").is_file()


def test_scratch_folder_is_used_and_results_still_arrive(
    rows: np.ndarray, instance: Instance, tmp_path: Path
):
    assert run("train", *INPUTS, "--scratch", str(tmp_path / "fast disk")) == 0
    assert (tmp_path / "fast disk" / "gem_P3_J43" / "latents.npy").is_file()
    assert newest(instance).outputs["consensus"].rows["map/path"][0] == b"J43/gem_results/map.mrc"
    assert (instance.folder / "J43" / "gem_results" / "map.mrc").is_file()


def test_no_secret_is_shown_anywhere(rows: np.ndarray, instance: Instance, capsys: pytest.CaptureFixture):
    run("train", *INPUTS)
    shown = capsys.readouterr()
    written = "".join(
        path.read_text(errors="ignore") for path in (instance.folder / "J43").rglob("*") if path.is_file()
    )
    for text in (shown.out, shown.err, newest(instance).texts(), written):
        assert PASSWORD not in text
        assert EMAIL not in text


def test_a_password_on_the_command_line_is_no_option(rows: np.ndarray, capsys: pytest.CaptureFixture):
    assert run("train", *INPUTS, "--password", PASSWORD) != 0
    assert "No such option" in capsys.readouterr().err


def test_options_that_contradict_each_other_make_no_job(
    rows: np.ndarray, instance: Instance, capsys: pytest.CaptureFixture
):
    before = list(instance.jobs)
    assert run("train", *INPUTS, "--decoder", "mlp", "--n-basis", "5") != 0
    assert "--n-basis has no effect with --decoder mlp" in capsys.readouterr().err
    assert list(instance.jobs) == before


@pytest.mark.skipif(GENERATION < 5, reason="4.7 has no saved login")
def test_saved_login_of_cryosparc_tools_is_used(
    rows: np.ndarray, server: LoopbackServer, instance: Instance, monkeypatch: pytest.MonkeyPatch
):
    from datetime import datetime, timedelta, timezone

    from cryosparc.auth import InstanceAuthSessions, get_default_auth_config_path
    from cryosparc.models.auth import Token

    get_default_auth_config_path.cache_clear()
    with contextlib.closing(connect_to_cryosparc(None, 20)) as connection:
        token = connection.client.api._client.headers["Authorization"].split()[1]
    sessions = InstanceAuthSessions.load()
    until = datetime.now(timezone.utc) + timedelta(days=1)
    sessions.insert(server.url, EMAIL, Token(access_token=token, token_type="bearer"), until)
    sessions.save()
    monkeypatch.delenv("CRYOSPARC_EMAIL")
    monkeypatch.delenv("CRYOSPARC_PASSWORD")
    assert run("train", *INPUTS) == 0
    get_default_auth_config_path.cache_clear()


def test_help_lists_connections_and_settings(capsys: pytest.CaptureFixture):
    assert run_command("train", ["--help"]) == 0
    shown = capsys.readouterr().out
    for option in (
        "--project",
        "--workspace",
        "--particles",
        "--volume",
        "--mask",
        "--resume-file",
        "--epochs",
        "--box",
    ):
        assert option in shown
    assert "--password" not in shown


def add_components(instance: Instance, rows: np.ndarray, n_modes: int) -> None:
    """Make J42 a 3D Variability job: its particles have components too."""
    output = instance.jobs["J42"].outputs["particles"]
    fields = latent_fields(np.full((len(rows), n_modes), 9, dtype=np.float32))
    assert output.rows is not None
    output.rows = rows_with_fields(output.rows, fields)
    output.slots |= {f"components_mode_{mode}": "components" for mode in range(n_modes)}


@pytest.mark.skipif(GENERATION < 5, reason="cryosparc-tools 4.7 cannot take a slot off a connection")
def test_components_of_an_earlier_job_do_not_reach_the_outputs(rows: np.ndarray, instance: Instance):
    add_components(instance, rows, 5)
    assert run("train", *INPUTS) == 0
    job = newest(instance)
    found = load(job.uid, "particles")
    modes = sorted({name.split("/")[0] for name in found.dtype.names if name.startswith("components_mode_")})
    assert modes == ["components_mode_0", "components_mode_1", "components_mode_2"]
    assert_has_all_fields_of(found, rows)
    np.testing.assert_array_equal(found["components_mode_2/value"], latents_of(N_PARTICLES)[:, 2])
    assert "Left out of the particles: components_mode_3, components_mode_4 of the earlier job" in job.texts()
