"""A set made in pieces is one set."""

import sys

import mrcfile
import numpy as np
import starfile
from truth.pieces import make_in_pieces

MAKER = """
import sys, mrcfile, numpy as np, pandas as pd, starfile
from pathlib import Path
folder, n, seed = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
folder.mkdir(parents=True)
with mrcfile.new(folder / "particles.mrcs", np.full((n, 4, 4), seed, np.float32)) as stack:
    stack.voxel_size = 2.0
rows = pd.DataFrame({"rlnImageName": [f"{i + 1:06d}@particles.mrcs" for i in range(n)], "rlnAngleRot": np.arange(n) + 0.5})
starfile.write({"optics": pd.DataFrame({"rlnOpticsGroup": [1], "rlnImageSize": [4]}), "particles": rows}, folder / "particles.star")
for name in ("consensus", "consensus_half1", "consensus_half2"):
    with mrcfile.new(folder / f"{name}.mrc", np.full((4, 4, 4), seed, np.float32)) as file:
        file.voxel_size = 2.0
numbers = np.arange(n)
np.savez(folder / "truth.npz", which=numbers, kind=numbers, gain=numbers, angles=numbers, origins=numbers, apix=2.0)
"""


def test_pieces_are_joined_in_order(tmp_path):
    def command_of(folder, size, seed):
        return [sys.executable, "-c", MAKER, str(folder), str(size), str(seed)]

    tmp_path = tmp_path / "set"
    tmp_path.mkdir()
    make_in_pieces(tmp_path, command_of, n_particles=5, n_pieces=2, seed=3)
    table = starfile.read(tmp_path / "particles.star")["particles"]
    assert list(table["rlnImageName"]) == [f"{row:06d}@particles.mrcs" for row in range(1, 6)]
    assert list(table["rlnAngleRot"]) == [0.5, 1.5, 0.5, 1.5, 2.5]
    with mrcfile.open(tmp_path / "particles.mrcs") as stack:
        levels = stack.data[:, 0, 0]
        assert stack.is_image_stack()
        assert stack.voxel_size.x == 2
    assert len(set(levels[:2])) == len(set(levels[2:])) == 1
    assert levels[0] == 3
    assert levels[4] != 3
    with mrcfile.open(tmp_path / "consensus.mrc") as file:
        assert np.allclose(file.data, (2 * levels[0] + 3 * levels[4]) / 5)
    truth = np.load(tmp_path / "truth.npz")
    assert list(truth["which"]) == [0, 1, 0, 1, 2]
    assert float(truth["apix"]) == 2
    assert not list(tmp_path.glob("piece*"))
