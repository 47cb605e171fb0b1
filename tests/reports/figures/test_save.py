"""Figures for print: vector but for layers of many points, TrueType text of six points or more, colours for everybody."""

import re
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import matplotlib.text
import numpy as np
import pytest
from full_run import make_full_run, report_text_of
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from gem_plugin.io.run.files import RunFiles
from gem_plugin.reports.figures import landscape as figures_landscape
from gem_plugin.reports.figures import save as save_figure
from gem_plugin.reports.figures import training as figures_training
from gem_plugin.reports.figures.save import (
    OKABE_ITO,
    add_colour_bar,
    draw_groups,
    lay_out,
    middle_member,
    new_figure,
)
from gem_plugin.results.run import Run

POINTS_OF_AN_INCH = 72
WIDTHS_IN_INCHES = (3.35, 7.0)
MAXIMUM_HEIGHT_IN_INCHES = 9.7
MINIMUM_TEXT_IN_POINTS = 6.0
MINIMUM_DIFFERENCE = 10.0  # of CIELAB; 2.3 is just seen
# Linear RGB as seen without red or green cones: H. Brettel, F. Vienot, J. Mollon, J. Opt. Soc. Am. A 14, 2647 (1997),
# in the one-plane form of F. Vienot, H. Brettel, J. Mollon, Color Res. Appl. 24, 243 (1999).
DEFICIENCIES = {
    "protanopia": [[0.11238, 0.88762, 0.0], [0.11238, 0.88762, 0.0], [0.00401, -0.00401, 1.0]],
    "deuteranopia": [[0.29275, 0.70725, 0.0], [0.29275, 0.70725, 0.0], [-0.02234, 0.02234, 1.0]],
}
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])  # sRGB, D65


@dataclass(frozen=True)
class DrawnRun:
    """The figures of a whole run: as files, and as they were before they were saved."""

    pdf_files: list[Path]
    figures: list[Figure]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> DrawnRun:
    figures: dict[int, Figure] = {}
    real = Figure.savefig

    def spy(self: Figure, *args: Any, **more: Any) -> None:
        if self.axes:
            figures[id(self)] = self
        real(self, *args, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Figure, "savefig", spy)
        run = make_full_run(tmp_path_factory.mktemp("figures"))
        report_text_of(run)
    found = sorted(run.figures.glob("*.pdf"))
    assert min(len(found), len(figures)) > 8
    return DrawnRun(found, list(figures.values()))


@pytest.fixture
def pdf_files(drawn: DrawnRun) -> list[Path]:
    return drawn.pdf_files


def size_in_inches(pdf: bytes) -> tuple[float, float]:
    box = re.search(rb"/MediaBox\s*\[\s*0 0 ([\d.]+) ([\d.]+)", pdf)
    assert box is not None
    return float(box[1]) / POINTS_OF_AN_INCH, float(box[2]) / POINTS_OF_AN_INCH


def test_every_figure_is_there_as_pdf_and_png_of_one_shape(pdf_files: list[Path]) -> None:
    for path in pdf_files:
        width, height = size_in_inches(path.read_bytes())
        with Image.open(path.with_suffix(".png")) as picture:
            assert picture.width / picture.height == pytest.approx(width / height, rel=0.01)
            assert np.asarray(picture.convert("L")).std() > 5


def test_figures_fit_one_or_two_printed_columns(pdf_files: list[Path]) -> None:
    for path in pdf_files:
        width, height = size_in_inches(path.read_bytes())
        assert min(abs(width - wanted) for wanted in WIDTHS_IN_INCHES) < 0.02, path.name
        assert height <= MAXIMUM_HEIGHT_IN_INCHES, path.name


def test_text_stays_text_in_true_type_fonts(pdf_files: list[Path]) -> None:
    for path in pdf_files:
        content = path.read_bytes()
        assert b"/Type3" not in content, path.name
        assert b"/FontFile2" in content, path.name


