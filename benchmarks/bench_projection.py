"""Projection forward and backward: particles a second, share of the roofline, memory; on the CPU and on a GPU if there is one.

The roofline is the time in which the machine could at best do the same work: the larger of the bytes that must pass
through main memory over the bandwidth, and the float32 operations over their rate. Both ceilings are measured here.
"""

import argparse
import resource
import statistics
import time
from collections.abc import Callable
from typing import NamedTuple

import torch

from gem_plugin.gaussians.cloud import GaussianCloud, LengthUnit
from gem_plugin.gaussians.pixel_tables import footprint_of
from gem_plugin.gaussians.projection import project_gaussians

GOAL_ON_CUDA = 20_000  # particles/s of the whole training step, at 128 px with 8,000 Gaussians
DEFAULT_BATCH = {"cpu": 32, "cuda": 256}
OPERATIONS_OF_AN_INTEGRAL = 25  # error function or table row, once an edge of a pixel
OPERATIONS_OF_A_SLOPE = 15  # an exponential besides
PROJECTION_OPERATIONS = 12  # two rows of the rotation times a position
REPEATS = 10


class Work(NamedTuple):
    """What one pass over a batch costs at the least."""

    operations: float
    bytes: float


class Ceilings(NamedTuple):
    operations_per_second: float
    bytes_per_second: float

    def seconds_for(self, work: Work) -> float:
        return max(work.operations / self.operations_per_second, work.bytes / self.bytes_per_second)


def forward_work(batch: int, n_gaussians: int, box_size: int, footprint: int) -> Work:
    """Read each position and amplitude (16 bytes), write each image; multiply and add in every pixel of a footprint."""
    per_gaussian = PROJECTION_OPERATIONS + 2 * (footprint + 1) * OPERATIONS_OF_AN_INTEGRAL + 2 * footprint**2
    return Work(batch * n_gaussians * per_gaussian, batch * (16 * n_gaussians + 4 * box_size**2))


def backward_work(batch: int, n_gaussians: int, box_size: int, footprint: int) -> Work:
    """Read each position, amplitude and image gradient, write 16 bytes of gradients; two sums over every footprint."""
    edges = 2 * (footprint + 1) * (OPERATIONS_OF_AN_INTEGRAL + OPERATIONS_OF_A_SLOPE)
    per_gaussian = PROJECTION_OPERATIONS + edges + 4 * footprint**2 + 6 * footprint + PROJECTION_OPERATIONS
    return Work(batch * n_gaussians * per_gaussian, batch * (32 * n_gaussians + 4 * box_size**2))


def seconds_of(action: Callable[[], object], device: torch.device, repeats: int = REPEATS) -> float:
    """Median time of an action, after two warm-ups (kernels compile at first use)."""
    times = []
    for repeat in range(repeats + 2):
        wait_for(device)
        start = time.perf_counter()
        action()
        wait_for(device)
        if repeat >= 2:
            times.append(time.perf_counter() - start)
    return statistics.median(times)


def wait_for(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def measure_ceilings(device: torch.device) -> Ceilings:
    """A large copy (bytes read and written) and a large float32 matrix product."""
    n_values, size = (2**28, 8192) if device.type == "cuda" else (2**26, 1536)
    source = torch.rand(n_values, device=device)
    target = torch.empty_like(source)
    copy_seconds = seconds_of(lambda: target.copy_(source), device)
    matrix = torch.rand(size, size, device=device)
    product_seconds = seconds_of(lambda: matrix @ matrix, device)
    return Ceilings(2 * size**3 / product_seconds, 8 * n_values / copy_seconds)


def make_cloud(
    arguments: argparse.Namespace, batch: int, device: torch.device
) -> tuple[GaussianCloud, torch.Tensor]:
    """A ball that fills the middle half of the box, another one for each image, and random views."""
    generator = torch.Generator().manual_seed(0)
    directions = torch.randn(batch, arguments.gaussians, 3, generator=generator)
    radii = torch.rand(batch, arguments.gaussians, 1, generator=generator) ** (1 / 3) * arguments.box / 4
    positions = torch.nn.functional.normalize(directions, dim=-1) * radii
    amplitudes = torch.rand(batch, arguments.gaussians, generator=generator) + 0.5
    widths = torch.full((arguments.gaussians,), arguments.width)
    cloud = GaussianCloud(
        positions.to(device).requires_grad_(),
        amplitudes.to(device).requires_grad_(),
        widths.to(device),
        LengthUnit.PIXEL,
    )
    rotations = torch.linalg.qr(torch.randn(batch, 3, 3, generator=generator)).Q
    return cloud, rotations.to(device)


def bench_device(arguments: argparse.Namespace, device: torch.device) -> None:
    batch = arguments.batch or DEFAULT_BATCH[device.type]
    ceilings = measure_ceilings(device)
    cloud, rotations = make_cloud(arguments, batch, device)
    leaves = [cloud.positions, cloud.amplitudes]
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)

    def project() -> torch.Tensor:
        return project_gaussians(cloud, rotations, arguments.box, projector=arguments.projector)

    with torch.no_grad():
        forward = seconds_of(project, device)
    images = project()
    gradients = torch.randn_like(images)
    backward = seconds_of(lambda: torch.autograd.grad(images, leaves, gradients, retain_graph=True), device)

    footprint = footprint_of(arguments.width)
    sizes = (batch, arguments.gaussians, arguments.box, footprint)
    one, other = ceilings.seconds_for(forward_work(*sizes)), ceilings.seconds_for(backward_work(*sizes))
    name = (
        torch.cuda.get_device_name(device)
        if device.type == "cuda"
        else f"CPU, {torch.get_num_threads()} threads"
    )
    print(
        f"{name}: {arguments.box} px, {arguments.gaussians} Gaussians of {arguments.width} px "
        f"({footprint} x {footprint} pixels each), batch {batch}, projector {arguments.projector}\n"
        f"  ceilings: {ceilings.operations_per_second / 1e9:.0f} GFLOP/s in float32, "
        f"{ceilings.bytes_per_second / 1e9:.1f} GB/s; peak memory {peak_memory(device)}"
    )
    for title, seconds, best in (
        ("forward", forward, one),
        ("backward", backward, other),
        ("both", forward + backward, one + other),
    ):
        print(
            f"  {title:8s} {batch / seconds:10.0f} particles/s  {100 * best / seconds:5.1f} % of the roofline"
        )
    if device.type == "cuda":
        print(f"  goal of a whole training step: {GOAL_ON_CUDA} particles/s")


def peak_memory(device: torch.device) -> str:
    if device.type == "cuda":
        return f"{torch.cuda.max_memory_allocated(device) / 2**20:.0f} MiB on the device"
    return f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10:.0f} MiB of the process"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--box", type=int, default=128, help="box in pixels")
    parser.add_argument("--gaussians", type=int, default=8000)
    parser.add_argument("--width", type=float, default=0.7, help="width of the Gaussians in pixels")
    parser.add_argument("--batch", type=int, help="images a call; default 32 on a CPU, 256 on a GPU")
    parser.add_argument("--projector", default="auto", help="auto, reference, triton or xray")
    parser.add_argument("--device", help="cpu or cuda; default: both where there is a GPU")
    arguments = parser.parse_args()
    devices = (
        [arguments.device] if arguments.device else ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    )
    for device in devices:
        bench_device(arguments, torch.device(device))


if __name__ == "__main__":
    main()
