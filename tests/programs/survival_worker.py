"""A whole small run in a process of its own, to be killed: python survival_worker.py DATA RUN STEPS."""

import sys
from pathlib import Path

from gem_plugin.cli.outcome import exit_code_of
from gem_plugin.io.run.files import RunFiles
from gem_plugin.pipeline.run_steps import run_steps
from gem_plugin.progress import Progress

FIRST_STEPS = ("prepare", "consensus", "train", "analyze", "landscape")
LATER_STEPS = ("landscape-full", "reconstruct", "diagnose", "flex", "select", "report")  # typed one by one
STEPS = (*FIRST_STEPS, *LATER_STEPS)


def small_run(data: Path, root: Path, steps: tuple[str, ...] = STEPS) -> None:
    """The steps of gem-em run and those after it, as small as they get."""
    first = {
        "particles": data / "particles.star",
        "map": data / "consensus.mrc",
        "fit_images": 96,
        "epochs": 3,
        "batch_size": 16,
        "anchors": 24,
        "encoder_width": 32,
        "encoder_box": 16,
        "n_basis": 6,
        "threads": 1,
        "skip_umap": True,
        "ksample": 3,
        "pc": 1,
        "trajectory_points": 3,
        "sketch_size": 12,
        "n_states": "2",
    }
    later = {
        "n_states": "2",
        "maps_per_state": 4,
        "path_points": 3,
        "bootstrap": 5,
        "skip_umap": True,
        "leiden": False,
        "threads": 1,
        "local_resolution": True,
        "local_window": 140,
        "model": data / "model.pdb",
        "trajectory_points": 3,
        "states": (1,),
        "chimerax": False,
    }
    run, progress = RunFiles(root), Progress(sys.stdout)
    run_steps([step for step in steps if step in FIRST_STEPS], run, first, progress)
    if later_steps := [step for step in steps if step in LATER_STEPS]:
        run_steps(later_steps, run, later, progress)


if __name__ == "__main__":
    sys.exit(
        exit_code_of(lambda: small_run(Path(sys.argv[1]), Path(sys.argv[2]), tuple(sys.argv[3].split(","))))
    )