def test_the_log_for_relion_has_a_page_with_a_sentence_for_every_figure(drawn: DrawnRun) -> None:
    log = drawn.pdf_files[0].parents[1] / "logfile.pdf"
    content = log.read_bytes()
    assert b"/Type3" not in content
    Run(RunFiles(log.parent))
    n_pages = len(re.findall(rb"/Type /Page\b", content))
    assert 3 <= n_pages <= 2 + len(drawn.pdf_files) // 2, "half as many pages as figures"
    pages = [figure for figure in drawn.figures if not any(axes.axison for axes in figure.axes)]
    texts = ["\n".join(text.get_text() for text in page.texts) for page in pages]
    assert sum("Left: loss per epoch" in text for text in texts) == 1


def test_no_pdf_is_a_picture_of_the_whole_figure(pdf_files: list[Path]) -> None:
    """Images are maps, or layers of many points: smaller than the page; plots of few points hold none."""
    for path in pdf_files:
        content = path.read_bytes()
        width, height = size_in_inches(content)
        dots = save_figure.DOTS_PER_INCH[".pdf"]
        sizes = [
            (int(one), int(other))
            for one, other in re.findall(rb"/Subtype /Image[^>]*?/Width (\d+)[^>]*?/Height (\d+)", content)
            + [
                (w, h)
                for h, w in re.findall(rb"/Height (\d+)[^>]*?/Subtype /Image[^>]*?/Width (\d+)", content)
            ]
        ]
        assert all(w * h < 0.8 * width * height * dots**2 for w, h in sizes), path.name
        if any(
            word in path.stem for word in ("training", "dendrogram", "counts", "variance", "choices", "fsc")
        ):
            assert b"/Subtype /Image" not in content, path.name


def test_texts_are_six_points_or_more(drawn: DrawnRun) -> None:
    for figure in drawn.figures:
        FigureCanvasAgg(figure).draw()
        texts = [one for one in figure.findobj(matplotlib.text.Text) if one.get_text() and one.get_visible()]
        assert min(one.get_fontsize() for one in texts) >= MINIMUM_TEXT_IN_POINTS, [
            one.get_text() for one in texts
        ]


def test_axes_are_named_with_their_units(drawn: DrawnRun) -> None:
    labels = {
        text
        for figure in drawn.figures
        for axes in figure.axes
        for text in (axes.get_xlabel(), axes.get_ylabel())
        if text
    }
    without = {
        "epoch", "component", "part", "state", "sketch maps, joined into states", "number of states", "number of particles",
        "number of sketch maps", "half-map FSC in the mask",
    }  # fmt: skip  # counts and correlations
    assert {label for label in labels if "(" not in label} <= without
    assert {"x (Å)", "rms motion (Å)", "free energy (kT)"} <= labels
    for figure in drawn.figures:
        shown = [axes for axes in figure.axes if axes.axison]
        if not shown:  # a page of logfile.pdf, which is a picture
            continue
        assert any(axes.get_xlabel() for axes in shown)
        assert any(axes.get_ylabel() for axes in shown)


