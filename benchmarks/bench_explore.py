"""The explorer in headless Chromium: first paint, click to surface, drawing, memory of the server.

Makes a run of the wanted size with an untrained model of the wanted box; `--run` takes a real run instead.
"""

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from bench_frames import NUMBERS, print_frames

from gem_plugin.gaussians.cloud import GaussianCloud, LengthUnit
from gem_plugin.heterogeneity.architecture import ModelArchitecture, build_model
from gem_plugin.io.array_files import write_array
from gem_plugin.io.run.files import RunFiles
from gem_plugin.particles import ParticleTable
from gem_plugin.particles.prepared import ParticleOrigin, save_prepared_table
from gem_plugin.results.model import save_training

CLICKS = 25
GOALS = {64: 150, 128: 500}  # milliseconds from click to surface, on two cores
BOX_WIDTH_IN_ANGSTROMS = 384.0
N_GAUSSIANS = {64: 2306, 128: 8192}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, help="a finished run; default: one made here")
    parser.add_argument("--keep", type=Path, help="make the run in this folder and leave it there")
    parser.add_argument("--particles", type=int, default=300_000)
    parser.add_argument("--box", type=int, default=64, choices=sorted(GOALS))
    parser.add_argument(
        "--frames", action="store_true", help="frames a second of the plot at 300,000 and 1,000,000 particles"
    )
    wanted = parser.parse_args()
    if shutil.which("chromium") is None or shutil.which("chromedriver") is None:
        print("skipped: Chromium or its driver is absent (Debian: apt-get install chromium chromium-driver)")
        return
    with tempfile.TemporaryDirectory() as folder:
        if wanted.frames:
            for n in [wanted.particles] if wanted.run else NUMBERS:
                root = wanted.run or make_run(Path(folder) / str(n), n, wanted.box).root
                serve(root, lambda address, _: measure_plot(address))
            return
        place = wanted.keep or Path(folder) / "run"
        serve(wanted.run or make_run(place, wanted.particles, wanted.box).root, measure)


def serve(root: Path, work: Callable[[str, int], None]) -> None:
    """Run the explorer; work(address, process of the server)."""
    command = [sys.executable, "-m", "gem_plugin", "explore", str(root), "--no-browser"]
    start = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        line = next(line for line in server.stdout if "http://" in line)
        print(f"server ready after {time.perf_counter() - start:.1f} s")
        try:
            work(line.split()[-1], server.pid)
        finally:
            server.terminate()


def measure_plot(address: str) -> None:
    browser = open_browser()
    try:
        print_frames(browser, address, wait_for)
    finally:
        browser.quit()


def measure(address: str, server_process: int) -> None:
    browser = open_browser()
    try:
        paints = []
        for _ in range(3):
            browser.get(address)
            wait_for(browser, "return window.gemIsReady === true")
            paints.append(browser.execute_script("return window.gemFirstPaint"))
        n, box = browser.execute_script("return [gem.run.nParticles, gem.molecule.model.boxSize]")
        print(f"{n:,} particles, box {box}")
        print(
            f"first paint: median {statistics.median(paints):.0f} ms of {[round(one) for one in paints]} (goal 2000)"
        )
        clicks = [click(browser, int(row)) for row in np.linspace(0, n - 1, CLICKS + 2)][2:]
        totals, answers, surfaces = (np.array(clicks).T[part] for part in range(3))
        print(
            f"click to surface: median {np.median(totals):.0f} ms, slowest {totals.max():.0f} (goal {GOALS[box]}); "
            f"of it the answer of the server {np.median(answers):.0f}, triangles {np.median(surfaces):.0f}"
        )
        triangles, size = browser.execute_script(
            "return [gem.molecule.view.countTriangles(), gem.molecule.model.windowSize]"
        )
        print(f"last surface: {triangles:,.0f} triangles of {size}^3 voxels")
        draw = browser.execute_script(
            "const t = performance.now(); for (let i = 0; i < 5; i++) { gem.plot.scatter.zoom(200, 200, 0.98); gem.plot.scatter.draw(); }"
            "return (performance.now() - t) / 5;"
        )
        drag = drag_along_a_path(browser, n)
        print(f"dragging along a path: {drag:.1f} molecules a second are drawn")
        painter = browser.execute_script("return gem.plot.scatter.painter.constructor.name")
        print(f"drawing all particles ({painter}): {draw:.0f} ms a frame")
        lasso = browser.execute_script(
            """const t = performance.now(), { x, y } = gem.plot.scatter.view, corner = (a, b) => [x[0] + a * (x[1] - x[0]), y[0] + b * (y[1] - y[0])];
            gem.selection.selectInside([corner(0.2, 0.2), corner(0.8, 0.3), corner(0.5, 0.9)], "new");
            return performance.now() - t;"""
        )
        print(f"lasso: {lasso:.0f} ms")
        if browser.execute_script("return Boolean(gem.states)"):
            print(
                f"states with another mask, first and again: {[round(regroup(browser, level)) for level in (0.2, 0.3)]} ms"
            )
        print(f"server memory: {memory_in_megabytes(server_process):.0f} MB (goal 1500)")
    finally:
        browser.quit()


