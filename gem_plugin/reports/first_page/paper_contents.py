"""What a run holds for the figure for a paper."""

from pathlib import Path

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.io.array_files import read_arrays
from gem_plugin.io.run import figure_names as names
from gem_plugin.io.run.figure_names import remove_figures
from gem_plugin.io.run.manifest import read_manifest
from gem_plugin.io.run.names import state_number
from gem_plugin.io.run.reconstruct_files import WHOLE_NAME
from gem_plugin.reports.first_page.contents import plane_of
from gem_plugin.reports.first_page.molecule import molecule_of, shown_states
from gem_plugin.reports.first_page.paper import EnergyPanel, PaperContents, PopulationPanel, draw_paper_figure
from gem_plugin.reports.sections.populations import populations_if_there
from gem_plugin.results.run import Run

FINE_GRID = 176  # voxels across the molecule, at 600 dots per inch
MADE_BY_FULL = "gem-em landscape-full"


def write_paper_figure(run: Run) -> list[Path]:
    """figures/paper_figure as PDF, SVG and PNG; InputError where the run holds nothing to draw."""
    folder = run.files.figures
    remove_figures(folder, names.PAPER_FIGURE)
    written = draw_paper_figure(folder / names.PAPER_FIGURE, contents_of_paper(run))
    if not written:
        raise InputError(
            f"{run.files.root} holds neither latents nor maps, so there is nothing to draw a figure of. "
            f"Run `gem-em train {run.files.root}` first."
        )
    return written


def contents_of_paper(run: Run) -> PaperContents:
    """Every panel as far as the run goes."""
    return PaperContents(
        molecule=molecule_of(run, FINE_GRID),
        plane=plane_of(run),
        energy=_energy(run),
        populations=_populations(run),
        curves=_curves(run),
        badges={number: run.checks.badge(number) for number in shown_states(run)},
    )


def _energy(run: Run) -> EnergyPanel | None:
    """The free energy on the first two volume components, where landscape-full measured it."""
    path = next(iter(run.files.landscape.full.energies()), None)
    if path is None:
        return None
    first, second = path.stem.split("_")[-2:]
    arrays = read_arrays(path, MADE_BY_FULL)
    x, y = arrays["x_centres"], arrays["y_centres"]
    if not np.isfinite(arrays["energy_in_kt"]).any():
        return None
    columns = {column.name: column for column in run.particle_columns()}
    axes = [columns.get(f"volume_pc_{number}") for number in (first, second)]
    states = columns.get("state")
    middles = {}
    if states is not None and axes[0] is not None and axes[1] is not None:
        plane = np.stack([axes[0].values, axes[1].values], axis=1)
        middles = {number: np.median(plane[states.values == number], axis=0) for number in run.state_counts}
    labels = (f"volume component {first} (map units)", f"volume component {second} (map units)")
    extent = (float(x[0]), float(x[-1]), float(y[0]), float(y[-1]))
    return EnergyPanel(
        arrays["energy_in_kt"], extent, labels, {n: m for n, m in middles.items() if np.isfinite(m).all()}
    )


def _populations(run: Run) -> PopulationPanel | None:
    counts = run.state_counts
    total = sum(counts.values())
    if len(counts) < 2 or not total:
        return None
    numbers = list(counts)
    found = populations_if_there(run)
    if found is None or not set(numbers) <= set(found.numbers):
        fractions = np.array([counts[number] / total for number in numbers])
        return PopulationPanel(numbers, fractions, fractions, fractions, has_errors=False)
    rows = [number - 1 for number in numbers]
    return PopulationPanel(
        numbers, found.fractions[rows], found.lower[rows], found.upper[rows], has_errors=True
    )


def _curves(run: Run) -> dict[str, tuple[np.ndarray, np.ndarray, int]]:
    """The corrected half-map FSC of all particles and of each state; empty where they are of another landscape."""
    if not is_of_these_states(run):
        return {}
    curves = {}
    for name in run.reconstructed_maps():
        state = 0 if name == WHOLE_NAME else state_number(name)
        columns = run.half_map_curves(name)
        if state is None or "corrected" not in columns:
            continue
        with np.errstate(divide="ignore"):
            frequencies = 1 / columns["resolution_in_angstroms"]
        label = f"state {state}" if state else "all particles"
        curves[label] = (frequencies, columns["corrected"], state)
    return curves


def is_of_these_states(run: Run) -> bool:
    """Whether reconstruct made its maps of the states that landscape has now."""
    if "reconstruct" not in run.all_summaries or run.settings("reconstruct").get("particle_states"):
        return False
    manifest = read_manifest(run.files)
    made, landscape = (manifest.get(step, {}).get("started") or "" for step in ("reconstruct", "landscape"))
    return not (made and landscape) or made >= landscape  # times as 2026-11-25T11:18:13Z
