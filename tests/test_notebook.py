"""What a notebook draws: the plot with and without the optional widget, the molecule of a selection, surfaces."""

import base64
import sys
from pathlib import Path

import numpy as np
import pytest

import gem_plugin as gem
from gem_plugin.notebook import PLOT_SCRIPT, ParticleScatter
from gem_plugin.reports.page_scripts import joined_scripts


def test_without_the_widget_the_plot_is_a_picture_and_nothing_is_selected(
    old_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    plot = gem.scatter(gem.open_run(old_run), "latent_1", "latent_2", colour="contrast")
    shown = plot._repr_mimebundle_()
    assert base64.b64decode(shown["image/png"]).startswith(b"\x89PNG")
    assert set(shown) == {"image/png", "text/plain"}
    assert len(plot.selection) == 0
    with pytest.raises(gem.InputError, match="holds no particle"):
        gem.mean_map(plot.selection)


def test_the_widget_sends_columns_and_gives_back_what_was_drawn_around(old_run: Path, tmp_path: Path) -> None:
    pytest.importorskip("anywidget", reason="the optional package anywidget is absent")
    run = gem.open_run(old_run)
    plot = gem.scatter(run, "latent_1", "latent_2")
    np.testing.assert_array_equal(
        np.frombuffer(plot.widget.x, "<f4"), run.column("latent_1").astype(np.float32)
    )
    plot.widget.y_name = "contrast"  # as the browser does
    np.testing.assert_array_equal(
        np.frombuffer(plot.widget.y, "<f4"), run.column("contrast").astype(np.float32)
    )
    plot.widget.selected = np.arange(3, 13, dtype="<u4").tobytes()
    assert plot.selection.rows.tolist() == list(range(3, 13))
    plot.selection.write(tmp_path / "subset.star")
    subset = gem.read_particles(tmp_path / "subset.star")
    assert list(subset.image_names) == [run.particles.image_names[row] for row in range(3, 13)]
    assert "image/png" in plot._repr_mimebundle_(), "a picture where there is no browser"
    plot.widget.close()


def test_a_misspelt_column_is_named_before_anything_is_drawn(old_run: Path) -> None:
    with pytest.raises(gem.InputError, match="latent_1"):
        ParticleScatter(gem.open_run(old_run), "laten_1", "latent_2", "state")


def test_the_script_of_the_plot_is_one_module_without_imports() -> None:
    script = joined_scripts(PLOT_SCRIPT)
    assert "function renderNotebookScatter" in script
    assert "import {" not in script


def test_the_mean_map_is_the_mean_of_the_decoded_maps(old_run: Path) -> None:
    run = gem.open_run(old_run)
    rows = np.array([2, 7])
    mean = gem.mean_map(gem.Selection(run, rows))
    first, second = run.decode(run.latents[rows])
    np.testing.assert_allclose(mean, (first + second) / 2, atol=1e-5)
    assert mean.pixel_size == first.pixel_size
    with pytest.raises(gem.InputError, match="at least 1"):
        gem.mean_map(gem.Selection(run, rows), 0)


def test_drawings_need_maps_and_titles() -> None:
    with pytest.raises(gem.InputError, match="got an array of shape"):
        gem.draw(np.zeros((4, 4)))
    with pytest.raises(gem.InputError, match="a title for each"):
        gem.draw_several([np.zeros((4, 4, 4))], [])
    ball = np.zeros((12, 12, 12), np.float32)
    ball[4:8, 4:8, 4:8] = 1
    (texts,) = [[text.get_text() for text in gem.draw(gem.Volume(ball, 10.0)).axes[0].texts]]
    assert texts == ["20 Å"], "a scale bar of at most 0.42 of the frame, which is some 60 Å wide"
    assert [len(gem.draw_several([ball, 2 * ball], ["a", "b"], [1, 2]).axes[0].images)] == [1]
    with pytest.raises(gem.InputError, match="a colour for each map, got 1 for 2"):
        gem.draw_several([ball, ball], ["a", "b"], [1])


def test_a_drawing_shows_the_map_where_it_is_and_nothing_of_an_empty_one() -> None:
    ball = np.zeros((24, 24, 24), np.float32)
    ball[8:16, 8:16, 8:16] = 1
    shown, empty = (gem.draw(one).axes[0].images[0].get_array() for one in (ball, 0 * ball))
    cover = np.asarray(shown)[..., 3] > 127
    assert 0.4 < cover.mean() < 0.95, "a cube fills most of its frame"
    rows, columns = np.nonzero(cover)
    assert abs(rows.mean() / len(cover) - 0.5) < 0.05
    assert abs(columns.mean() / cover.shape[1] - 0.5) < 0.05
    assert not np.asarray(empty)[..., 3].any()


def test_drawing_needs_no_pyplot() -> None:
    ball = np.zeros((12, 12, 12), np.float32)
    ball[4:8, 4:8, 4:8] = 1
    assert "matplotlib.pyplot" not in sys.modules or gem.draw(ball).canvas.manager is None
