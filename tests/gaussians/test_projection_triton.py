"""The Triton kernels: checked against the reference in the interpreter and on a GPU, and compiled for two GPUs without one.

The checks themselves are in triton_checks.py. They run in processes of their own, because Triton decides between compiler
and interpreter when it is imported.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from gem_plugin.errors import InputError
from gem_plugin.gaussians.cloud import GaussianCloud, LengthUnit
from gem_plugin.gaussians.projection import project_gaussians

CHECKS = Path(__file__).with_name("triton_checks.py")
KERNELS = [
    "projection_triton.splat",
    "projection_triton.gather",
    "volume_triton.splat",
    "volume_triton.gather",
]
MAXIMUM_N_REGISTERS = 128  # of a thread: four programs of 128 threads find room on one multiprocessor


@pytest.fixture(autouse=True)
def _triton():
    pytest.importorskip("triton", reason="the triton wheel is absent (Linux only: pip install triton)")


def run_checks(**environment: str) -> None:
    kept = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    command = [sys.executable, "-m", "pytest", str(CHECKS), "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(command, env={**kept, **environment}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_kernels_agree_with_the_reference_in_the_interpreter():
    run_checks(TRITON_INTERPRET="1", CUDA_VISIBLE_DEVICES="")


def test_kernels_agree_with_the_reference_on_a_device():
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device here")
    run_checks()


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("architecture", [80, 90])  # A100, H100
def test_kernels_compile_without_a_device(kernel, architecture, tmp_path):
    """In a process of its own: this one may have been told to interpret."""
    code = COMPILE.format(
        module=kernel.split(".")[0],
        kernel=kernel.split(".")[1],
        architecture=architecture,
        folder=str(tmp_path),
    )
    kept = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    environment = {**kept, "TRITON_CACHE_DIR": str(tmp_path / "cache")}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    ptx = (tmp_path / "kernel.ptx").read_text()
    assert f".target sm_{architecture}" in ptx
    assert (tmp_path / "kernel.cubin").read_bytes().startswith(b"\x7fELF")
    adds_atomically = (
        "red.relaxed" in ptx or "atom.relaxed" in ptx or "red.global" in ptx or "atom.global" in ptx
    )
    assert adds_atomically == kernel.endswith("splat")
    n_registers, n_spilled = (int(word) for word in done.stdout.split()[-2:])
    assert n_registers <= MAXIMUM_N_REGISTERS
    assert n_spilled == 0


COMPILE = """
import re, subprocess, triton
from pathlib import Path
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from gem_plugin.gaussians import {module}
from gem_plugin.gaussians.projection_triton import BLOCK, N_WARPS, TILE
kernel = {module}.{kernel}
constants = dict(BLOCK=BLOCK, TILE=TILE, **(dict(WITH_WIDTHS=True) if "WITH_WIDTHS" in kernel.arg_names else dict()))
is_number = lambda name: name in ("n_gaussians", "box_size") or name.endswith("_stride")
types = [(n, "constexpr" if n in constants else "i32" if is_number(n) else "*fp32") for n in kernel.arg_names]
source = ASTSource(fn=kernel, signature=dict(types), constexprs=constants)
compiled = triton.compile(source, target=GPUTarget("cuda", {architecture}, 32), options=dict(num_warps=N_WARPS))
folder = Path({folder!r})
(folder / "kernel.ptx").write_text(compiled.asm["ptx"])
(folder / "kernel.cubin").write_bytes(compiled.asm["cubin"])
ptxas = Path(triton.__file__).parent / "backends/nvidia/bin/ptxas"
target = re.search(r"[.]target (\\w+)", compiled.asm["ptx"]).group(1)
report = subprocess.run([ptxas, "-v", "-arch", target, folder / "kernel.ptx", "-o", "/dev/null"], capture_output=True, text=True, check=True).stderr
print(re.search(r"Used (\\d+) registers", report).group(1), re.search(r"(\\d+) bytes spill stores", report).group(1))
"""


def test_the_triton_kernels_refuse_cpu_tensors(monkeypatch):
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    cloud = GaussianCloud(torch.zeros(1, 3), torch.ones(1), torch.ones(1), LengthUnit.PIXEL)
    with pytest.raises(
        InputError, match=r"needs a CUDA device, and the data is on cpu. Use --projector auto"
    ):
        project_gaussians(cloud, torch.eye(3)[None], 8, projector="triton")


def test_a_missing_triton_is_named(monkeypatch):
    monkeypatch.setattr("gem_plugin.gaussians.projection.find_spec", lambda name: None)
    cloud = GaussianCloud(torch.zeros(1, 3), torch.ones(1), torch.ones(1), LengthUnit.PIXEL)
    with pytest.raises(InputError, match="needs the triton package"):
        project_gaussians(cloud, torch.eye(3)[None], 8, projector="triton")


def test_clouds_and_views_that_do_not_belong_together_are_refused():
    cloud = GaussianCloud(torch.zeros(3, 5, 3), torch.ones(3, 5), torch.ones(5), LengthUnit.PIXEL)
    with pytest.raises(InputError, match=r"one cloud for each of the 2 views"):
        project_gaussians(cloud, torch.eye(3).expand(2, 3, 3), 8)
    elsewhere = torch.eye(3, device="meta").expand(3, 3, 3)
    with pytest.raises(InputError, match=r"on one device, got .*\(3, 3, 3\) on meta"):
        project_gaussians(cloud, elsewhere, 8)
