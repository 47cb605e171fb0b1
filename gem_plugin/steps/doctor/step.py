"""doctor: check the installation and this machine, and say what to do about what is missing."""

import contextlib
import importlib
import math
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from gem_plugin.errors import RunError
from gem_plugin.operating_system import n_processors
from gem_plugin.progress import Progress
from gem_plugin.steps.doctor.settings import DoctorSettings

SUPPORTED_PYTHONS = ((3, 10), (3, 15))  # from, up to but without
LITTLE_DISK_IN_GIGABYTES = 10.0
SLOW_DISK_IN_MEGABYTES_PER_SECOND = 50.0
LITTLE_MEMORY_IN_GIGABYTES = 4.0
WRITTEN_MEGABYTES = 64
SMALLER_TORCH = "A build without CUDA saves several GB: pip install torch --index-url https://download.pytorch.org/whl/cpu"
MAXIMUM_ANSWER_IN_SECONDS = 20
MINIMUM_SELF_TEST_CORRELATION = 0.95
CRYOSPARC_LOGIN_FILE = Path(
    "~/.config/cryosparc-tools/sessions.json"
)  # written by `python -m cryosparc.tools login`


@dataclass(frozen=True)
class Finding:
    """One line of the doctor."""

    what: str
    is_fine: bool
    text: str
    advice: str = ""
    is_needed: bool = False  # without it nothing works


def run_doctor(settings: DoctorSettings, progress: Progress) -> dict[str, Any]:
    """Say one line for each check; RunError at the end where something needed is broken."""
    checks: list[Callable[[], Finding]] = [
        check_python,
        check_torch,
        check_cuda,
        check_triton,
        check_threads,
        check_relion,
        check_cryosparc,
        lambda: check_disk(settings.folder),
        check_memory,
    ]
    if settings.self_test:
        checks.append(check_self)
    findings = []
    for check in checks:
        what = LONG_CHECKS.get(check)
        with progress.waiting(what) if what else contextlib.nullcontext():
            finding = check()
        findings.append(finding)
        for line in lines_of(finding):
            progress.say(line)
    broken = [finding.what for finding in findings if finding.is_needed and not finding.is_fine]
    if broken:
        raise RunError(f"{', '.join(broken)}: needed, and not in order. See the advice above.")
    return {"checks": len(findings), "remarks": sum(not finding.is_fine for finding in findings)}


def lines_of(finding: Finding) -> Iterator[str]:
    """What is printed."""
    sign = "ok     " if finding.is_fine else "BROKEN " if finding.is_needed else "note   "
    yield f"{sign}{finding.what}: {finding.text}"
    if not finding.is_fine and finding.advice:
        yield f"       -> {finding.advice}"


def check_python() -> Finding:
    first, last = SUPPORTED_PYTHONS
    is_fine = first <= sys.version_info[:2] < last
    advice = "Use Python 3.10 to 3.14, for example conda create -n gem python=3.11."
    return Finding("Python", is_fine, f"{platform.python_version()} ({sys.executable})", advice, True)


def check_torch() -> Finding:
    try:
        torch = importlib.import_module("torch")
    except ImportError as error:
        return Finding("PyTorch", False, str(error), "pip install torch", True)
    build = "for CPUs only" if torch.version.cuda is None else f"for CUDA {torch.version.cuda}"
    text = f"{torch.__version__} {build}, {torch.get_num_threads()} threads"
    return Finding("PyTorch", True, text, "", True)


def check_cuda() -> Finding:
    """A GPU that PyTorch can use; the driver is asked only where PyTorch sees none."""
    import torch

    from gem_plugin.devices import NO_MPS

    if torch.cuda.is_available():
        names = [torch.cuda.get_device_properties(index) for index in range(torch.cuda.device_count())]
        text = ", ".join(f"{one.name} with {one.total_memory / 1e9:.0f} GB" for one in names)
        return Finding("CUDA", True, f"{text}; CUDA {torch.version.cuda}")
    has_driver = shutil.which("nvidia-smi") is not None
    if has_driver and torch.version.cuda is None:
        advice = "This PyTorch is for CPUs only. Install the CUDA build: see pytorch.org."
        return Finding("CUDA", False, "there is a driver, but PyTorch cannot use it", advice)
    if has_driver:
        return Finding("CUDA", False, "no device", "Check nvidia-smi and CUDA_VISIBLE_DEVICES.")
    slower = "Training works on CPUs, some ten times slower."
    if torch.backends.mps.is_available():
        return Finding("CUDA", False, f"no device; this Mac has a GPU (mps), {NO_MPS}", slower)
    if torch.version.cuda is not None:
        return Finding("CUDA", False, "no device", f"{slower} {SMALLER_TORCH}")
    return Finding("CUDA", False, "no device", slower)


def check_triton() -> Finding:
    try:
        return Finding("Triton", True, metadata.version("triton"))
    except metadata.PackageNotFoundError:
        return Finding("Triton", False, "not installed", "Only needed on a GPU: pip install triton.")


def check_threads() -> Finding:
    """Threads of Numba against the processors that this process may use."""
    import numba

    allowed = n_processors()
    used = numba.get_num_threads()
    advice = f"Unset NUMBA_NUM_THREADS and OMP_NUM_THREADS, or set them to {allowed}."
    return Finding("Numba", used == allowed, f"{used} threads on {allowed} processors", advice)


