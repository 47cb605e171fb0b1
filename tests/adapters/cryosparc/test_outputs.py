"""Outputs of an external job, with a job that only remembers. Whole jobs: tests/cryosparc_server."""

from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from cryosparc_rows import make_rows, with_fields

from gem_plugin.adapters.cryosparc.external_job import ExternalJob
from gem_plugin.adapters.cryosparc.inputs import JobFolders
from gem_plugin.adapters.cryosparc.outputs import JobOutputs, save_refined_poses
from gem_plugin.errors import InputError, RunError
from gem_plugin.imaging.symmetry import settings_of_symmetry
from gem_plugin.io.cryosparc.files import write_cs_rows
from gem_plugin.io.cryosparc.groups import latent_fields, rows_with_fields
from gem_plugin.io.run.files import RunFiles
from gem_plugin.notices import listening
from gem_plugin.results.expanded_particle_file import rows_as_views


class RememberingJob:
    """Keeps what is saved and logged."""

    def __init__(self, can_leave_out: bool) -> None:
        self.can_leave_out, self.left_out = can_leave_out, set[str]()
        self.saved: dict[str, dict[str, np.ndarray]] = {}
        self.said: list[tuple[str, str]] = []

    def declared_outputs(self) -> list[str]:
        return []

    def add_output(self, *described: Any) -> None:
        pass

    def save_output(self, name: str, uids: np.ndarray, columns: dict[str, np.ndarray]) -> None:
        self.saved[name] = columns

    def leave_out_slot(self, name: str, slot: str) -> bool:
        self.left_out |= {slot} if self.can_leave_out else set()
        return self.can_leave_out

    def log(self, text: str, level: str = "text") -> None:
        self.said.append((level, text))


@pytest.mark.parametrize("can_leave_out", [False, True])
@pytest.mark.parametrize(
    ("n_modes", "theirs"), [(6, [f"components_mode_{mode}" for mode in (2, 3, 4, 5)]), (2, [])]
)
def test_components_of_an_earlier_job_are_left_out_or_named_once(
    n_modes: int, theirs: list[str], can_leave_out: bool, tmp_path: Path
) -> None:
    fields = latent_fields(np.ones((4, n_modes), dtype=np.float32))
    job, rows = RememberingJob(can_leave_out), rows_with_fields(make_rows(4), fields)
    outputs = JobOutputs(cast(ExternalJob, job), JobFolders(tmp_path, None, None), rows, "volume_blob")
    latents = np.full((4, 2), 2, dtype=np.float32)
    with listening(lambda notice: None) as notices:  # the job's progress listens, and writes into its log
        outputs.save_particles("particles", "All", latents=latents)
        outputs.save_particles("state_1", "State 1", np.array([0, 2]), latents)
    assert job.saved["state_1"]["components_mode_1/value"].tolist() == [2, 2]
    assert job.left_out == set(theirs if can_leave_out else [])
    said = [text for _, text in job.said] if can_leave_out else [notice.sentence for notice in notices]
    assert len(said) == len([*job.said, *notices]) == int(bool(theirs))
    assert ", ".join(theirs) in "".join(said)


def test_selection_without_latents_keeps_the_components_of_the_earlier_job(tmp_path: Path) -> None:
    rows = rows_with_fields(make_rows(4), latent_fields(np.ones((4, 3), dtype=np.float32)))
    job = RememberingJob(can_leave_out=True)
    outputs = JobOutputs(cast(ExternalJob, job), JobFolders(tmp_path, None, None), rows, "volume_blob")
    outputs.save_particles("particles", "Chosen", np.array([0, 2]))
    assert job.left_out == set()
    assert job.said == []


class RefusingJob(RememberingJob):
    """Does not know some types of slots."""

    def __init__(self, unknown: set[str]) -> None:
        super().__init__(can_leave_out=True)
        self.unknown, self.slots = unknown, dict[str, set[str]]()

    def add_output(self, *described: Any) -> None:
        _, name, slots, _, _ = described
        if set(slots.values()) & self.unknown:
            raise RunError(f"CryoSPARC refused the slots {slots}.")
        self.slots[name] = set(slots)


HELICAL = {"filament/filament_uid": "<u8", "filament/filament_pose": "<f4", "filament/position_A": "<f4"}
FIRST_SLOTS = {"blob", "ctf", "alignments3D", "location"}


