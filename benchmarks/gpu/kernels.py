"""The Triton kernels of this device against the plain reference: values and gradients, for widths and boxes in use."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch

from gem_plugin.gaussians.cloud import GaussianCloud, LengthUnit
from gem_plugin.gaussians.projection import project_gaussians
from gem_plugin.gaussians.projection_reference import render_reference
from gem_plugin.gaussians.volume import render_volumes

REPOSITORY = Path(__file__).resolve().parents[2]
CHECKS = tuple(
    REPOSITORY / "tests" / path
    for path in (
        "gaussians/triton_checks.py",
        "heterogeneity/test_step_graph.py",
        "heterogeneity/test_optimiser.py",
    )
)
WIDTHS_IN_PIXELS = (0.4, 0.7, 1.0, 2.0, 4.0)
BOXES = (31, 64, 128, 256)
N_GAUSSIANS, N_IMAGES = 500, 3
LARGEST_DIFFERENCES = {
    "image": 5e-3,
    "by_position": 1.5e-2,
    "by_amplitude": 5e-3,
    "by_width": 3e-2,
}  # what lies beyond three widths
VOLUME_BOXES = (32, 64)


def run_kernel_tests(device: torch.device) -> dict[str, Any]:
    """Tests of kernels and of recorded steps in a process of its own; on a CPU through Triton's interpreter."""
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    if device.type == "cpu":
        environment["TRITON_INTERPRET"] = "1"
    command = [
        sys.executable,
        "-m",
        "pytest",
        *map(str, CHECKS),
        "-q",
        "-p",
        "no:cacheprovider",
        "-o",
        "addopts=--import-mode=importlib",
    ]
    done = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY, env=environment)
    lines = done.stdout.strip().splitlines()
    return {"passed": done.returncode == 0, "said": lines[-1] if done.returncode == 0 else lines[-30:]}


def compare_with_reference(device: torch.device, boxes: tuple[int, ...] = BOXES) -> list[dict[str, Any]]:
    """Relative differences of images and of the three gradients, one row a width and box; volumes after them."""
    rows = [_of_images(device, width, box) for box in boxes for width in WIDTHS_IN_PIXELS]
    return rows + [_of_volume(device, width, box) for box in VOLUME_BOXES for width in WIDTHS_IN_PIXELS[:3]]


def _cloud(width: float, box: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(box)
    positions = torch.randn(N_IMAGES, N_GAUSSIANS, 3, generator=generator) * box / 4  # some lie outside
    amplitudes = torch.rand(N_IMAGES, N_GAUSSIANS, generator=generator) + 0.5
    return positions, amplitudes, torch.full((N_GAUSSIANS,), width)


def _of_images(device: torch.device, width: float, box: int) -> dict[str, Any]:
    generator = torch.Generator().manual_seed(1)
    rotations = torch.linalg.qr(torch.randn(N_IMAGES, 3, 3, generator=generator)).Q.to(device)
    weights = torch.randn(N_IMAGES, box, box, generator=generator).to(device)
    results = []
    for projector in ("reference", "auto"):
        leaves = [values.to(device).requires_grad_() for values in _cloud(width, box)]
        images = project_gaussians(
            GaussianCloud(*leaves, LengthUnit.PIXEL), rotations, box, projector=projector
        )
        (images * weights).sum().backward()
        results.append([images.detach(), *(leaf.grad for leaf in leaves)])
    names = ("image", "by_position", "by_amplitude", "by_width")
    differences = {
        name: _difference(found, expected)
        for name, expected, found in zip(names, *results, strict=True)
        if found is not None
    }
    is_good = all(value < LARGEST_DIFFERENCES[name] for name, value in differences.items())
    return {"of": "projection", "box": box, "width": width, **differences, "passed": is_good}


def _of_volume(device: torch.device, width: float, box: int) -> dict[str, Any]:
    positions, amplitudes, widths = _cloud(width, box)
    cloud = GaussianCloud(
        positions.to(device), amplitudes.to(device), widths[None].to(device), LengthUnit.PIXEL
    )
    expected = render_reference(cloud.positions, cloud.amplitudes, cloud.widths, box)
    found = torch.as_tensor(render_volumes(cloud, box, 1.0)).to(device)
    difference = _difference(found, expected)
    return {
        "of": "volume",
        "box": box,
        "width": width,
        "image": difference,
        "passed": difference < LARGEST_DIFFERENCES["image"],
    }


def _difference(found: torch.Tensor, expected: torch.Tensor) -> float:
    return float((found - expected).norm() / expected.norm())
