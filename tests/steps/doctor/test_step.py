"""The doctor says what is there, advises on what is not, and fails only where nothing can work."""

import io
from pathlib import Path

import pytest

from gem_plugin.errors import RunError
from gem_plugin.progress import Progress
from gem_plugin.steps.doctor import step as doctor
from gem_plugin.steps.doctor.settings import DoctorSettings
from gem_plugin.steps.doctor.step import Finding, run_doctor


def test_every_check_says_a_line(tmp_path: Path) -> None:
    stream = io.StringIO()
    numbers = run_doctor(DoctorSettings(folder=tmp_path, self_test=False), Progress(stream))
    text = stream.getvalue()
    for what in (
        "Python",
        "PyTorch",
        "CUDA",
        "Triton",
        "Numba",
        "RELION",
        "cryosparc-tools",
        "disk",
        "memory",
    ):
        assert f"{what}: " in text
    assert numbers["checks"] == 9


def test_the_self_test_passes_here_and_would_fail_with_wrong_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    assert doctor.self_test_correlation() > 0.95
    monkeypatch.setattr(doctor, "self_test_correlation", lambda: 0.2)
    monkeypatch.setattr(doctor, "check_disk", lambda _: Finding("disk", True, "fine"))
    with pytest.raises(RunError, match="self-test: needed, and not in order"):
        run_doctor(DoctorSettings(), Progress(io.StringIO()))


def test_a_missing_relion_is_a_note_with_advice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.shutil, "which", lambda _: None)
    finding = doctor.check_relion()
    assert not finding.is_fine
    assert not finding.is_needed
    assert list(doctor.lines_of(finding))[1].startswith("       -> Only needed to start GEM from RELION")


def test_a_relion_that_is_there_tells_its_version(relion: Path) -> None:
    assert "version" in doctor.check_relion().text.lower()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    finding = doctor.check_disk(tmp_path / "absent")
    assert not finding.is_fine
    assert "No such file" in finding.text
