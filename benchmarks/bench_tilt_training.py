"""Tilt series against single particles of the same signal, on simulated sets whose truth is known: one command, one table.

python benchmarks/bench_tilt_training.py --work FOLDER [--atoms 1hzh.pdb] [--particles 2000] [--sets NAME ...] [--train JSON]

An antibody (1HZH where its atoms are given, else the phantom), one arm of which turns by a full circle (100 conformations), or stands
at four angles (the planted states). 64 px of 6 A, premultiplied 16-bit stacks of RELION 5, 41 tilts to 60 degrees. The signal-to-noise
ratios of the 41 tilts of a particle add up to --snr, by default that of three single particles of the usual set (0.04 each); a
particle with fewer tilts has less. `_single` has one image of that ratio a particle, `_three_singles` three times as many of a third.

Tilt series train for 25 epochs of 12 images a particle, single particles until held-out ones gain no more. Sets, trained runs and
scores stay in --work: started again, the command goes on where it was interrupted. Rates are of all epochs; peak memory is that of
the process that prepares and trains.
"""

import argparse
import io
import json
import resource
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import Any

import numpy as np
from sklearn.metrics import adjusted_rand_score
from sklearn.model_selection import cross_val_predict
from sklearn.neighbors import KNeighborsRegressor
from truth.known_truth import KnownTruth
from truth.latent_scores import states_found
from truth.machine import machine_class
from truth.map_scores import MapScores, rows_of_conformations
from truth.score import check_settings_of_training

from gem_plugin.heterogeneity.observations import IMAGES_OF_A_STEP
from gem_plugin.io.mrc.maps import read_map
from gem_plugin.io.mrc.stacks import open_stack
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.whole_files import whole_file
from gem_plugin.particles.prepared import load_prepared
from gem_plugin.pipeline.logged_progress import LoggedProgress
from gem_plugin.pipeline.run_steps import run_steps
from gem_plugin.progress import Progress
from gem_plugin.results.decoder import MapGrid
from gem_plugin.results.run import Run
from gem_plugin.steps.simulate.settings import SimulateSettings
from gem_plugin.steps.simulate.step import run_simulate

SNR_OF_A_PARTICLE = 3 * 0.04
N_TILTS, FEWEST_TILTS = 41, 6
PARTICLES_FOR_SIGNAL = 40
NEIGHBOURS = 10  # whose angles predict that of a particle; of other particles
ARM_OF_1HZH = {"moving": "L,H:1-230", "hinge": "H:230:CA,H:230:C"}
TURNING = {"turn_from": 0.0, "turn_to": 360.0, "conformations": 100}
STANDING = {"turn_from": 0.0, "turn_to": 360.0, "conformations": 4}
STATES_ARE_COUNTED_UP_TO = 10
EPOCHS_OF_TILTS = 25  # of 12 images a particle
STEPS = ("prepare", "consensus", "train")


@dataclass(frozen=True)
class TiltSet:
    """How one of the sets is simulated, and trained unless --train says otherwise."""

    of_molecule: dict[str, Any]
    fewest_tilts: int | None = None  # None: single particles
    images_of_a_particle: int = 1  # of single particles: as many more of them, with as much less signal

    @property
    def epochs(self) -> int | None:  # None: until held-out particles gain no more
        return None if self.fewest_tilts is None else EPOCHS_OF_TILTS


SETS = {
    "turning_41": TiltSet(TURNING, N_TILTS),
    "turning_6_to_41": TiltSet(TURNING, FEWEST_TILTS),
    "turning_single": TiltSet(TURNING),
    "turning_three_singles": TiltSet(TURNING, images_of_a_particle=3),
    "states_6_to_41": TiltSet(STANDING, FEWEST_TILTS),
    "states_41": TiltSet(STANDING, N_TILTS),
    "states_single": TiltSet(STANDING),
}
COLUMNS = {  # of the table: heading, decimals
    "particles": ("particles", 0),
    "images": ("images", 0),
    "angle_error": ("angle error, median (degrees; goal 8)", 1),
    "angle_error_of_few": ("of the third with the fewest tilts", 1),
    "angle_error_of_many": ("with the most", 1),
    "ari_kmeans": ("ARI of k-means (goal 0.9)", 3),
    "ari_states": ("ARI of the states of `landscape -M auto`", 3),
    "states": ("states found", 0),
    "per_conformation": ("FSC-AUC per conformation", 4),
    "per_conformation_least": ("least", 4),
    "consensus": ("consensus", 4),
    "support_in_nats": ("support (nats)", 2),
    "epochs": ("epochs", 0),
    "images_per_second": ("images/s", 0),
    "images_per_processor_second": ("images per second of processor time", 0),
    "training_seconds": ("training (s)", 0),
    "peak_gigabytes": ("peak memory (GB)", 2),
}


