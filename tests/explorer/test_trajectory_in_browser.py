"""Trajectories in a real browser: drawn where they are decoded, or as dots where only particles have positions."""

from collections.abc import Iterator

import numpy as np
import pytest
from explorer_run import N_PARTICLES, explorer_source, make_explorer_run
from page_actions import Page, choose, open_page, press, set_range, settle, text_of, wait_until
from served_explorer import Explorer, serve

from gem_plugin.io.array_files import write_array
from gem_plugin.results.run import Run

KINDS = ("straight", "on data", "through neighbours", "minimum energy")
LINE_DRAWN = """
const lines = [], arcs = [];
let line = [];
const seen = new Proxy({}, {
  get: (_, name) => (...given) => {
    if (name === "beginPath") line = [];
    if (name === "lineTo") line.push(given);
    if (name === "stroke" && line.length > 1) lines.push(line);
    if (name === "arc") arcs.push([given[0], given[1]]);
  },
  set: () => true,
});
const { plot, trajectory } = gem;
const { waypoints } = trajectory;
trajectory.waypoints = [];
trajectory.draw(seen, plot.scatter, [plot.chosen.x.name, plot.chosen.y.name]);
trajectory.waypoints = waypoints;
return { lines, arcs };
"""


@pytest.fixture(scope="module")
def with_umap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Explorer]:
    """A run with a UMAP, on which the ring is a zig-zag."""
    run = make_explorer_run(tmp_path_factory.mktemp("umap"))
    latents = explorer_source().latents
    angle = np.arctan2(latents[:, 1], latents[:, 0])
    noise = np.random.default_rng(0).normal(size=N_PARTICLES)
    write_array(
        run.analyze.umap, np.stack([3 * angle, np.sin(3 * angle) + 0.4 * noise], axis=1).astype(np.float32)
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Run, "decoder", lambda *_: explorer_source())
        yield from serve(run)


def make_path(page: Page, kind: str, x: str, y: str) -> dict[str, list[list[float]]]:
    """Through three particles of the ring, on these axes; what the plot draws of it."""
    latents = explorer_source().latents
    angle = np.arctan2(latents[:, 1], latents[:, 0])
    waypoints = [int(np.abs(angle - one).argmin()) for one in (-1.2, 0.1, 1.2)]
    page.execute_script("return gem.plot.setAxes(arguments[0], arguments[1], 'state')", x, y)
    page.execute_script("gem.trajectory.clear(); gem.trajectory.waypoints = arguments[0]", waypoints)
    choose(page, "trajectory-kind", kind)
    press(page, "#trajectory-create")
    path = wait_until(lambda: page.execute_script("return gem.trajectory.path"))
    settle(page)
    wait_until(lambda: text_of(page, "trajectory-note"))  # it takes some of the height of the plot
    page.execute_async_script("requestAnimationFrame(() => requestAnimationFrame(arguments[0]))")
    return path


def pixels_on(page: Page, values: np.ndarray) -> np.ndarray:
    """Pixels of (x, y) in data coordinates."""
    return np.array(
        page.execute_script(
            "return arguments[0].map((one) => gem.plot.scatter.view.toPixel(...one))", values.tolist()
        )
    )


@pytest.mark.parametrize("kind", KINDS)
def test_on_latents_the_line_is_where_the_molecules_are_decoded(
    with_umap: Explorer, browser: Page, kind: str
) -> None:
    page = open_page(browser, with_umap)
    settle(page)
    path = make_path(page, kind, "latent_1", "latent_2")
    drawn = page.execute_script(LINE_DRAWN)
    (line,) = drawn["lines"]
    np.testing.assert_allclose(line, pixels_on(page, np.array(path["latents"])), atol=0.01)
    set_range(page, "trajectory-position", 0.37)
    wait_until(lambda: text_of(page, "molecule-title") == "trajectory, 37 %")
    settle(page)
    decoded = np.array([page.execute_script("return gem.molecule.subject.latents")])
    (marker,) = page.execute_script(LINE_DRAWN)["arcs"]
    step = np.abs(np.diff(line, axis=0)).max()
    np.testing.assert_allclose(marker, pixels_on(page, decoded)[0], atol=0.01 * step + 0.1)
    assert "The line is where molecules are decoded" in text_of(page, "trajectory-note")
    assert len(path["near"]) == len(path["latents"])
    before, after = path["near"][int(0.37 * (len(path["near"]) - 1)) :][:2]
    certainty = text_of(page, "particle-certainty")
    assert certainty.startswith(f"{min(before, after) or 'no'} particle")
    fade = page.execute_script("return gem.molecule.subject.request.fade")
    assert fade == pytest.approx(0.2 + 0.8 * min(1, min(before, after) / 10))


