"""A small simulated set and a short run on it, for programs of RELION that go on from there."""

from pathlib import Path

from gem_plugin.cli.main import gem_em
from gem_plugin.io.run.files import RunFiles
from gem_plugin.progress import Progress
from gem_plugin.steps.simulate.settings import SimulateSettings
from gem_plugin.steps.simulate.step import run_simulate

BOX, WORKING_BOX, PIXEL_SIZE_IN_ANGSTROMS, N_PARTICLES = 48, 32, 6.0, 300
SHORT = (
    "--fit-images 320 --epochs 2 --batch-size 16 --anchors 24 --encoder-box 16 --n-basis 6 --ksample 4 --pc 1 "
    "--skip-umap --sketch-size 30 -M 2 --plot-dim 0"
)


def make_relion_run(folder: Path, is_binned: bool) -> RunFiles:
    """Simulate particles with half-sets, then every step from prepare to report; binned: in a smaller working box."""
    raw = folder / "raw"
    simulation = SimulateSettings(
        out=raw,
        n_particles=N_PARTICLES,
        box=BOX,
        pixel_size=PIXEL_SIZE_IN_ANGSTROMS,
        snr=0.2,
        stack_folder="raw",
    )
    run_simulate(simulation, Progress())
    inputs = ["--particles", str(raw / "particles.star"), "--map", str(raw / "consensus.mrc")]
    size = ["--box", str(WORKING_BOX if is_binned else BOX)]
    gem_em.main(["run", *inputs, *size, "--out", str(folder / "run"), *SHORT.split()], standalone_mode=False)
    return RunFiles(folder / "run")