def check_relion() -> Finding:
    program = shutil.which("relion_refine")
    if program is None:
        advice = "Only needed to start GEM from RELION: module load relion, or apt-get install relion."
        return Finding("RELION", False, "relion_refine is not on PATH", advice)
    answer = _answer([program, "--version"])
    line = next((line for line in answer.splitlines() if "version" in line.lower()), "version unknown")
    return Finding("RELION", True, f"{line.strip()} ({program})")


def check_cryosparc() -> Finding:
    """The Python package and whether a login is stored; nothing is sent to any server."""
    try:
        version = metadata.version("cryosparc-tools")
    except metadata.PackageNotFoundError:
        advice = "Only needed for CryoSPARC: pip install cryosparc-tools of the version of your instance."
        return Finding("cryosparc-tools", False, "not installed", advice)
    has_login = CRYOSPARC_LOGIN_FILE.expanduser().is_file() or bool(
        {"CRYOSPARC_LICENSE_ID", "CRYOSPARC_EMAIL"} & set(os.environ)
    )
    if not has_login:
        advice = "Log in with python -m cryosparc.tools login, or set CRYOSPARC_EMAIL and CRYOSPARC_PASSWORD."
        return Finding("cryosparc-tools", False, f"{version}, no stored login", advice)
    return Finding("cryosparc-tools", True, f"{version}, a login is stored")


def check_disk(folder: Path) -> Finding:
    """Free space, and the speed of writing with fsync."""
    try:
        free = shutil.disk_usage(folder).free / 1e9
        start = time.monotonic()
        with tempfile.TemporaryFile(dir=folder) as handle:
            handle.write(os.urandom(1_000_000) * WRITTEN_MEGABYTES)
            handle.flush()
            os.fsync(handle.fileno())
        speed = WRITTEN_MEGABYTES / (time.monotonic() - start)
    except OSError as error:
        advice = "Choose a folder that exists and can be written to: gem-em doctor --folder DIR."
        return Finding("disk", False, f"{folder}: {error.strerror}", advice)
    is_fine = free > LITTLE_DISK_IN_GIGABYTES and speed > SLOW_DISK_IN_MEGABYTES_PER_SECOND
    advice = (
        "The prepared images take 4 bytes per pixel: 100,000 at 128 pixels take 6.6 GB, however many views each of them has by "
        "symmetry expansion. Use a fast local disk."
    )
    return Finding(
        "disk", is_fine, f"{free:.0f} GB free, {speed:.0f} MB/s written in {folder.resolve()}", advice
    )


def check_memory() -> Finding:
    from gem_plugin.devices import free_memory_in_bytes

    free = free_memory_in_bytes() / 1e9
    advice = "Close other programs, ask the queue for more, or use a smaller working box."
    text = f"{free:.1f} GB free" if math.isfinite(free) else "how much is free is not known on this system"
    return Finding("memory", free > LITTLE_MEMORY_IN_GIGABYTES, text, advice)


def check_self() -> Finding:
    """Project a phantom, reconstruct it from the images, and compare."""
    start = time.monotonic()
    correlation = self_test_correlation()
    seconds = time.monotonic() - start
    text = f"a map from 200 simulated images agrees with the truth to {correlation:.3f} ({seconds:.1f} s)"
    advice = "The numbers are wrong on this machine. Reinstall with the pinned versions: pip install -c constraints.txt."
    return Finding("self-test", correlation >= MINIMUM_SELF_TEST_CORRELATION, text, advice, True)


LONG_CHECKS = {check_relion: "asking RELION", check_self: "self-test"}


def self_test_correlation() -> float:
    """Mean shell correlation of a reconstructed phantom with the rendered one, up to half of Nyquist."""
    import torch
    from scipy.spatial.transform import Rotation

    from gem_plugin.gaussians.cloud import GaussianCloud
    from gem_plugin.gaussians.projection import project_gaussians
    from gem_plugin.gaussians.volume import render_volumes
    from gem_plugin.imaging.back_projection import BackProjection
    from gem_plugin.imaging.ctf import CtfParameters
    from gem_plugin.imaging.fourier import fourier_shell_correlation

    n_images, box, pixel = 200, 32, 4.0
    positions = 12 * torch.randn(40, 3, generator=torch.Generator().manual_seed(0))
    cloud = GaussianCloud(positions, torch.ones(40), torch.full((40,), 5.0))
    views = torch.from_numpy(Rotation.random(n_images, 0).as_matrix()).float()
    zero, one = torch.zeros(n_images), torch.ones(n_images)
    ctf = CtfParameters(zero, zero, zero, zero, zero, one, 300 * one, zero, one)
    both = BackProjection(box, pixel, n_maps=1)
    both.add_(project_gaussians(cloud, views, box, pixel), views, torch.zeros(n_images, 2), ctf, zero)
    truth = render_volumes(cloud, box, pixel)[0]
    return float(fourier_shell_correlation(both.volume(0), truth)[1 : box // 4].mean())


def _answer(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=MAXIMUM_ANSWER_IN_SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"version unknown ({error})"
    return done.stdout + done.stderr