def main() -> None:
    options = parse_options()
    settings = json.loads(options.train)
    check_settings_of_training(settings)
    for name in options.sets:
        folder = options.work / name
        scores = folder / "scores.json"
        if not scores.is_file():
            values = score(measured(folder, SETS[name], options, settings))
            with whole_file(scores) as temporary:
                temporary.write_text(json.dumps(values, indent=2), encoding="utf-8")
            print(f"{name}: {values}", flush=True)
        rows = {one: read_scores(options.work, one) for one in SETS}
        text = table({one: row for one, row in rows.items() if row})
        (options.work / "table.md").write_text(text, encoding="utf-8")
    print(f"\n{(options.work / 'table.md').read_text()}")


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--work",
        type=Path,
        default=Path(gettempdir()) / "gem_tilt_training",
        help="folder of sets, runs and scores",
    )
    parser.add_argument("--sets", nargs="+", default=list(SETS), metavar="NAME", help=", ".join(SETS))
    parser.add_argument("--atoms", type=Path, help="1hzh.pdb; default: the phantom of an antibody")
    parser.add_argument("--particles", type=int, default=2000)
    parser.add_argument("--box", type=int, default=64, help="pixels; the field of view stays 384 A")
    parser.add_argument("--snr", type=float, default=SNR_OF_A_PARTICLE, help="of all tilts of a particle")
    parser.add_argument("--train", default="{}", help='settings of the steps as JSON, as in {"epochs": 20}')
    options = parser.parse_args()
    unknown = [name for name in options.sets if name not in SETS]
    if unknown:
        parser.error(f"there is no set {unknown[0]}; there is {', '.join(SETS)}")
    return options


@dataclass(frozen=True)
class Measured:
    """A trained run with its set, and what the training took."""

    dataset: Path
    run: RunFiles
    numbers: dict[str, Any]


def measured(folder: Path, made: TiltSet, options: argparse.Namespace, settings: dict[str, Any]) -> Measured:
    """Simulate and train, in a process of its own whose memory is looked at; what is done already is kept."""
    dataset, run = folder / "data", RunFiles(folder / "run")
    simulation = simulation_of(made, dataset, options)
    if not (dataset / "truth.npz").is_file():
        signal = signal_of_tilts(simulation) if simulation.tilt_series else made.images_of_a_particle
        run_simulate(replace(simulation, snr=options.snr / signal), Progress(io.StringIO()))
    below = "relion5/optimisation_set.star" if simulation.tilt_series else "particles.star"
    values = {
        "particles": dataset / below,
        "map": dataset / "consensus.mrc",
        "epochs": made.epochs,
        **settings,
    }
    counted = simulation.conformations <= STATES_ARE_COUNTED_UP_TO
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as processes:
        numbers = processes.submit(train, run, values, counted).result()
    return Measured(dataset, run, numbers)


def simulation_of(made: TiltSet, out: Path, options: argparse.Namespace) -> SimulateSettings:
    """The settings of simulate but for the signal-to-noise ratio."""
    molecule = {"atoms": options.atoms, **ARM_OF_1HZH} if options.atoms else {}
    tilts = {}
    if made.fewest_tilts is not None:
        tilts = {"tilt_series": True, "tilt_form": "relion5", "float16": True}
        tilts |= {"fewest_tilts": made.fewest_tilts, "tilt_to": 60.0, "tilt_step": 3.0}
    return SimulateSettings(
        out=out,
        n_particles=options.particles * made.images_of_a_particle,
        box=options.box,
        pixel_size=384 / options.box,
        **molecule,
        **made.of_molecule,
        **tilts,
    )


def signal_of_tilts(simulation: SimulateSettings) -> float:
    """The sum of the ratios of all tilts of a particle where --snr of simulate, that of a mean tilt, is 1.

    Signal falls and noise rises with the tilt, so the sum is more than the number of tilts.
    """
    with TemporaryDirectory() as folder:
        clean = replace(
            simulation,
            out=Path(folder) / "clean",
            tilt_form="image-series",
            float16=False,
            n_particles=PARTICLES_FOR_SIGNAL,
            fewest_tilts=N_TILTS,
            snr=0.0,
        )
        run_simulate(clean, Progress(io.StringIO()))
        signal = open_stack(clean.out / "image_series" / "particles.mrcs").var(axis=(1, 2))
        with np.load(clean.out / "truth.npz") as truth:
            noise = truth["image_noise_deviations"] ** 2
    return float(noise.mean() / signal.mean() * (signal / noise).sum() / PARTICLES_FOR_SIGNAL)


def train(run: RunFiles, values: dict[str, Any], is_counting_states: bool) -> dict[str, Any]:
    """All steps, and what they took."""
    progress = LoggedProgress(run.log, io.StringIO())
    run_steps(STEPS[:-1], run, values, progress)
    taken = run.root / "taken.json"
    is_whole = not run.checkpoint.is_file()  # else an earlier start did a part of it
    before = _processor_seconds()
    numbers = run_steps(STEPS, run, values, progress)["train"]
    if not taken.is_file():  # else this training had ended before the last start
        seconds = _processor_seconds() - before if is_whole else None
        with whole_file(taken) as temporary:
            temporary.write_text(
                json.dumps({"processor_seconds": seconds, "peak_gigabytes": _peak_gigabytes()})
            )
    if is_counting_states:
        run_steps(("landscape",), run, {"n_states": "auto", "skip_umap": True}, progress)
    return {**numbers, **json.loads(taken.read_text())}


