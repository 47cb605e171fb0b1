"""The record of a job: written and read, the commands it gives, records of other kinds and versions."""

import json
from pathlib import Path

import pytest

from gem_plugin.adapters.cryosparc.job_record import JobRecord, find_record, read_record
from gem_plugin.errors import InputError


def record_of(folder: Path, **more: object) -> JobRecord:
    folder.mkdir(parents=True, exist_ok=True)
    known = {"workspace": "W1", "name": "run", "inputs": {"particle": "J42.particles"}}
    return JobRecord("P3", "J43", folder, **{**known, **more})  # type: ignore[arg-type]


def test_what_is_written_is_read(tmp_path: Path) -> None:
    record = record_of(tmp_path / "gem", sent=("particles",), is_computed=True, command=("--epochs", "3"))
    record.save(tmp_path / "resume.json")
    for path in (tmp_path / "resume.json", record.path):
        assert read_record(path, "P3") == record
    assert find_record(tmp_path, "gem") == record
    assert find_record(tmp_path / "gem", "gem") == record


def test_a_run_folder_that_was_moved_is_where_it_was_found(tmp_path: Path) -> None:
    record_of(tmp_path / "gem").save()
    (tmp_path / "gem").rename(tmp_path / "elsewhere")
    assert find_record(tmp_path / "elsewhere", "gem").run_folder == tmp_path / "elsewhere"


def test_commands_are_quoted_and_name_the_record(tmp_path: Path) -> None:
    record = record_of(tmp_path / "a b", command=("--title", "my run"), folder_of_command="/home/me")
    assert record.command_to_send == f"gem-cryosparc-finish '{tmp_path}/a b'"
    expected = f"cd /home/me && gem-cryosparc-run --title 'my run' --resume-file '{record.path}'"
    assert record.command_to_resume == expected
    with_file = record_of(tmp_path / "a b", command=("--resume-file", "job.json"))
    assert with_file.command_to_resume == "gem-cryosparc-run --resume-file job.json"


def test_resume_files_of_version_0_2_can_be_resumed_but_not_sent(tmp_path: Path) -> None:
    content = {"project": "P3", "job": "J43", "run_folder": str(tmp_path)}
    (tmp_path / "cryosparc_job.json").write_text(json.dumps(content))
    found = read_record(tmp_path / "cryosparc_job.json", "P3")
    assert found is not None
    assert (found.job, found.run_folder, found.is_computed) == ("J43", tmp_path, False)
    with pytest.raises(InputError, match="written by an earlier version"):
        find_record(tmp_path, "gem")


def test_what_is_no_record_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "cryosparc_job.json"
    path.write_text("data_particles")
    with pytest.raises(InputError, match="was not written by GEM"):
        find_record(tmp_path, "gem")
    record_of(tmp_path).save()
    with pytest.raises(InputError, match="belongs to a job of P3, not of P4"):
        read_record(path, "P4")
    assert read_record(tmp_path / "none.json", "P3") is None