def seen(colour: str, deficiency: str | None) -> np.ndarray:
    """CIELAB of a colour as somebody without red or green cones sees it."""
    encoded = np.array([int(colour[start : start + 2], 16) for start in (1, 3, 5)]) / 255
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    if deficiency is not None:
        linear = np.clip(np.array(DEFICIENCIES[deficiency]) @ linear, 0, 1)
    ratio = TO_XYZ @ linear / TO_XYZ.sum(axis=1)
    x, y, z = np.where(ratio > 0.008856, np.cbrt(ratio), 7.787 * ratio + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("deficiency", [None, *DEFICIENCIES])
def test_colours_of_states_differ_for_everybody(deficiency: str | None) -> None:
    distances = {
        (one, other): np.linalg.norm(seen(one, deficiency) - seen(other, deficiency))
        for one, other in combinations(OKABE_ITO, 2)
    }
    assert min(distances.values()) > MINIMUM_DIFFERENCE, min(distances, key=lambda pair: distances[pair])


def test_red_and_green_of_one_brightness_would_fail_that_test() -> None:
    assert (
        np.linalg.norm(seen("#C04000", "deuteranopia") - seen("#777C00", "deuteranopia")) < MINIMUM_DIFFERENCE
    )


def test_the_number_of_a_state_stands_inside_it_even_where_it_is_bent() -> None:
    angles = np.linspace(0, 1.5 * np.pi, 400)
    arc = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    assert np.linalg.norm(middle_member(arc)) == pytest.approx(1)
    _, panels = new_figure()
    draw_groups(panels[0, 0], arc, np.ones(400, int))
    assert [text.get_text() for text in panels[0, 0].texts] == ["1"]


def test_panels_lie_where_matplotlib_puts_them_and_each_file_is_drawn_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def panels_of() -> tuple[Figure, np.ndarray]:
        figure, panels = new_figure(2)
        shown = panels[0, 0].imshow(np.eye(3))
        add_colour_bar(figure, shown, panels[0, 0], "density (a.u.)")
        panels[0, 1].set_ylabel("a label that needs room")
        return figure, panels

    usual, usual_panels = panels_of()
    with matplotlib.rc_context(save_figure.TEXT_STYLE):
        usual.savefig(tmp_path / "usual.png", dpi=save_figure.DOTS_PER_INCH[".png"])
    figure, panels = panels_of()
    real, drawings = Figure.draw, list[str]()
    monkeypatch.setattr(
        Figure,
        "draw",
        lambda self, renderer: (drawings.append(type(renderer).__name__), real(self, renderer)),
    )
    save_figure.save_figure(figure, tmp_path / "quick")
    assert len(drawings) == 2, drawings
    for one, other in zip(panels.ravel(), usual_panels.ravel(), strict=True):
        np.testing.assert_allclose(one.get_position().bounds, other.get_position().bounds, atol=1e-9)
    with Image.open(tmp_path / "quick.png") as quick, Image.open(tmp_path / "usual.png") as expected:
        np.testing.assert_array_equal(np.asarray(quick), np.asarray(expected))


def test_many_states_fit_a_page(tmp_path: Path) -> None:
    maps = [np.random.default_rng(number).random((12, 12, 12)) for number in range(40)]
    figures_landscape.draw_state_slices(tmp_path / "means", maps, np.arange(40), ["not tested"] * 40, 4.0)
    assert size_in_inches((tmp_path / "means.pdf").read_bytes())[1] <= MAXIMUM_HEIGHT_IN_INCHES


def test_the_figure_of_the_training_marks_where_the_rate_falls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    history = {name: np.array([3.0, 2.0, 1.0, 0.5]) for name in ("loss", "kl", "validation_loss")}
    history["epoch"] = np.arange(1.0, 5.0)
    drawn: list[Figure] = []
    monkeypatch.setattr(figures_training, "save_figure", lambda figure, stem: drawn.append(figure) or [])
    stages = {
        "staged": {"stage": np.array([1.0, 2, 3, 3])},
        "one_cycle": {"stage": np.zeros(4)},
        "earlier": {},
    }
    for name, stage in stages.items():
        figures_training.draw_training(tmp_path / name, {**history, **stage})
    labels = [[line.get_label() for line in figure.axes[0].lines] for figure in drawn]
    assert ["learning rate falls" in some for some in labels] == [True, False, False]
    marked = drawn[0].axes[0].lines[labels[0].index("learning rate falls")]
    assert set(np.asarray(marked.get_xdata())) == {3.0}


def test_a_page_without_panels_is_laid_out_without_a_warning(recwarn):
    figure = Figure(layout="constrained")
    figure.text(0.1, 0.9, "a page of text")
    lay_out(figure, 100)
    assert not recwarn.list
