"""The preliminary report: what it says and what it shows."""

import re
from pathlib import Path

import numpy as np

from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.preliminary_report import is_preliminary
from gem_plugin.reports.training_page import (
    SIDE,
    TrainingState,
    TrainingView,
    colours_of,
    difference_colours,
    scatter_picture,
    training_page,
    write_training_page,
)


def view_of(n: int = 50, n_particles: int = 50) -> TrainingView:
    generator = np.random.default_rng(0)
    return TrainingView(
        generator.normal(size=(n, 2)),
        n_particles,
        np.array([[-1.0, 0.0], [1.0, 0.0]]),
        generator.random((2, 2, 24, 24)).astype(np.float32),
    )


def test_the_page_says_how_far_it_is_and_shows_latents_and_two_maps(tmp_path: Path) -> None:
    run = RunFiles(tmp_path)
    write_training_page(
        run, view_of(50, 7000), TrainingState("epoch 3 of at most 40 & more", "loss <1>", 10.0)
    )
    text = run.report.read_text(encoding="utf-8")
    assert is_preliminary(run)
    assert "epoch 3 of at most 40 &amp; more" in text
    assert "loss &lt;1&gt;" in text
    assert "7,000 particles, 50 of them drawn" in text
    assert text.count('src="data:image/png') == 6
    assert text.count('href="data:image/png') == 1
    assert not re.search(r'(?:src|href)="(?!data:)', text)  # nothing is fetched


def test_before_the_first_epoch_there_is_no_picture() -> None:
    text = training_page("run", None, TrainingState("Training begins"))
    assert "No picture yet" in text
    assert "data:image" not in text


def test_a_page_is_late_after_several_epochs() -> None:
    def late(seconds: float) -> float:
        found = re.search(r'data-late="(\d+)"', training_page("run", None, TrainingState("", "", seconds)))
        assert found is not None
        return float(found[1])

    assert late(1.0) == 120
    assert late(600.0) == 2400


def test_points_are_coloured_from_low_to_high_and_lie_where_they_should() -> None:
    points = np.array([[-1.0, 0.0], [0.0, 0.0], [5.0, 0.0]])
    assert colours_of(points[:, 0]).tolist() == [[68, 1, 84], [33, 144, 141], [253, 231, 37]]
    picture = scatter_picture(points, np.array([[10.0, 20.0], [200.0, 20.0], [400.0, 20.0]]))
    assert picture[SIDE - 1 - 20, 10].tolist() == [68, 1, 84, 255]
    assert (picture[..., 3] > 0).sum() == 27


def test_more_density_is_red_and_less_is_blue() -> None:
    none, more, less = difference_colours(np.array([[0.0, 2.0, -2.0]]), 2.0)[0].tolist()
    assert none == [255, 255, 255]
    assert more[0] > more[2]
    assert less[2] > less[0]
