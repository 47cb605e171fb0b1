"""The pictures of docs/trust.md: what a check looks like where it is passed and where it is not.

    gem-em demo --out DEMO; gem-em reconstruct RUN; python benchmarks/trust_pictures.py RUN docs/images

Half-maps and stability are those of the demo's run; what the latents follow, populations and samples are simulated here
(latents and posteriors, as in bench_populations.py). Two minutes.
"""

import argparse
import csv
from collections.abc import Callable
from pathlib import Path

import matplotlib
import numpy as np
import torch
from bench_populations import CASES, NOISES, simulate
from bench_samples import two_samples
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gem_plugin.imaging.fourier import fourier_shell_correlation
from gem_plugin.io.mrc.maps import read_map
from gem_plugin.io.run.reconstruct_files import CONTROL_NAME, WHOLE_NAME
from gem_plugin.landscape.checks.latents import check_dependence, equal_bins
from gem_plugin.landscape.populations import estimate_populations
from gem_plugin.landscape.sample_comparison import compare_samples
from gem_plugin.reports.figures.save import OKABE_ITO, TEXT_STYLE, colour_of_group
from gem_plugin.results.run import Run

SIZE_IN_INCHES, DOTS_PER_INCH = (5.0, 1.9), 110
BLUE, ORANGE, GREEN, GREY = OKABE_ITO[0], OKABE_ITO[1], OKABE_ITO[2], "#999999"
Panels = np.ndarray


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path, help="a run of the demo after reconstruct")
    parser.add_argument("out", type=Path)
    given = parser.parse_args()
    run = Run(given.run)
    save(given.out / "trust_support.png", lambda axes: draw_support(axes, run))
    save(given.out / "trust_stability.png", lambda axes: draw_stability(axes, run))
    save(given.out / "trust_defocus.png", draw_defocus, 2)
    save(given.out / "trust_populations.png", draw_populations)
    save(given.out / "trust_samples.png", draw_samples, 2)


def save(path: Path, draw: Callable[[Panels], None], n_panels: int = 1) -> None:
    with matplotlib.rc_context(TEXT_STYLE):
        width = SIZE_IN_INCHES[0] if n_panels > 1 else 0.62 * SIZE_IN_INCHES[0]
        figure = Figure(figsize=(width, SIZE_IN_INCHES[1]), layout="constrained")
        draw(figure.subplots(1, n_panels, squeeze=False)[0])
        figure.savefig(path, dpi=DOTS_PER_INCH)
    print(path, path.stat().st_size)


def draw_support(panels: Panels, run: Run) -> None:
    """How alike both halves show what a state has beyond all particles, by resolution."""
    files, (axes,) = run.files.reconstruct, panels

    def halves(name: str) -> tuple[np.ndarray, np.ndarray]:
        return read_map(files.half_map(name, 1)).volume, read_map(files.half_map(name, 2)).volume

    whole = halves(WHOLE_NAME)
    pixel_size = read_map(files.half_map(WHOLE_NAME, 1)).pixel_size_in_angstroms
    names = [name for name in files.names_with_half_maps() if name.startswith("state_")]
    for name in [*names, CONTROL_NAME]:
        first, second = (torch.from_numpy(one - all_of_it) for one, all_of_it in zip(halves(name), whole))
        curve = fourier_shell_correlation(first, second).numpy()
        shells = np.arange(1, len(curve)) / (2 * len(curve) * pixel_size)
        is_state = name != CONTROL_NAME
        colour = colour_of_group(int(name[-3:])) if is_state else "black"
        label = f"state {int(name[-3:])}: supported" if is_state else "random subset: not"
        axes.plot(shells, curve[1:], "-" if is_state else "--", color=colour, label=label)
    axes.axhline(0, color=GREY, linewidth=0.6)
    axes.set(xlabel="spatial frequency (1/Å)", ylabel="correlation of the halves", ylim=(-0.4, 1.05))
    axes.legend(frameon=False)


