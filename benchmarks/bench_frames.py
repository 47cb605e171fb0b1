"""Frames a second of the explorer's plot while it is panned and zoomed, with WebGL and without, in headless Chromium.

`python benchmarks/bench_explore.py --frames` calls it for 300,000 and for 1,000,000 particles.
"""

import os
from pathlib import Path
from typing import Any, NamedTuple

SECONDS = 4.0
NUMBERS = (300_000, 1_000_000)
PAINTERS = ("webgl", "pixels")
GOALS = {"webgl": 30, "pixels": 15}  # frames a second
MOVING = """
const [seconds, under, done] = arguments, { scatter } = gem.plot, { view } = scatter;
scatter.setUnder(under);
scatter.showAll();
scatter.draw();
const start = performance.now(), steps = [], [width, height] = view.size;
let frames = 0, longest = 0, last = start;
const pixelOfCanvas = () => {
  const copy = new OffscreenCanvas(1, 1).getContext("2d");
  copy.drawImage(scatter.points, 0, 0);
  copy.getImageData(0, 0, 1, 1); // waits until it is drawn
};
const next = () => {
  const now = performance.now();
  if (frames) longest = Math.max(longest, now - last);
  last = now;
  if (now - start > 1000 * seconds) {
    pixelOfCanvas();
    const rate = (1000 * frames) / (performance.now() - start);
    setTimeout(() => {
      const before = performance.now();
      scatter.arePointsStale = true;
      scatter.draw();
      pixelOfCanvas();
      done({ rate, longest, step: Math.max(...steps.slice(-5)), still: performance.now() - before, drawn: scatter.drawnStep });
    }, 400);
    return;
  }
  const phase = (now - start) / 500;
  scatter.zoom(width / 2, height / 2, Math.cos(phase) > 0 ? 0.985 : 1 / 0.985);
  scatter.pan([width / 2, height / 2], [width / 2 + 4 * Math.sin(phase), height / 2]);
  scatter.draw();
  steps.push(scatter.drawnStep);
  frames++;
  requestAnimationFrame(next);
};
requestAnimationFrame(next);
"""
RENDERER = """
const gl = document.createElement("canvas").getContext("webgl2"), facts = gl?.getExtension("WEBGL_debug_renderer_info");
return gl ? gl.getParameter(facts ? facts.UNMASKED_RENDERER_WEBGL : gl.RENDERER) : "no WebGL";
"""


class Frames(NamedTuple):
    """What was measured while the plot moved."""

    per_second: float
    longest_in_milliseconds: float
    step: int  # at the end every how many-th particle was drawn
    still_in_milliseconds: float  # to draw all of them once the plot is still
    processor_in_milliseconds: float  # of all processes of the browser, for a frame


def measure_frames(browser: Any, under: str = "nothing") -> Frames:
    """Of the page that is open; the plot is panned and zoomed at every frame of the browser."""
    browser.set_script_timeout(120)
    before = processor_seconds(browser.service.process.pid)
    found = browser.execute_async_script(MOVING, SECONDS, under)
    used = processor_seconds(browser.service.process.pid) - before
    assert found["drawn"] == 1, "all particles are drawn when the plot is still"
    per_frame = 1000 * used / (found["rate"] * SECONDS)
    return Frames(found["rate"], found["longest"], found["step"], found["still"], per_frame)


def processor_seconds(process: int) -> float:
    """Processor time of a process and of those that it started, now running."""
    parents, seconds = {}, {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # it has ended
            continue
        parents[int(folder.name)] = int(fields[1])
        seconds[int(folder.name)] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    own = {process}
    while more := {child for child, parent in parents.items() if parent in own} - own:
        own |= more
    return sum(seconds.get(one, 0.0) for one in own)


def print_frames(browser: Any, address: str, wait_for: Any) -> None:
    """A line for each painter, with nothing and with the density under the points."""
    for painter in PAINTERS:
        browser.get(f"{address}&points={painter}")
        wait_for(browser, "return window.gemIsReady === true")
        name = browser.execute_script("return gem.plot.scatter.painter.constructor.name")
        n = browser.execute_script("return gem.run.nParticles")
        if painter == PAINTERS[0]:
            print(f"renderer of WebGL: {browser.execute_script(RENDERER)}")
        for under in ("nothing", "energy (kT)"):
            frames = measure_frames(browser, under)
            sample = "all" if frames.step == 1 else f"every {frames.step}th"
            print(
                f"{n:,} particles, {name}, under them {under}: {frames.per_second:.0f} frames a second "
                f"(goal {GOALS[painter]}; {sample} while moving, longest frame {frames.longest_in_milliseconds:.0f} ms, "
                f"processor time {frames.processor_in_milliseconds:.0f} ms a frame), "
                f"all when still in {frames.still_in_milliseconds:.0f} ms"
            )