def test_on_components_of_the_latents_a_straight_path_is_straight(with_umap: Explorer, browser: Page) -> None:
    page = open_page(browser, with_umap)
    settle(page)
    make_path(page, "straight", "latent_pc_1", "latent_pc_2")
    (line,) = page.execute_script(LINE_DRAWN)["lines"]
    waypoints = page.execute_script(
        "return gem.trajectory.waypoints.map((row) => gem.plot.scatter.pixelOf(row))"
    )
    corner = int(np.linalg.norm(np.array(line) - waypoints[1], axis=1).argmin())
    for leg, ends in ((line[: corner + 1], waypoints[:2]), (line[corner:], waypoints[1:])):
        np.testing.assert_allclose([leg[0], leg[-1]], ends, atol=0.1)
        along = np.subtract(leg[-1], leg[0])
        steps = np.subtract(leg, leg[0])
        assert np.abs(steps[:, 0] * along[1] - steps[:, 1] * along[0]).max() / np.linalg.norm(along) < 0.1


@pytest.mark.parametrize("kind", KINDS)
def test_on_a_umap_no_line_is_drawn_but_particles_and_the_page_says_why(
    with_umap: Explorer, browser: Page, kind: str
) -> None:
    page = open_page(browser, with_umap)
    settle(page)
    path = make_path(page, kind, "umap_1", "umap_2")
    drawn = page.execute_script(LINE_DRAWN)
    assert drawn["lines"] == []
    particles = page.execute_script(
        "return arguments[0].map((row) => gem.plot.scatter.pixelOf(row))", path["rows"]
    )
    np.testing.assert_allclose(drawn["arcs"], particles, atol=0.01)
    latents = explorer_source().latents
    distances = np.linalg.norm(latents[None] - np.array(path["latents"])[:, None], axis=2)
    np.testing.assert_allclose(
        distances[range(len(distances)), path["rows"]], distances.min(axis=1), atol=1e-5
    )
    note = text_of(page, "trajectory-note")
    assert "On umap_1 and umap_2 only particles have a position, so no line is drawn" in note
    assert ("Free energy is that of the particles on latent_pc_1 and latent_pc_2" in note) == (
        kind == "minimum energy"
    )


def test_the_same_path_becomes_a_line_when_its_axes_are_shown(with_umap: Explorer, browser: Page) -> None:
    page = open_page(browser, with_umap)
    settle(page)
    make_path(page, "straight", "umap_1", "latent_1")
    assert page.execute_script(LINE_DRAWN)["lines"] == [], "one of two axes is not enough"
    page.execute_script("return gem.plot.setAxes('latent_2', 'latent_1', 'state')")
    wait_until(lambda: text_of(page, "trajectory-note").startswith("The line"))
    assert len(page.execute_script(LINE_DRAWN)["lines"]) == 1
    press(page, "#trajectory-clear")
    wait_until(lambda: text_of(page, "trajectory-note") == "")


def test_too_few_points_for_the_waypoints_are_explained(with_umap: Explorer, browser: Page) -> None:
    page = open_page(browser, with_umap)
    settle(page)
    page.execute_script(
        "gem.trajectory.waypoints = [1, 2, 3]; document.getElementById('trajectory-points').value = 2"
    )
    press(page, "#trajectory-create")
    wait_until(lambda: "through 3 waypoints needs 3 points or more, got 2" in text_of(page, "message"))
