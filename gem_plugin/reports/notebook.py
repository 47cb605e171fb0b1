"""The notebook gem_landscape.ipynb: filled in with the folder of one run, ready to be executed and changed.

It uses the public interface of gem_plugin/api.py and nothing else of ours; docs/python.md explains it.
"""

import json
from pathlib import Path

from gem_plugin.io.whole_files import write_text_whole

INTRODUCTION = """# Landscape

Every number here comes from the files of the run. States and map numbers count from 1, particle rows from 0.
Change what you like: files are only read, until you write something yourself."""

LOAD = """import numpy as np
import matplotlib.pyplot as plt

import gem_plugin as gem

run = gem.open_run({run!r})
states = run.states("full")  # of landscape-full; run.states() are those of the sketch
print(run)
print(len(states.labels), "particles,", len(states.numbers), "states")
print(", ".join(run.columns))"""

SCATTER = """first, second = "volume_pc_1", "volume_pc_2"  # any two columns
if second not in run.columns:
    second = "latent_1"
plt.figure()
plt.hexbin(run.column(first), run.column(second), gridsize=60, bins="log", mincnt=1)
plt.colorbar(label="particles per hexagon")
for number in states.numbers:
    rows = states.rows(number)
    x, y = run.column(first)[rows].mean(), run.column(second)[rows].mean()
    plt.annotate(f"state {{number}}", (x, y), ha="center")
plt.xlabel(first)
plt.ylabel(second)
plt.show()"""

COUNTS = """for row in states.table:
    print(", ".join(f"{{name}} {{value}}" for name, value in row.items()), run.verdict(int(row["state"]), "full"))
assert [int(row["particles"]) for row in states.table] == [states.counts[number] for number in states.numbers]"""

ENERGY = """coordinate = run.column(first)
density, edges = np.histogram(coordinate, bins=40, density=True)
energy = -np.log(np.where(density > 0, density, np.nan))
plt.figure()
plt.plot((edges[1:] + edges[:-1]) / 2, energy - np.nanmin(energy))
plt.xlabel(first)
plt.ylabel("free energy (kT), from a histogram; figures/ has the smoothed one with errors")
plt.show()"""

MAPS = """number = states.numbers[0]
if states.has_mean_map(number):
    mean = states.mean_map(number)
    plt.figure()
    plt.imshow(mean.volume.sum(axis=0), cmap="gray")
    plt.title(f"state {{number}} ({{run.verdict(number, 'full')}}): projection along z, {{mean.pixel_size_in_angstroms:.3g}} Å per pixel")
    plt.show()
# volume = run.decode(run.latents[7])  # the map of one particle, where the model is there"""

SELECT = """chosen = run.select(f"{{first}} > {{np.median(run.column(first)):.6g}}")
print(chosen)
# chosen.write("subset.star")  # the original rows; .cs for particles of CryoSPARC"""


def write_notebook(path: Path, run_folder: Path) -> None:
    """Write the notebook for one run, with its absolute folder, so that it can be moved."""
    cells = [
        _cell("markdown", f"{INTRODUCTION}\n\nRun: `{run_folder.absolute()}`", 0),
        *(
            _cell("code", text.format(run=str(run_folder.absolute())), number)
            for number, text in enumerate((LOAD, SCATTER, COUNTS, ENERGY, MAPS, SELECT), start=1)
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
