"""Starting external jobs in the tests, and looking at what came of them."""

import contextlib
from collections.abc import Sequence

import numpy as np
import pytest

from cryosparc_server.instance import FakeJob, Instance
from gem_plugin.adapters.cryosparc import start as cryosparc_start
from gem_plugin.adapters.cryosparc.client import connect_to_cryosparc
from gem_plugin.adapters.cryosparc.commands import run_command
from gem_plugin.io.cryosparc.files import dataset_to_rows

N_PARTICLES = 40
PLACE = ["--project", "P3", "--workspace", "W1"]
INPUTS = ["--particles", "J42", "--volume", "J42"]


def newest(instance: Instance) -> FakeJob:
    return instance.jobs[max(instance.jobs, key=lambda uid: int(uid[1:]))]


def run(name: str, *arguments: str) -> int:
    return run_command(name, [*PLACE, *arguments])


def load(job_uid: str, output: str) -> np.ndarray:
    """What a later job would get, through a fresh client."""
    with contextlib.closing(connect_to_cryosparc(None, 20)) as connection:
        return dataset_to_rows(connection.client.find_job("P3", job_uid).load_output(output))


def assert_has_all_fields_of(found: np.ndarray, expected: np.ndarray, but: Sequence[str] = ()) -> None:
    """The same uids in the same order, and every field of the original with the same values."""
    assert found["uid"].tolist() == expected["uid"].tolist()
    for name in set(expected.dtype.names or ()) - set(but):
        np.testing.assert_array_equal(found[name], expected[name], err_msg=name)


def train_with(monkeypatch: pytest.MonkeyPatch, work) -> int:
    """A train job whose work is this function of (job, progress)."""
    monkeypatch.setattr(
        cryosparc_start, "do_work", lambda job, folders, assignment, progress, record: work(job, progress)
    )
    return run_command("train", [*PLACE, *INPUTS])
