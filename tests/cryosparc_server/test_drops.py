"""Connections that drop: nothing that arrived in part counts as arrived."""

from pathlib import Path

import pytest

from cryosparc_server.commands import INPUTS, N_PARTICLES, PLACE, newest
from cryosparc_server.conftest import GENERATION
from cryosparc_server.fake_steps import state_map
from cryosparc_server.faults import IGNORED_WARNINGS, operation
from cryosparc_server.http_server import Fault, LoopbackServer
from cryosparc_server.instance import Instance
from gem_plugin.adapters.cryosparc import inputs as cryosparc_inputs
from gem_plugin.adapters.cryosparc.commands import run_command

pytest.importorskip("cryosparc.tools", reason="cryosparc-tools is absent (pip install 'gem-em[cryosparc]')")

pytestmark = IGNORED_WARNINGS


def test_a_dropped_upload_is_noticed_and_repeated(
    rows, server: LoopbackServer, instance: Instance, monkeypatch, tmp_path
):
    instance.shown_folder = tmp_path / "elsewhere"
    server.faults.append(Fault(operation("upload"), drops_connection=True))
    assert run_command("run", [*PLACE, *INPUTS]) == 0
    saved = list((instance.folder / "J43" / "gem_results").glob("*.mrc"))
    assert {path.name: path.stat().st_size for path in saved}["state_001_mean.mrc"] == 1024 + state_map(
        1
    ).nbytes
    assert all(path.stat().st_size > 1024 for path in saved)


def test_an_upload_that_never_arrives_whole_fails_the_job(
    rows, server: LoopbackServer, instance, monkeypatch, tmp_path
):
    instance.shown_folder = tmp_path / "elsewhere"
    monkeypatch.setattr(type(instance), "file", _writes_half(type(instance).file))
    assert run_command("train", [*PLACE, *INPUTS]) == 1
    assert "did not arrive whole in J43/gem_results/gem_upload_check.txt" in newest(instance).texts()
    assert newest(instance).statuses[-1] == "failed"


def _writes_half(original):
    """An Instance.file whose paths lose half of what is written to them."""

    class Half(type(Path())):
        def write_bytes(self, data: bytes) -> int:
            return super().write_bytes(data[: len(data) // 2])

    return lambda self, path: Half(original(self, path))


@pytest.mark.skipif(GENERATION < 5, reason="5.0 repeats requests by itself")
def test_the_bare_client_does_lose_a_dropped_upload(rows, server: LoopbackServer, instance: Instance):
    """The trap itself: without our check a file of no bytes would count as uploaded."""
    from contextlib import closing

    from gem_plugin.adapters.cryosparc.client import connect_to_cryosparc

    with closing(connect_to_cryosparc(None, 20)) as connection:
        job = connection.client.find_project("P3").create_external_job("W1")
        server.faults.append(Fault("projects.upload_file", drops_connection=True))
        Path("a.txt").write_bytes(b"a" * 3_000_000)
        with open("a.txt", "rb") as handle:
            job.upload("a.txt", handle)
    assert (instance.folder / job.uid / "a.txt").stat().st_size < 3_000_000


def test_a_dropped_output_is_saved_again(rows, server: LoopbackServer, instance: Instance):
    server.faults.append(Fault(operation("save"), drops_connection=True))
    assert run_command("train", [*PLACE, *INPUTS]) == 0
    assert len(newest(instance).outputs["particles"].rows) == N_PARTICLES


def test_a_dropped_plot_is_sent_again_or_left_out(rows, server: LoopbackServer, instance: Instance):
    server.faults.append(Fault(operation("plot"), drops_connection=True))
    assert run_command("train", [*PLACE, *INPUTS]) == 0
    plots = [event["text"].split(":")[0] for event in newest(instance).events if event["type"] == "image"]
    assert list(dict.fromkeys(plots)) == ["Consensus map", "Particles in the latent space", "Training"]


def test_a_job_whose_first_file_does_not_arrive_is_marked_as_failed(
    rows, server: LoopbackServer, instance: Instance
):
    """Before any work a small file is sent to see whether the folder is mounted; failing there is failing, too."""
    server.faults.append(Fault(operation("upload"), times=9999, status=500))
    assert run_command("train", [*PLACE, *INPUTS]) == 1
    assert newest(instance).statuses == ["running", "failed"]
    assert "while uploading gem_results/gem_upload_check.txt to J43" in newest(instance).texts()


@pytest.mark.parametrize("fault", [{"cuts_answer": True}, {"drops_connection": True}, {"status": 500}])
def test_a_stack_that_arrives_in_part_is_fetched_again(
    rows, server: LoopbackServer, instance: Instance, monkeypatch, tmp_path, fault: dict
):
    instance.shown_folder = tmp_path / "elsewhere"
    original = (instance.folder / "J7" / "extract" / "000_mic_0_particles.mrc").read_bytes()
    server.faults.append(Fault(operation("download"), times=2 if "status" in fault else 1, **fault))
    monkeypatch.setattr(cryosparc_inputs, "mounted_folder", lambda job: None)  # it downloads, too
    assert run_command("train", [*PLACE, *INPUTS]) == 0
    fetched = Path("gem_P3_J43/input/J7/extract")
    assert (fetched / "000_mic_0_particles.mrc").read_bytes() == original
    assert len(list(fetched.iterdir())) == 4  # nothing half-written beside them


def test_stacks_that_never_arrive_whole_fail_the_job_and_leave_nothing(
    rows, server: LoopbackServer, instance: Instance, monkeypatch, tmp_path
):
    instance.shown_folder = tmp_path / "elsewhere"
    monkeypatch.setattr(cryosparc_inputs, "mounted_folder", lambda job: None)
    server.faults.append(Fault(operation("download"), times=9999, cuts_answer=True))
    assert run_command("train", [*PLACE, *INPUTS]) in (1, 2)
    assert newest(instance).statuses == ["running", "failed"]
    assert "000_mic_0_particles.mrc" in newest(instance).texts()
    assert not list(Path("gem_P3_J43/input/J7/extract").iterdir())


def test_particles_that_arrive_in_part_are_never_taken_for_all(
    rows, server: LoopbackServer, instance: Instance, capsys
):
    """A client may try again by itself; what it must not do is to go on with fewer rows."""
    server.faults.append(Fault(operation("load"), cuts_answer=True))
    if run_command("train", [*PLACE, *INPUTS]) == 0:
        assert len(newest(instance).outputs["particles"].rows) == N_PARTICLES
    else:
        assert newest(instance).statuses == ["running", "failed"]
        assert "while loading the input particles of J43" in capsys.readouterr().err
        assert newest(instance).outputs == {}
