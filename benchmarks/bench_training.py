"""Training speed at 128 px (or --box 64) with 8,000 (1,600) Gaussians, beside cryoDRGN's train_vae with its defaults on the same images.

    python benchmarks/bench_training.py [--cryodrgn /path/to/bin/cryodrgn] [--device cuda --batch-size 256]
cryoDRGN (4.3.1) is a program of its own and is only run when its path is given.
"""

import argparse
import pickle
import subprocess
import tempfile
import time
from pathlib import Path

import mrcfile
import numpy as np
import torch
from scipy.spatial.transform import Rotation

from gem_plugin.gaussians.cloud import GaussianCloud, LengthUnit
from gem_plugin.gaussians.volume import render_volumes
from gem_plugin.heterogeneity.architecture import architecture_for, build_model
from gem_plugin.heterogeneity.encoder.anchor_scores import EncoderInputs
from gem_plugin.heterogeneity.observations import Observations
from gem_plugin.heterogeneity.settings import TrainSettings
from gem_plugin.heterogeneity.training import Trainer
from gem_plugin.heterogeneity.training_plan import OneCycle
from gem_plugin.imaging.ctf import CtfParameters

BOX, PIXEL_SIZE, N_GAUSSIANS = 128, 3.0, 8000  # changed by --box 64
GOAL_RATIO = 250


def make_images(n: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor, CtfParameters]:
    """Noise images; what they show does not change the speed."""
    images = torch.randn(n, BOX, BOX, generator=generator)
    rotations = torch.tensor(Rotation.random(n, random_state=0).as_matrix(), dtype=torch.float32)
    one = torch.ones(n)
    defocus = 10_000 + 10_000 * torch.rand(n, generator=generator)
    ctf = CtfParameters(
        defocus, defocus + 200, 30 * one, 0 * one, 0 * one, one, 300 * one, 2.7 * one, 0.1 * one
    )
    return images, rotations, ctf


def our_rate(n: int, batch_size: int, device: str) -> float:
    """Particles a second of the second epoch; the first compiles."""
    generator = torch.Generator().manual_seed(0)
    images, rotations, ctf = make_images(n, generator)
    cloud = GaussianCloud(
        torch.randn(N_GAUSSIANS, 3, generator=generator) * BOX / 8,
        torch.full((N_GAUSSIANS,), 0.1),
        torch.full((N_GAUSSIANS,), 0.7),
        LengthUnit.PIXEL,
    )
    settings = TrainSettings(batch_size=batch_size, validation_fraction=0.0)
    observations = Observations(
        images.numpy(), rotations, torch.zeros(n, 2), ctf, torch.ones(BOX // 2 + 1), PIXEL_SIZE
    )
    model = build_model(architecture_for(settings, N_GAUSSIANS, BOX, PIXEL_SIZE), cloud, generator).to(device)
    observations.move_to_(torch.device(device))
    observations.keep_in_memory()
    inputs = EncoderInputs.compute(model.anchors, observations)
    trainer = Trainer(model, observations, inputs, torch.arange(n), torch.arange(0), settings, OneCycle(3))
    trainer.run_epoch()
    return max(trainer.run_epoch().particles_per_second for _ in range(2))


def cryodrgn_rate(program: Path, n: int) -> float:
    """Particles a second of one epoch of train_vae with its defaults, start and loading taken off."""
    images, rotations, ctf = make_images(n, torch.Generator().manual_seed(0))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with mrcfile.new(folder / "particles.mrcs") as stack:
            stack.set_data(images.numpy())
            stack.voxel_size = PIXEL_SIZE
        columns = [torch.full((n,), float(BOX)), torch.full((n,), PIXEL_SIZE), ctf.defocus_u_in_angstroms, ctf.defocus_v_in_angstroms,
                   ctf.defocus_angle_in_degrees, ctf.voltage_in_kilovolts, ctf.spherical_aberration_in_millimetres, ctf.amplitude_contrast, ctf.phase_shift_in_degrees]  # fmt: skip
        for path, content in (
            ("poses.pkl", (rotations.numpy(), np.zeros((n, 2), np.float32))),
            ("ctf.pkl", torch.stack(columns, 1).numpy().astype(np.float32)),
        ):
            (folder / path).write_bytes(pickle.dumps(content))
        inputs = [folder / "particles.mrcs", "--poses", folder / "poses.pkl", "--ctf", folder / "ctf.pkl"]
        seconds = {}
        for epochs in (1, 2):  # the difference of the two is one epoch
            command = [
                program,
                "train_vae",
                *inputs,
                "--zdim",
                "8",
                "--no-analysis",
                "-n",
                str(epochs),
                "-o",
                folder / f"out{epochs}",
            ]
            start = time.monotonic()
            subprocess.run([str(word) for word in command], check=True, capture_output=True)
            seconds[epochs] = time.monotonic() - start
    return n / (seconds[2] - seconds[1])


def decoding_time() -> float:
    """Milliseconds of one map of 128^3."""
    generator = torch.Generator().manual_seed(0)
    positions = torch.randn(1, N_GAUSSIANS, 3, generator=generator) * BOX / 8 * PIXEL_SIZE
    cloud = GaussianCloud(positions, torch.ones(1, N_GAUSSIANS), torch.full((N_GAUSSIANS,), 0.7 * PIXEL_SIZE))
    times = []
    for _ in range(12):
        start = time.perf_counter()
        render_volumes(cloud, BOX, PIXEL_SIZE)
        times.append(time.perf_counter() - start)
    return 1e3 * float(np.median(times[2:]))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cryodrgn", type=Path)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("-n", type=int, default=1024)
    parser.add_argument("--box", type=int, default=BOX, choices=(64, 128))
    parser.add_argument("--n-cryodrgn", type=int, default=16, help="images for cryoDRGN; few, for it is slow")
    arguments = parser.parse_args()
    if arguments.box == 64:
        globals().update(BOX=64, PIXEL_SIZE=6.0, N_GAUSSIANS=1600)
    print(f"map of {BOX}^3 from {N_GAUSSIANS} Gaussians: {decoding_time():.1f} ms (goal 20)")
    ours = our_rate(arguments.n, arguments.batch_size, arguments.device)
    print(f"training, {BOX} px, {N_GAUSSIANS} Gaussians, {arguments.device}: {ours:.0f} particles/s")
    if arguments.cryodrgn:
        theirs = cryodrgn_rate(arguments.cryodrgn, arguments.n_cryodrgn)
        print(
            f"cryoDRGN train_vae, defaults, same images: {theirs:.2f} particles/s; ratio {ours / theirs:.0f} (goal {GOAL_RATIO})"
        )


if __name__ == "__main__":
    main()
