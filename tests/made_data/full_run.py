"""A run that holds every part of a report, of the molecule with a turning arm; and of a whole report of it."""

import csv
import dataclasses
import io
import json
from pathlib import Path

import numpy as np
from explorer_run import N_PARTICLES, N_STATES, explorer_source, make_explorer_run

from gem_plugin.io.array_files import write_numbers
from gem_plugin.io.mrc.maps import write_map
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.reconstruct_files import CONTROL_NAME
from gem_plugin.particles.prepared import load_prepared_table, save_prepared_table
from gem_plugin.progress import Progress
from gem_plugin.reports.figures.reconstruction import draw_shell_correlations
from gem_plugin.steps.report.settings import ReportSettings
from gem_plugin.steps.report.step import run_report

N_MAPS_OF_TRAJECTORY = 4
TRAINED = {"gaussians": 90, "epochs": 3, "support_in_nats": 4.2, "support_error": 0.3}
SUMMARY = {"train": TRAINED, "landscape": {"states": N_STATES, "one_cloud": False}}
SETTINGS = (
    '[prepare]\nparticles = "particles.star"\nmap = "consensus.mrc"\n[train]\nlatent_size = 2\nseed = 0\n'
)


def make_full_run(folder: Path) -> RunFiles:
    """Particles, training, states, trajectories, motion, maps from the particles, and checks."""
    folder.mkdir(parents=True, exist_ok=True)
    run = make_explorer_run(folder)
    source = explorer_source()
    points = source.latents[:: len(source.latents) // N_MAPS_OF_TRAJECTORY][:N_MAPS_OF_TRAJECTORY]
    for number, volume in enumerate(source.decode(points), start=1):
        write_map(run.analyze.component_folder(1) / f"vol_{number:03d}.mrc", np.asarray(volume), 4.0)
    write_numbers(run.analyze.component_folder(1) / "z_values.txt", points)
    run.history.parent.mkdir(parents=True, exist_ok=True)
    run.history.write_text("epoch,loss,kl,validation_loss\n1,5.0,2.0,5.5\n2,4.0,6.0,4.5\n3,3.5,7.0,4.4\n")
    run.summary.write_text(json.dumps(SUMMARY))
    run.settings.write_text(SETTINGS)
    _write_reconstruction(run)
    return run


def give_half_sets(run: RunFiles) -> None:
    """Half-sets in the prepared table, as the star file of the run has them."""
    table, noise, origin = load_prepared_table(run)
    halves = (1 + np.arange(len(table)) % 2).astype(np.int8)
    save_prepared_table(run.prepared_table, dataclasses.replace(table, half_sets=halves), noise, origin)


def report_text_of(run: RunFiles) -> str:
    run_report(run, ReportSettings(chimerax=False), Progress(io.StringIO()))
    return run.report.read_text(encoding="utf-8")


def _write_reconstruction(run: RunFiles) -> None:
    files = run.reconstruct
    files.root.mkdir(exist_ok=True)
    names = ["all", *(f"state_{number:03d}" for number in range(1, N_STATES + 1)), CONTROL_NAME]
    with open(files.table, "w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(["map", "particles", "resolution_in_angstroms", "difference_z_score"])
        for number, name in enumerate(names):
            writer.writerow(
                [name, N_PARTICLES // (number + 1), 9.25 + number, "" if name == "all" else 12.5 - number]
            )
    shells = {"resolution_in_angstroms": np.array([np.inf, 96.0, 48.0, 24.0, 12.0])}
    curves = {name: {**shells, "corrected": np.array([1.0, 1.0, 0.9, 0.5, 0.1])} for name in names}
    draw_shell_correlations(run.figures / "fsc_of_states", curves)
