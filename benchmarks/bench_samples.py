"""Comparing samples: how often is a difference found where there is none, and how often where 20 are 30 %?

Simulated are latents and their posteriors, as in bench_populations.py: three states, the second with 20 % in the first sample, and
with 20 or 30 % in the second. Micrographs of 100 particles differ in their fractions. In "classes" both samples are in every
micrograph, one of them with a quarter of its particles. --train 1000 makes images of two samples, trains one
model and compares.
"""

import argparse
import io
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
from bench_populations import NOISES, SECONDS_ALLOWED, Planted, simulate

import gem_plugin as gem
from gem_plugin.io.star.edit import columns_added_pieces, write_whole_pieces
from gem_plugin.io.star.particles import read_relion_file
from gem_plugin.landscape import sample_comparison
from gem_plugin.landscape.latents.components import fit_latent_components
from gem_plugin.landscape.populations import Posteriors
from gem_plugin.landscape.sample_comparison import SampleComparison, compare_samples
from gem_plugin.landscape.sample_energies import estimate_sample_energies
from gem_plugin.progress import Progress
from gem_plugin.steps.simulate.settings import SimulateSettings
from gem_plugin.steps.simulate.step import run_simulate

CENTRES = ((-1.0, 0.0), (0.8, 0.9), (0.8, -0.9))
FRACTIONS = {20: (0.75, 0.20, 0.05), 30: (0.65, 0.30, 0.05)}
SIGNIFICANT = 0.05
DRAWS = 200  # for the intervals of each repeat, instead of 1,000; p-values do not depend on it
SIZES = {  # particles of the two samples
    "3,000 + 3,000": (3000, 3000),
    "1,000 + 5,000": (1000, 5000),
    "1,000 + 1,000": (1000, 1000),
}
SHORT_TRAINING = {
    "n_states": 2,
    "box": 48,
    "epochs": 12,
    "fit_images": 640,
    "sketch_size": 60,
    "skip_umap": True,
    "ksample": 4,
    "pc": 1,
    "plot_dim": 0,
}
CLASSES = "classes, 1,500 + 4,500"


def two_samples(
    size: str, second: int, noise: str, generator: np.random.Generator
) -> tuple[Posteriors, np.ndarray, np.ndarray, np.ndarray]:  # posteriors, labels, samples, micrographs
    if size == CLASSES:
        return _classes(second, noise, generator)
    parts = [
        simulate(Planted(CENTRES, FRACTIONS[percent]), NOISES[noise], n_particles, generator)
        for percent, n_particles in zip((20, second), SIZES[size], strict=True)
    ]
    posteriors = Posteriors(*(np.concatenate([part[0][i] for part in parts]) for i in range(2)))
    samples = np.repeat([1, 2], SIZES[size])
    micrographs = np.concatenate([1_000_000 * number + part[2] for number, part in enumerate(parts)])
    return posteriors, np.concatenate([part[1] for part in parts]), samples, micrographs


def _classes(
    second: int, noise: str, generator: np.random.Generator
) -> tuple[Posteriors, np.ndarray, np.ndarray, np.ndarray]:
    """Each micrograph has its fractions; where the second class differs, some of its particles of state 1 are of state 2."""
    posteriors, labels, micrographs = simulate(
        Planted(CENTRES, FRACTIONS[20]), NOISES[noise], 6000, generator
    )
    samples = np.where(generator.random(6000) < 0.75, 2, 1)
    if second != 20:
        others = simulate(Planted(CENTRES, FRACTIONS[second]), NOISES[noise], 6000, generator)
        is_second = samples == 2
        posteriors = Posteriors(
            *(np.where(is_second[:, None], new, old) for new, old in zip(others[0], posteriors))
        )
        labels = np.where(is_second, others[1], labels)
    return posteriors, labels, samples, micrographs


def measure(size: str, second: int, noise: str, repeats: int) -> None:
    found: list[SampleComparison] = []
    cases = [*SIZES, CLASSES]
    for repeat in range(repeats):
        generator = np.random.default_rng([repeat, cases.index(size), second, list(NOISES).index(noise)])
        found.append(compare_samples(*two_samples(size, second, noise, generator), generator))
    truth = np.subtract(FRACTIONS[second], FRACTIONS[20])
    corrected = np.array([one.corrected_p_values[0] for one in found])
    differences = np.array([one.differences[0] for one in found])
    covered = np.array(
        [(one.difference_lower[0] <= truth) & (truth <= one.difference_upper[0]) for one in found]
    ).mean(axis=0)
    print(
        f"{size:24} {noise:5} {second:3} %  any state {100 * (corrected < SIGNIFICANT).any(axis=1).mean():5.1f} %  "
        f"state 2 {100 * (corrected[:, 1] < SIGNIFICANT).mean():5.1f} %  state 3 {100 * (corrected[:, 2] < SIGNIFICANT).mean():5.1f} %  "
        f"difference of state 2 {100 * differences[:, 1].mean():5.1f} +- {100 * differences[:, 1].std():.1f} %  "
        f"coverage {'/'.join(f'{100 * one:.0f}' for one in covered)}",
        flush=True,
    )


