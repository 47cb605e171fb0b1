"""Particles that cannot be used, through the real prepare step: the job is marked as failed with the one sentence."""

from collections.abc import Callable

import numpy as np
import pytest

from cryosparc_server.commands import INPUTS, N_PARTICLES, PLACE, newest
from cryosparc_server.conftest import GENERATION
from cryosparc_server.faults import IGNORED_WARNINGS
from cryosparc_server.instance import Instance
from cryosparc_server.tiny_project import add_tiny_refinement
from gem_plugin.adapters.cryosparc.commands import run_command

pytest.importorskip("cryosparc.tools", reason="cryosparc-tools is absent (pip install 'gem-em[cryosparc]')")

pytestmark = IGNORED_WARNINGS
SHORT = (
    "--epochs 1 --n-gaussians 60 --fit-images 32 --batch-size 16 --anchors 16 --ksample 3 --pc 1 --skip-umap"
)


def change(name: str, value: object) -> Callable[[np.ndarray, np.ndarray], None]:
    """Put a value into the sixth row of the extraction or of the refinement, whichever has the field."""

    def in_rows(extracted: np.ndarray, refined: np.ndarray) -> None:
        for rows in (extracted, refined):
            if name in rows.dtype.names:
                rows[name][5] = value

    return in_rows


def same_uid_twice(extracted: np.ndarray, refined: np.ndarray) -> None:
    extracted["uid"][5], refined["uid"][5] = extracted["uid"][7], refined["uid"][7]


BAD = {
    "box": (change("blob/shape", (32, 30)), "expected square images, found 32 x 30 pixels in row 5"),
    "pixel size": (change("blob/psize_A", 42.0), "Is one of the pixel sizes wrong?"),
    "uid": (same_uid_twice, "1 uids occur more than once"),
    "pose": (change("alignments3D/pose", np.nan), "alignments3D/pose is not a number in 1 of 40 rows"),
    "magnification": (
        change("ctf/anisomag", -1.0),
        "ctf/anisomag plus the identity is the matrix [0 -1; -1 0]",
    ),
    "sign": (change("blob/sign", 0), "blob/sign is 0.0 in row 5; expected 1 or -1"),
}


@pytest.mark.parametrize("what", list(BAD))
def test_bad_particles_fail_the_job_with_one_sentence(server, instance: Instance, capsys, what: str):
    make_bad, message = BAD[what]
    add_tiny_refinement(instance, n_particles=N_PARTICLES)
    make_bad(instance.jobs["J7"].outputs["particles"].rows, instance.jobs["J42"].outputs["particles"].rows)
    assert run_command("train", [*PLACE, *INPUTS]) == 2
    shown, job = capsys.readouterr().err, newest(instance)
    assert message in shown
    assert shown.count("\n") == 1
    assert job.statuses == ["running", "failed"]
    assert message in job.texts()
    assert GENERATION < 5 or message in job.error
    assert all(output.rows is None for output in job.outputs.values())  # declared, nothing half-written


def test_rows_that_the_server_leaves_out_are_counted(server, instance: Instance, monkeypatch, capsys):
    """CryoSPARC's own join drops particles without a passthrough row and says nothing."""
    add_tiny_refinement(instance, n_particles=N_PARTICLES)
    original = type(instance).load_input

    def without_three(self, job, name, slots="all"):
        rows = original(self, job, name, slots)
        return rows[:-3] if job.uid == "J43" and name == "particles" else rows

    monkeypatch.setattr(type(instance), "load_input", without_three)
    assert run_command("train", [*PLACE, *INPUTS]) == 2
    assert "The connected job has 40 particles, CryoSPARC gave 37 of them" in capsys.readouterr().err
    assert newest(instance).statuses == ["running", "failed"]


def test_a_warning_about_the_particles_is_in_the_log_of_the_job_and_on_stderr(
    server, instance: Instance, capsys
):
    add_tiny_refinement(instance, n_particles=N_PARTICLES)
    for rows in (
        instance.jobs["J7"].outputs["particles"].rows,
        instance.jobs["J42"].outputs["particles"].rows,
    ):
        if "ctf/tilt_A" in rows.dtype.names:
            rows["ctf/tilt_A"] = (2.7e7 * 20e-3, 0.0)  # 20 mrad
        if "alignments3D/alpha" in rows.dtype.names:
            rows["alignments3D/alpha"][5] = -1
    assert run_command("train", [*PLACE, *INPUTS, *SHORT.split()]) == 0
    seen, shown = newest(instance).texts(), capsys.readouterr().err
    assert seen.count("corrected here: ctf/tilt_A (beam tilt)") == 1, "a note is in the log"
    warning = "1 of 40 particles is left out of training"
    assert seen.count(warning) == 2, "as it comes, and among all warnings at the end"
    assert shown.count(warning) == 1