def draw_stability(panels: Panels, run: Run) -> None:
    (axes,) = panels
    with open(run.files.landscape.state_choices, encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle))[:9]
    numbers = [int(row["n_states"]) for row in rows]
    stability = [float(row["stability"]) for row in rows]
    axes.bar(numbers, stability, color=[BLUE if one >= 0.7 else GREY for one in stability], width=0.7)
    axes.axhline(0.7, color="black", linestyle="--", linewidth=0.8)
    axes.text(numbers[-1] + 0.4, 1.0, "above the line: stable", ha="right", va="bottom")
    best = int(np.argmax([float(row["silhouette"]) * (one >= 0.7) for row, one in zip(rows, stability)]))
    axes.annotate("chosen", (numbers[best], stability[best]), ha="center", va="bottom")
    axes.set(xlabel="number of states", ylabel="found again without\na fifth of the maps", ylim=(0, 1.12))
    axes.set_xticks(numbers)


def draw_defocus(panels: Panels) -> None:
    """Latents of 1,200 particles that do not follow the defocus, and of others that do."""
    generator = np.random.default_rng(0)
    defocus = generator.uniform(0.8, 2.8, 1200)  # micrometres
    free = generator.normal(size=(1200, 2))
    bound = free + np.stack([1.2 * (defocus - 1.8), np.zeros(1200)], axis=1)
    for axes, latents in zip(panels, (free, bound)):
        found = check_dependence("defocus", latents, equal_bins(defocus), np.random.default_rng(1))
        image = axes.scatter(latents[:, 0], latents[:, 1], s=3, c=defocus, cmap="viridis", rasterized=True)
        verdict = "follow it" if found.is_bad else "do not follow it"
        axes.set_title(f"{verdict}: {max(0.0, found.value or 0.0):.1%}".replace("%", " %"))
        axes.set(xlabel="latent 1", ylabel="latent 2", xticks=[], yticks=[])
    figure = panels[0].get_figure()
    figure.colorbar(image, ax=list(panels), label="defocus (µm)")


def draw_populations(panels: Panels) -> None:
    """Planted 80, 15 and 5 %, 6,000 particles in 60 micrographs, high noise."""
    (axes,) = panels
    planted, generator = CASES["80/15/5"], np.random.default_rng(3)
    found = estimate_populations(*simulate(planted, NOISES["high"], 6000, generator), generator)
    places = np.arange(3)
    axes.bar(places - 0.27, 100 * np.array(planted.fractions), 0.26, color="black", label="truth")
    axes.bar(places, 100 * found.counted, 0.26, color=GREY, label="labels counted")
    errors = 100 * np.abs(np.array([found.lower, found.upper]) - found.fractions)
    axes.bar(
        places + 0.27, 100 * found.fractions, 0.26, yerr=errors, capsize=2, color=BLUE, label="estimated"
    )
    axes.set_xticks(places, ["state 1", "state 2", "state 3"])
    axes.set(ylabel="fraction (%)", yscale="log", ylim=(2, 130))
    axes.set_yticks([5, 10, 20, 50, 100], ["5", "10", "20", "50", "100"], minor=False)
    axes.minorticks_off()
    axes.legend(frameon=False)


def draw_samples(panels: Panels) -> None:
    """Two samples of 3,000 particles: alike, and with 20 and 30 % of state 2."""
    for axes, second in zip(panels, (20, 30)):
        generator = np.random.default_rng(5)
        posteriors, labels, samples, micrographs = two_samples("3,000 + 3,000", second, "low", generator)
        found = compare_samples(posteriors, labels, samples, micrographs, generator)
        _draw_two(axes, found.fractions, found.lower, found.upper)
        p_values = found.corrected_p_values[0]
        verdict = "differ" if p_values.min() < 0.05 else "no difference found"
        axes.set_title(f"{verdict} (smallest corrected p {p_values.min():.2g})")


def _draw_two(axes: Axes, fractions: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> None:
    for number, (name, colour) in enumerate((("apo", GREEN), ("with ligand", ORANGE))):
        errors = 100 * np.abs(np.array([lower[number], upper[number]]) - fractions[number])
        places = np.arange(fractions.shape[1]) + 0.36 * (number - 0.5)
        axes.bar(places, 100 * fractions[number], 0.34, yerr=errors, capsize=2, color=colour, label=name)
    axes.set_xticks(range(fractions.shape[1]), [f"state {n + 1}" for n in range(fractions.shape[1])])
    axes.set(ylabel="fraction (%)", ylim=(0, 95))
    axes.legend(frameon=False)


if __name__ == "__main__":
    main()
