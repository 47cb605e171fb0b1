"""The plot of the notebook in a real browser, with a model as Jupyter gives it: drawing around particles selects them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from page_actions import wait_until

from gem_plugin.notebook import PLOT_SCRIPT
from gem_plugin.reports.page_scripts import joined_scripts

N_PARTICLES = 400
PAGE = """<!DOCTYPE html><meta charset="utf-8"><body style="width:600px"><div id="here"></div><script type="module">
const bytes = (numbers) => new DataView(Float32Array.from(numbers).buffer);
const data = DATA;
const values = {...data.plain, x: bytes(data.x), y: bytes(data.y), colour: bytes(data.colour)};
const model = {get: (name) => values[name], set: (name, value) => { values[name] = value; }, on: () => {},
  save_changes: () => { window.saved = Array.from(new Uint32Array(values.selected?.buffer ?? new ArrayBuffer(0))); }};
window.values = values;
SCRIPT
renderNotebookScatter({ model, el: document.getElementById("here") });
window.isReady = true;
</script></body>"""


@pytest.fixture
def plot(browser: Any, tmp_path: Path) -> Any:
    """Half of the particles at the left, half at the right."""
    generator = np.random.default_rng(0)
    x = np.where(np.arange(N_PARTICLES) < N_PARTICLES // 2, -1, 1) + generator.uniform(-0.2, 0.2, N_PARTICLES)
    y = generator.uniform(-1, 1, N_PARTICLES)
    names = {"x_name": "latent_1", "y_name": "latent_2", "colour_name": "state"}
    plain = {"names": list(names.values()), "group_names": ["state"], "n_particles": N_PARTICLES, **names}
    data = {"plain": plain, "x": x.tolist(), "y": y.tolist(), "colour": (1 + (x > 0)).tolist()}
    text = PAGE.replace("DATA", json.dumps(data)).replace("SCRIPT", joined_scripts(PLOT_SCRIPT))
    (tmp_path / "plot.html").write_text(text, encoding="utf-8")
    browser.get((tmp_path / "plot.html").as_uri())
    wait_until(lambda: browser.execute_script("return window.isReady === true"))
    return browser


def draw_around(page: Any, left: float, right: float, keys: tuple[str, ...] = ()) -> None:
    """A rectangle over the whole height; left, right: fractions of the width of the plot."""
    page.execute_script(
        """const canvas = document.querySelectorAll("canvas")[1];
        const [left, right, keys] = arguments;
        const {width, height, x, y} = canvas.getBoundingClientRect();
        const go = (type, a, b) => canvas.dispatchEvent(new PointerEvent(type, {pointerId: 1, clientX: x + a * width,
          clientY: y + b * height, ctrlKey: keys.includes("ctrl"), bubbles: true}));
        canvas.setPointerCapture = () => {};
        go("pointerdown", left, 0.01);
        for (const [a, b] of [[right, 0.01], [right, 0.99], [left, 0.99]]) go("pointermove", a, b);
        go("pointerup", left, 0.99);""",
        left,
        right,
        list(keys),
    )


def test_what_is_drawn_around_is_sent_and_ctrl_adds(plot: Any) -> None:
    draw_around(plot, 0.02, 0.5)
    assert plot.execute_script("return window.saved") == list(range(N_PARTICLES // 2))
    draw_around(plot, 0.55, 0.99, ("ctrl",))
    assert plot.execute_script("return window.saved") == list(range(N_PARTICLES))
    assert f"{N_PARTICLES} selected" in plot.find_element("tag name", "body").text


def test_columns_can_be_chosen_and_particles_are_drawn(plot: Any) -> None:
    chosen = plot.execute_script(
        """const [x, y, colour] = document.querySelectorAll("select");
        y.value = "state"; y.onchange();
        return [x.value, window.values.y_name, colour.value];"""
    )
    assert chosen == ["latent_1", "state", "state"]
    n_colours = plot.execute_script(
        """const canvas = document.querySelectorAll("canvas")[0];
        const pixels = new Uint32Array(canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.buffer);
        return new Set(pixels).size;"""
    )
    assert n_colours >= 3, "white, and both groups"