def _peak_gigabytes() -> float:
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9


def _processor_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def score(made: Measured) -> dict[str, Any]:
    """Every number of the table."""
    truth, angles = read_truth(made.dataset)
    run, numbers = Run(made.run), made.numbers
    tilts = load_prepared(made.run).tilts
    counts = np.ones(len(truth), np.int64) if tilts is None else tilts.particles.image_counts
    visited = np.minimum(counts, IMAGES_OF_A_STEP).mean() * numbers["epochs"]
    visited *= numbers["particles"] - numbers["validation_particles"]
    values = {
        "particles": len(truth),
        "images": int(counts.sum()),
        "epochs": numbers["epochs"],
        "support_in_nats": numbers["support_in_nats"],
        "images_per_second": numbers["particles_per_second"] * np.minimum(counts, IMAGES_OF_A_STEP).mean(),
        "images_per_processor_second": numbers["processor_seconds"]
        and visited / numbers["processor_seconds"],
        "training_seconds": numbers["seconds"],
        "peak_gigabytes": numbers["peak_gigabytes"],
        "machine": machine_class(),
    }
    latents = run.latents
    if truth.n_states > STATES_ARE_COUNTED_UP_TO:
        errors = angle_errors(latents, angles[truth.which])
        values["angle_error"] = float(np.median(errors))
        if counts.min() < counts.max():
            thirds = np.array_split(np.argsort(counts, kind="stable"), 3)
            values["angle_error_of_few"] = float(np.median(errors[thirds[0]]))
            values["angle_error_of_many"] = float(np.median(errors[thirds[2]]))
    else:
        values |= states_found(truth.which, latents, truth.n_states, 0)
        states = run.states()
        values["ari_states"] = float(adjusted_rand_score(truth.which, states.labels))
        values["states"] = len(states.numbers)
    return values | score_maps(truth, latents, run.decoder(MapGrid()).maps_for_files, made.dataset)


def score_maps(truth: KnownTruth, latents: np.ndarray, decode: Callable, dataset: Path) -> dict[str, float]:
    """FSC-AUC of the decoded map of every conformation, and of the consensus."""
    maps = MapScores(truth)
    areas = maps.areas(rows_of_conformations(truth, latents), latents, decode)
    consensus = read_map(dataset / "consensus.mrc").volume
    return {
        "per_conformation": float(areas.mean()),
        "per_conformation_least": float(areas.min()),
        "consensus": float(np.mean([maps.area(consensus, state) for state in range(truth.n_states)])),
    }


def read_truth(dataset: Path) -> tuple[KnownTruth, np.ndarray]:  # with the angle of each conformation (k,)
    """truth.npz of simulate."""
    with np.load(dataset / "truth.npz") as arrays:
        values = {name: arrays[name] for name in arrays.files}
    n, n_atoms = len(values["which"]), values["xyz"].shape[1]
    truth = KnownTruth(
        which=values["which"],
        positions_in_angstroms=values["xyz"],
        amplitudes=values["weight"],
        widths_in_angstroms=np.full(n_atoms, values["atom_width"], np.float32),
        kinds=np.zeros(n, np.int64),
        rotation_matrices=values["rotation_matrices"],
        shifts_in_angstroms=np.zeros((n, 2)),
        pixel_size_in_angstroms=float(values["apix"]),
        box_size=int(values["box"]),
    )
    return truth, values["angles_in_degrees"]


def angle_errors(latents: np.ndarray, angles_in_degrees: np.ndarray) -> np.ndarray:  # (n,) degrees
    """Of the angle of each particle, predicted from those of its nearest neighbours among others."""
    angles = np.deg2rad(angles_in_degrees)
    on_circle = np.stack([np.cos(angles), np.sin(angles)], 1)
    neighbours = KNeighborsRegressor(NEIGHBOURS, weights="distance")
    found = cross_val_predict(neighbours, latents, on_circle, cv=10)
    errors = np.rad2deg(np.arctan2(found[:, 1], found[:, 0]) - angles)
    return np.abs((errors + 180) % 360 - 180)


def read_scores(work: Path, name: str) -> dict[str, Any]:
    """Empty where there are none."""
    path = work / name / "scores.json"
    return json.loads(path.read_text()) if path.is_file() else {}


def table(rows: dict[str, dict[str, Any]]) -> str:
    """Markdown, a line a set."""
    shown = {
        name: how for name, how in COLUMNS.items() if any(row.get(name) is not None for row in rows.values())
    }
    lines = [f"| set | {' | '.join(heading for heading, _ in shown.values())} |"]
    lines.append("|---" * (len(shown) + 1) + "|")
    for name, row in rows.items():
        cells = ["–" if row.get(one) is None else f"{row[one]:,.{how[1]}f}" for one, how in shown.items()]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    machines = dict.fromkeys(row["machine"] for row in rows.values())
    return "\n".join([*lines, "", f"Machine: {'; '.join(machines)}."]) + "\n"


if __name__ == "__main__":
    main()