def click(browser: Any, row: int) -> tuple[float, float, float]:
    """Milliseconds from the click until the new surface is on the canvas; for the server's answer; for the triangles."""
    return browser.execute_async_script(
        """const done = arguments[1], place = gem.plot.scatter.pixelOf(arguments[0]);
        const { molecule } = gem, start = performance.now();
        let shownAfter = 0;
        molecule.show = async function (...given) {
          delete molecule.show;
          await molecule.show(...given);
          const copy = new OffscreenCanvas(1, 1).getContext("2d");
          copy.drawImage(molecule.view.canvas, 0, 0);
          copy.getImageData(0, 0, 1, 1); // waits for the drawing
          shownAfter = performance.now() - start;
        };
        gem.click(...place).then(() => done([shownAfter, molecule.milliseconds.answer, molecule.milliseconds.surface]));""",
        row,
    )


def drag_along_a_path(browser: Any, n_particles: int) -> float:
    """Molecules drawn in a second while the slider is moved at every frame of the browser."""
    return browser.execute_async_script(
        """const [n, done] = arguments;
        gem.trajectory.waypoints = [0, n - 1];
        gem.trajectory.create().then(async () => {
          const { molecule, trajectory } = gem, show = molecule.show.bind(molecule), pixel = new OffscreenCanvas(1, 1).getContext("2d");
          let shown = 0;
          molecule.show = async (...given) => { await show(...given); pixel.drawImage(molecule.view.canvas, 0, 0); pixel.getImageData(0, 0, 1, 1); shown++; };
          const start = performance.now(), seconds = () => (performance.now() - start) / 1000;
          while (seconds() < 4) {
            trajectory.slider.value = seconds() / 4;
            trajectory.slider.oninput();
            await new Promise((resolve) => requestAnimationFrame(resolve));
          }
          const rate = shown / seconds();
          delete molecule.show;
          done(rate);
        });""",
        n_particles,
    )


def regroup(browser: Any, level: float) -> float:
    """Milliseconds from a new level of the mask to the new colours; the first waits until all sketch maps are decoded."""
    return browser.execute_async_script(
        """const done = arguments[1], { masks } = gem.states, start = performance.now();
        masks.kind.value = "made";
        masks.level.value = arguments[0];
        masks.changed().then(() => done(performance.now() - start));""",
        level,
    )


def make_run(root: Path, n_particles: int, box_size: int) -> RunFiles:
    """Latents, table and an untrained model; no images."""
    run = RunFiles(root)
    generator = np.random.default_rng(0)
    write_array(run.latents, generator.normal(size=(n_particles, 8)).astype(np.float32))
    pixel_size = BOX_WIDTH_IN_ANGSTROMS / box_size
    architecture = ModelArchitecture(
        N_GAUSSIANS[box_size], box_size, pixel_size, 8, "motion", 32, 32, True, False, False, 512, 3, 512, 32
    )
    seed = torch.Generator().manual_seed(0)
    places = torch.randn(N_GAUSSIANS[box_size], 3, generator=seed) * 45 / pixel_size
    cloud = GaussianCloud(places, torch.ones(len(places)), torch.full((len(places),), 0.7), LengthUnit.PIXEL)
    save_training(run, architecture, {"model": build_model(architecture, cloud, seed).state_dict()})
    _save_table(run, n_particles, box_size, pixel_size, generator)
    return run


def _save_table(
    run: RunFiles, n_particles: int, box_size: int, pixel_size: float, generator: np.random.Generator
) -> None:
    def constant(value: float) -> np.ndarray:
        return np.full(n_particles, value, np.float32)

    table = ParticleTable(
        image_names=np.array([f"{row + 1:06d}@stack.mrcs" for row in range(n_particles)], dtype=object),
        stack_names=np.array(["stack.mrcs"] * n_particles, dtype=object),
        slice_indices=np.arange(n_particles),
        rotation_matrices=np.linalg.qr(generator.normal(size=(n_particles, 3, 3)))[0].astype(np.float32),
        shifts_in_angstroms=generator.normal(size=(n_particles, 2)).astype(np.float32),
        defocus_u_in_angstroms=generator.uniform(8000, 25000, n_particles).astype(np.float32),
        defocus_v_in_angstroms=generator.uniform(8000, 25000, n_particles).astype(np.float32),
        defocus_angle_in_degrees=constant(0),
        phase_shift_in_degrees=constant(0),
        b_factor_in_square_angstroms=constant(0),
        scale_factor=constant(1),
        voltage_in_kilovolts=constant(300),
        spherical_aberration_in_millimetres=constant(2.7),
        amplitude_contrast=constant(0.1),
        contrast_sign=constant(1),
        half_sets=generator.integers(1, 3, n_particles).astype(np.int8),
        optics_groups=np.ones(n_particles, np.int64),
        pixel_size_in_angstroms=pixel_size,
        box_size=box_size,
    )
    origin = ParticleOrigin(Path("absent.star"), None, box_size, pixel_size)
    save_prepared_table(run.prepared_table, table, np.ones(box_size // 2 + 1), origin)


def open_browser() -> Any:
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    for flag in ("--headless=new", "--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"):
        options.add_argument(flag)
    options.add_argument("--window-size=1500,1000")
    return webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))


def wait_for(browser: Any, script: str, seconds: float = 120.0) -> None:
    end = time.monotonic() + seconds
    while not browser.execute_script(script):
        if time.monotonic() > end:
            raise TimeoutError(f"the page never came to: {script}")
        time.sleep(0.05)


def memory_in_megabytes(process: int) -> float:
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return float(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024


if __name__ == "__main__":
    main()
