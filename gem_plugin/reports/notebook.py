"""The notebook gem_landscape.ipynb: filled in with the folders of one run, ready to be executed and changed."""

import json
from pathlib import Path

from gem_plugin.io.whole_files import write_text_whole

INTRODUCTION = """# Landscape

Every number here comes from the files of the run; nothing is decoded. States and map numbers count from 1,
particle rows from 0. Change what you like: files are only read."""

LOAD = """import numpy as np
import pandas as pd
import matplotlib.pyplot as plt

LANDSCAPE = {landscape!r}
FULL = {full!r}
sketch_scores = np.load(f"{{LANDSCAPE}}/volume_pca_scores.npy")  # (sketch maps, components)
sketch_states = np.load(f"{{LANDSCAPE}}/state_labels.npy")  # (sketch maps,)
components = np.load(f"{{LANDSCAPE}}/volume_pca.npz")
coordinates = np.load(f"{{FULL}}/volume_pca_all.npy")  # (particles, components)
states = np.load(f"{{FULL}}/particle_states.npy")  # (particles,)
print(len(coordinates), "particles,", states.max(), "states")"""

VARIANCE = """ratio = components["explained_variance_ratio"]
plt.figure()
plt.bar(np.arange(1, len(ratio) + 1), 100 * ratio)
plt.xlabel("volume component")
plt.ylabel("share of the variance (percent)")
plt.show()"""

SCATTER = """first, second = 1, min(2, coordinates.shape[1])  # the components to look at
plt.figure()
plt.hexbin(coordinates[:, first - 1], coordinates[:, second - 1], gridsize=60, bins="log", mincnt=1)
plt.colorbar(label="particles per hexagon")
plt.scatter(sketch_scores[:, first - 1], sketch_scores[:, second - 1], c=sketch_states, s=6, cmap="tab10")
plt.xlabel(f"volume component {first} (map units)")
plt.ylabel(f"volume component {second} (map units)")
plt.show()"""

COUNTS = """table = pd.read_csv(f"{FULL}/states.csv")
print(table.to_string(index=False))
assert (np.bincount(states)[1:] == table["particles"]).all()"""

ENERGY = """from pathlib import Path

for file in sorted(Path(FULL).glob("free_energy_*_*.npz")):
    energy = np.load(file)
    plt.figure()
    plt.pcolormesh(energy["x_centres"], energy["y_centres"], energy["energy_in_kt"])
    plt.colorbar(label="free energy (kT)")
    plt.title(f"{file.stem}, kernel widths {energy['bandwidths'].round(4)}")
    path = Path(FULL) / "path" / "points.csv"
    if path.exists():
        points = pd.read_csv(path)
        plt.plot(points["first_coordinate"], points["second_coordinate"], "o-", color="tab:red", markersize=3)
    plt.show()"""

SELECT = """# Rows (from 0) of the particles with a coordinate in a range; write them with
#   gem-em write-star RUN --rows chosen_rows.txt --out chosen.star
chosen = np.flatnonzero(coordinates[:, 0] > np.median(coordinates[:, 0]))
print(len(chosen), "particles chosen; np.savetxt('chosen_rows.txt', chosen, fmt='%d') writes them")"""


def write_notebook(path: Path, run_folder: Path, landscape_folder: Path, full_folder: Path) -> None:
    """Write the notebook for one run, with absolute folders, so that it can be moved."""
    load = LOAD.format(landscape=str(landscape_folder.absolute()), full=str(full_folder.absolute()))
    cells = [
        _cell("markdown", f"{INTRODUCTION}\n\nRun: `{run_folder.absolute()}`", 0),
        *(
            _cell("code", text, number)
            for number, text in enumerate((load, VARIANCE, SCATTER, COUNTS, ENERGY, SELECT), start=1)
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