def measure_speed(n_particles: int, n_states: int) -> None:
    """Two samples of states that overlap: fractions of each with intervals, differences with p-values, then the free energies."""
    generator = np.random.default_rng(0)
    centres = tuple(map(tuple, generator.normal(size=(n_states, 2)) * 1.2))
    fractions = tuple(generator.dirichlet(np.full(n_states, 3.0)))
    posteriors, labels, micrographs = simulate(Planted(centres, fractions), 0.1, n_particles, generator)
    samples = 1 + micrographs % 2
    start, used = time.monotonic(), time.process_time()
    compare_samples(posteriors, labels, samples, micrographs, generator)
    of_states = time.process_time() - used
    plane = fit_latent_components(posteriors.means).scores[:, :2].astype(np.float64)
    estimate_sample_energies(plane, samples, micrographs, [(0, 1)], generator)
    seconds, used = time.monotonic() - start, time.process_time() - used
    print(
        f"{n_particles:,} particles, {n_states} states, two samples: {seconds:.1f} s (goal {SECONDS_ALLOWED}), processor time {used:.1f} s, "
        f"of it states and their differences {of_states:.1f} s, free energies {used - of_states:.1f} s; "
        f"peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB"
    )


def compare_after_training(n_each: int, second: int) -> None:
    """Two simulated samples of an arm in two positions, joined, trained in one model and compared; what the log says."""
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "raw"
        run_simulate(
            SimulateSettings(
                out=raw, n_particles=4 * n_each, box=48, pixel_size=6.0, snr=0.1, turn_to=120, conformations=2
            ),
            Progress(io.StringIO()),
        )
        with np.load(raw / "truth.npz") as truth:
            planted = _planted_rows(truth["which"], n_each, second)
        files = {
            name: _write_sample(raw / "particles.star", raw / f"{name}.star", rows, name)
            for name, rows in planted.items()
        }
        start = time.process_time()
        run = gem.fit(
            None,
            raw / "consensus.mrc",
            Path(folder) / "RUN",
            samples=[f"{name}={path}" for name, path in files.items()],
            show_progress=False,
            **SHORT_TRAINING,
        )
        verdict = run.compared_samples().verdict(0)
        used = time.process_time() - start
        print(
            f"{n_each} + {n_each} particles, 20 and {second} % planted, processor time {used:.0f} s: {verdict}"
        )


def _planted_rows(conformations: np.ndarray, n_each: int, second: int) -> dict[str, np.ndarray]:
    """Rows of two samples without common particles, in random order."""
    generator = np.random.default_rng(0)
    left = [generator.permutation(np.flatnonzero(conformations == state)) for state in (0, 1)]
    rows = {}
    for name, percent in (("A", 20), ("B", second)):
        counts = n_each - n_each * percent // 100, n_each * percent // 100
        rows[name] = np.sort(np.concatenate([of_state[:n] for of_state, n in zip(left, counts)]))
        left = [of_state[n:] for of_state, n in zip(left, counts)]
    return rows


def _write_sample(source: Path, target: Path, rows: np.ndarray, name: str) -> Path:
    """The rows, with micrographs of 50 particles."""
    file = read_relion_file(source)
    texts = [(f"{name}_{number // 50:03d}.mrc",) for number in range(len(rows))]
    write_whole_pieces(
        target, columns_added_pieces(file.document, file.particles, ["_rlnMicrographName"], texts, rows)
    )
    return target


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=200)
    parser.add_argument("--particles", type=int, default=1_000_000, help="for the time; 0: not measured")
    parser.add_argument("--states", type=int, default=20)
    parser.add_argument(
        "--train", type=int, default=0, help="particles of each sample of a real training; 0: none"
    )
    parser.add_argument(
        "--second", type=int, default=30, help="per cent of state 2 in the second sample of it"
    )
    options = parser.parse_args()
    draws, sample_comparison.N_DRAWS = sample_comparison.N_DRAWS, DRAWS
    for size in [*SIZES, CLASSES] if options.repeats else []:
        for noise in NOISES:
            for second in (20, 30):
                measure(size, second, noise, options.repeats)
    sample_comparison.N_DRAWS = draws
    if options.particles:
        measure_speed(options.particles, options.states)
    if options.train:
        compare_after_training(options.train, options.second)


if __name__ == "__main__":
    main()