@pytest.mark.parametrize(
    ("unknown", "left_out"),
    [
        (set(), set()),
        ({"sym_expand"}, {"sym_expand"}),
        ({"filament"}, {"filament", "sym_expand"}),
        ({"sym_expand", "filament"}, {"filament", "sym_expand"}),
    ],
)
def test_views_of_filaments_have_all_slots_that_the_server_takes(
    unknown: set[str], left_out: set[str], tmp_path: Path
) -> None:
    rows = with_fields(make_rows(6), {name: np.arange(6).astype(kind) for name, kind in HELICAL.items()})
    views = rows_as_views(rows, np.repeat(np.arange(6), 2), np.tile([0, 1], 6), settings_of_symmetry("C2")[0])
    job = RefusingJob(unknown)
    outputs = JobOutputs(
        cast(ExternalJob, job), JobFolders(tmp_path, None, None), views, "volume_blob", are_views=True
    )
    with listening(lambda notice: None) as notices:
        outputs.save_particles("particles", "All", np.array([1, 2, 7]), np.ones((12, 1), np.float32))
    assert job.slots["particles"] == {*FIRST_SLOTS, "filament", "sym_expand", "components_mode_0"} - left_out
    saved = job.saved["particles"]
    assert "components_mode_0/value" in saved
    if not left_out:
        assert saved["filament/position_A"].tolist() == [0, 1, 3]
        assert saved["sym_expand/idx"].tolist() == [1, 0, 1]
    assert len(notices) == int(bool(left_out))
    assert all(f"does not take the slot {', '.join(sorted(left_out))}" in one.sentence for one in notices)


def test_views_without_a_usual_slot_cannot_be_declared(tmp_path: Path) -> None:
    views = rows_as_views(make_rows(2), np.array([0, 1]), np.array([1, 1]), settings_of_symmetry("C2")[0])
    folders = JobFolders(tmp_path, None, None)
    outputs = JobOutputs(
        cast(ExternalJob, RefusingJob({"ctf"})), folders, views, "volume_blob", are_views=True
    )
    with pytest.raises(RunError, match="refused the slots"):
        outputs.save_particles("particles", "All")


def run_with_refined_poses(folder: Path, rows: np.ndarray) -> RunFiles:
    run = RunFiles(folder)
    np.save(run.latents, np.ones((len(rows), 2), dtype=np.float32))
    run.refined_poses.touch()
    turned = rows.copy()
    turned["alignments3D/pose"] += 0.25
    write_cs_rows(run.refined_particles(".cs"), rows_with_fields(turned, latent_fields(np.ones((4, 2)))))
    return run


def test_refined_poses_are_an_output_of_their_own(tmp_path: Path) -> None:
    job, rows = RememberingJob(can_leave_out=True), make_rows(4)
    outputs = JobOutputs(cast(ExternalJob, job), JobFolders(tmp_path, None, None), rows, "volume_blob")
    run = run_with_refined_poses(tmp_path, rows)
    save_refined_poses(outputs, run)
    saved = job.saved["particles_refined"]
    np.testing.assert_array_equal(saved["alignments3D/pose"], rows["alignments3D/pose"] + 0.25)
    np.testing.assert_array_equal(saved["alignments3D/shift"], rows["alignments3D/shift"])
    np.testing.assert_array_equal(saved["blob/path"], rows["blob/path"])
    assert saved["components_mode_1/value"].tolist() == [1, 1, 1, 1]
    assert {field.split("/")[0] for field in saved} == {
        "blob",
        "alignments3D",
        "components_mode_0",
        "components_mode_1",
    }
    run.refined_poses.unlink()  # a later training that found the poses right
    job.saved.clear()
    save_refined_poses(outputs, run)
    assert job.saved == {}


def test_refined_poses_of_other_particles_are_refused(tmp_path: Path) -> None:
    job, rows = RememberingJob(can_leave_out=True), make_rows(4)
    outputs = JobOutputs(cast(ExternalJob, job), JobFolders(tmp_path, None, None), rows[::-1], "volume_blob")
    with pytest.raises(InputError, match="4 connected particles in their order"):
        save_refined_poses(outputs, run_with_refined_poses(tmp_path, rows))
    assert job.saved == {}
