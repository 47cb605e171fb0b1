"""The notebook gem_landscape.ipynb: filled in with the folder of one run, ready to be executed and changed.

It uses the public interface of gem_plugin (docs/python.md) and nothing else of ours. It runs from top to bottom without a
display and without the optional package anywidget: then the scatter plot is a picture, and particles are chosen by a condition.
"""

import json
from pathlib import Path

from gem_plugin.io.whole_files import write_text_whole

INTRODUCTION = """# Landscape

Every number here comes from the files of the run. States and map numbers count from 1, particle rows from 0.
Change what you like: files are only read, until you write something yourself. For the plot in which particles can be
drawn around: `pip install 'gem-em[notebook]'`."""

LOAD = """import numpy as np
import matplotlib.pyplot as plt

import gem_plugin as gem

run = gem.open_run({run!r})
try:
    states = run.states("full")  # of landscape-full
except gem.InputError:
    states = run.states()  # of landscape
print(run)
print(len(states.labels), "particles,", len(states.numbers), "states")
print(", ".join(run.columns))"""

COUNTS = """# particles, and the verdict of the checks on each state
for row in states.table:
    print(", ".join(f"{{name}} {{value}}" for name, value in row.items()), run.verdict(int(row["state"]), states.source))
assert [int(row["particles"]) for row in states.table] == [states.counts[number] for number in states.numbers]"""

POPULATIONS = """# fractions of the states by maximum likelihood, with 90 % intervals (runs before 0.2.0 have none)
try:
    populations = run.populations(states.source)
except gem.InputError as error:
    populations = None
    print(error)
if populations is not None:
    plt.figure(figsize=(4, 3))
    heights = 100 * populations.fractions
    errors = np.abs(100 * np.array([populations.lower, populations.upper]) - heights)
    plt.bar([str(number) for number in populations.numbers], heights, yerr=errors, capsize=4)
    plt.plot([str(number) for number in populations.numbers], 100 * populations.counted, "kx", label="counted")
    plt.xlabel("state")
    plt.ylabel("fraction (%), 90 % interval")
    plt.legend()
    plt.show()
    for number in populations.numbers:
        print(f"state {{number}}: {{heights[number - 1]:.1f}} %, {{run.verdict(number, states.source)}}")
    print(populations.sentence)"""

SURFACES = """# mean maps of the states, at one density level
with_maps = [number for number in states.numbers if states.has_mean_map(number)][:5]
maps = [states.mean_map(number) for number in with_maps]
titles = [f"state {{number}}: {{run.verdict(number, states.source)}}" for number in with_maps]
gem.draw_several([one.volume for one in maps], titles, with_maps) if maps else None"""

SCATTER = """# any two columns, coloured by any column; drag to draw around particles
preferred = ["volume_pc_1", "volume_pc_2", "latent_pc_1", "latent_pc_2", "latent_1", "latent_std"]
first, second = [name for name in preferred if name in run.columns][:2]
plot = gem.scatter(run, first, second, colour=states.column)
plot"""

SELECT = """# what was drawn around; before that, and without the plot, a condition
chosen = plot.selection
if not len(chosen):
    chosen = run.select(f"{{first}} > {{np.median(run.column(first)):.6g}}")
print(chosen)
# chosen.write("subset.star")  # the original rows; .cs for particles of CryoSPARC"""

MOLECULE = """# the molecule of the selection: the mean of the maps of some of its particles, beside that of all others
is_chosen = np.isin(np.arange(run.n_particles), chosen.rows)
others = gem.Selection(run, np.flatnonzero(~is_chosen))
try:
    molecules = [gem.mean_map(chosen), gem.mean_map(others)]
    shown = gem.draw_several(molecules, ["selection", "all others"], ["#0072B2", "#B0B7BE"])
except gem.InputError as error:  # the model of the run is not there, or nothing is left to compare with
    shown = error
shown"""

TRAJECTORIES = """# maps along the first trajectory, from one end to the other
series = gem.trajectories(run)
print(", ".join(series) or "no trajectories yet")
title = next(iter(series), None)
steps = [series[title][index] for index in np.linspace(0, len(series[title]) - 1, 5).astype(int)] if title else []
gem.draw_several(steps, [f"{{title}}, {{index + 1}} of 5" for index in range(len(steps))]) if steps else None"""

ENERGY = """# a free energy from a histogram; figures/ has the smoothed one with errors
coordinate = run.column(first)
density, edges = np.histogram(coordinate[np.isfinite(coordinate)], bins=40, density=True)
energy = -np.log(np.where(density > 0, density, np.nan))
plt.figure(figsize=(5, 3))
plt.plot((edges[1:] + edges[:-1]) / 2, energy - np.nanmin(energy))
plt.xlabel(first)
plt.ylabel("free energy (kT)")
plt.show()"""

CELLS = (LOAD, COUNTS, POPULATIONS, SURFACES, SCATTER, SELECT, MOLECULE, TRAJECTORIES, ENERGY)


def write_notebook(path: Path, run_folder: Path) -> None:
    """Write the notebook for one run, with its absolute folder, so that it can be moved."""
    cells = [
        _cell("markdown", f"{INTRODUCTION}\n\nRun: `{run_folder.absolute()}`", 0),
        *(
            _cell("code", text.format(run=str(run_folder.absolute())), number)
            for number, text in enumerate(CELLS, start=1)
        ),
    ]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook = {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    write_text_whole(path, json.dumps(notebook, indent=1) + "\n")


def _cell(kind: str, text: str, number: int) -> dict:
    cell = {
        "cell_type": kind,
        "id": f"cell-{number}",
        "metadata": {},
        "source": text.splitlines(keepends=True),
    }
    return cell | ({"execution_count": None, "outputs": []} if kind == "code" else {})
