"""The doctor says what is there, advises on what is not, and fails only where nothing can work."""

import io
from pathlib import Path

import pytest
import torch

from gem_plugin import operating_system
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


def test_a_mac_is_told_why_its_gpu_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setattr(doctor.shutil, "which", lambda _: None)
    finding = doctor.check_cuda()
    assert "this Mac has a GPU (mps), which GEM does not use: it has no double precision" in finding.text
    assert finding.advice == "Training works on CPUs, some ten times slower."


def test_a_build_for_cuda_on_a_machine_without_a_gpu_names_the_smaller_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.version, "cuda", "13.2")
    monkeypatch.setattr(doctor.shutil, "which", lambda _: None)
    assert "pip install torch --index-url https://download.pytorch.org/whl/cpu" in doctor.check_cuda().advice
    assert "for CUDA 13.2" in doctor.check_torch().text
    monkeypatch.setattr(torch.version, "cuda", None)
    assert "index-url" not in doctor.check_cuda().advice
    assert "for CPUs only" in doctor.check_torch().text


def test_processors_are_counted_where_the_system_gives_no_affinity(monkeypatch: pytest.MonkeyPatch) -> None:
    """macOS and Windows."""
    monkeypatch.delattr(doctor.os, "sched_getaffinity")
    monkeypatch.setattr(doctor.os, "cpu_count", lambda: 10)
    assert "on 10 processors" in doctor.check_threads().text


def test_unknown_memory_is_said_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operating_system, "free_memory_in_bytes", lambda: float("inf"))
    finding = doctor.check_memory()
    assert finding.is_fine
    assert finding.text == "how much is free is not known on this system"
