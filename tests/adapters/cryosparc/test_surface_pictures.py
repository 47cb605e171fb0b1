"""Surfaces of maps: the molecule is seen, states side by side have their colours, and no title touches another one."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

from gem_plugin.adapters.cryosparc.surface_pictures import drawn, surface_figure, surfaces_of, tile_of
from gem_plugin.io.mrc.maps import write_map


def write_rod(path: Path, length: float, box: int = 32) -> Path:
    z, y, x = np.mgrid[:box, :box, :box] - box // 2
    volume = np.exp(-(x**2 / length**2 + y**2 / 9 + z**2 / 9)).astype(np.float32)
    write_map(path, volume, 3.0)
    return path


def test_a_longer_molecule_covers_more_of_the_picture(tmp_path: Path) -> None:
    short, long = surfaces_of([write_rod(tmp_path / "a.mrc", 3), write_rod(tmp_path / "b.mrc", 9)], [1, 2])
    assert short.shape == long.shape
    covered = [(picture[..., 3] > 127).mean() for picture in (short, long)]
    assert 0.02 < covered[0] < covered[1] / 1.5
    colours = [picture[picture[..., 3] > 200][:, :3].mean(axis=0) for picture in (short, long)]
    assert np.abs(colours[0] - colours[1]).max() > 40


def test_titles_of_neighbours_do_not_touch(tmp_path: Path) -> None:
    surfaces = surfaces_of([write_rod(tmp_path / f"{number}.mrc", number) for number in (4, 5, 6, 7)])
    titles = [f"State {number}: 25%\nnot supported (2.1 sigma)" for number in (1, 2, 3, 4)]
    figure = surface_figure(surfaces, titles)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    boxes = [axis.title.get_window_extent(canvas.get_renderer()) for axis in figure.axes]
    assert all(left.x1 < right.x0 for left, right in pairwise(boxes))


def test_a_tile_is_a_picture_of_at_most_four_maps(tmp_path: Path) -> None:
    paths = [write_rod(tmp_path / f"{number}.mrc", number) for number in range(3, 9)]
    (tmp_path / "tile.png").write_bytes(tile_of(paths, [1, 2, 3, 4, 5, 6]))
    with Image.open(tmp_path / "tile.png") as picture:
        width, height = picture.size
        values = np.asarray(picture.convert("L"))
    assert 2 * height < width < 8 * height
    assert (values < 230).mean() > 0.02


def test_a_picture_that_cannot_be_drawn_is_left_out(capsys: pytest.CaptureFixture) -> None:
    assert drawn(lambda: 1 // 0) is None
    assert "a picture was left out: ZeroDivisionError" in capsys.readouterr().err
    assert drawn(lambda: 3) == 3
