"""Two particle jobs connected to one external job: one set of particles whose rows know their sample."""

import numpy as np
import pytest

from cryosparc_server.commands import N_PARTICLES, assert_has_all_fields_of, load, newest, run
from cryosparc_server.instance import Instance
from gem_plugin.adapters.cryosparc.inputs import RUN_FOLDER_NAME
from gem_plugin.io.run.files import RunFiles
from gem_plugin.results.samples import Samples

pytest.importorskip("cryosparc.tools", reason="cryosparc-tools is absent (pip install 'gem-em[cryosparc]')")

TWO = ["--particles", "apo=J42,atp=J43", "--volume", "J42"]


@pytest.fixture
def other_rows(rows: np.ndarray, instance: Instance) -> np.ndarray:
    """A second refinement, of other particles in the same stacks."""
    other = rows.copy()
    other["uid"] += np.uint64(10_000)
    instance.add_refinement(
        "J43", other, np.zeros((8, 8, 8), np.float32), 4.0, np.ones((8, 8, 8), np.float32)
    )
    return other


def test_both_are_connected_and_every_row_knows_its_sample(
    rows: np.ndarray, other_rows: np.ndarray, instance: Instance
):
    assert run("train", *TWO) == 0
    job = newest(instance)
    assert job.inputs["particles"].connections == [("J42", "particles"), ("J43", "particles")]
    assert_has_all_fields_of(load(job.uid, "particles"), np.concatenate([rows, other_rows]))
    files = RunFiles(instance.folder / job.uid / RUN_FOLDER_NAME)
    samples = Samples.load(files.prepared_samples, "")
    assert samples.names == ("apo", "atp")
    assert samples.numbers.tolist() == [1] * N_PARTICLES + [2] * N_PARTICLES
    assert run("landscape", "--train", job.uid) == 0
    files = RunFiles(instance.folder / newest(instance).uid / RUN_FOLDER_NAME)
    assert Samples.load(files.prepared_samples, "").names == ("apo", "atp")


def test_the_same_particles_in_both_are_refused_before_there_is_a_job(
    rows: np.ndarray, instance: Instance, capsys: pytest.CaptureFixture[str]
):
    instance.add_refinement("J43", rows, np.zeros((8, 8, 8), np.float32), 4.0, np.ones((8, 8, 8), np.float32))
    n_jobs = len(instance.jobs)
    assert run("train", *TWO) != 0
    assert f"Samples apo and atp share {N_PARTICLES} particles" in capsys.readouterr().err
    assert len(instance.jobs) == n_jobs
