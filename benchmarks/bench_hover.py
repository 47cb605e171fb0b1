"""The molecule that follows the mouse in headless Chromium: molecules a second, with and without 10,000 atoms in it.

Makes a run with an untrained model of the requested box, as bench_explore does; the mouse moves as a hand moves it.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import gemmi
import numpy as np
from bench_explore import GOALS, make_run, open_browser, wait_for

SECONDS = 6.0
TICKS = os.sysconf("SC_CLK_TCK")
N_PARTICLES = 20_000
STEPS_A_SECOND = 60  # of the mouse
N_RESIDUES = 1_300
ATOM_NAMES = ("N", "CA", "C", "O", "CB", "CG", "CD", "CE")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--box", type=int, default=64, choices=sorted(GOALS))
    requested = parser.parse_args()
    if shutil.which("chromium") is None or shutil.which("chromedriver") is None:
        print("skipped: Chromium or its driver is absent (Debian: apt-get install chromium chromium-driver)")
        return
    with tempfile.TemporaryDirectory() as folder:
        root = make_run(Path(folder) / "run", N_PARTICLES, requested.box).root
        model = Path(folder) / "model.cif"
        write_model(model)
        command = [sys.executable, "-m", "gem_plugin", "explore", str(root), "--no-browser"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            line = next(line for line in server.stdout if "http://" in line)
            try:
                measure(line.split()[-1], model)
            finally:
                server.terminate()


def measure(address: str, model: Path) -> None:
    browser = open_browser()
    try:
        browser.get(address)
        wait_for(browser, "return window.gemIsReady === true && Boolean(gem.molecule?.subject)")
        box = browser.execute_script("return gem.molecule.model.boxSize")
        browser.execute_script("document.getElementById('follow-mouse').click()")
        follow(browser)  # compiles
        print(f"box {box}: {in_words(browser)} (goal 10 a second at box 64)")
        browser.find_element("id", "atoms-file").send_keys(str(model))
        start = time.perf_counter()
        wait_for(browser, "return !document.getElementById('atoms-shown').hidden && !gem.molecule.isBusy")
        n_atoms = browser.execute_script("return gem.molecule.view.atoms.first.length / 3")
        print(f"{n_atoms:,.0f} atoms: loaded in {time.perf_counter() - start:.1f} s")
        print(f"box {box}, with atoms: {in_words(browser)}")
        drawn = browser.execute_script(
            """const { atoms } = gem.molecule.view, { positions, displacement } = gem.molecule.subject.atoms;
            const start = performance.now();
            for (let round = 0; round < 5; round++) atoms.move(positions, displacement);
            return (performance.now() - start) / 5;"""
        )
        print(f"of it the atoms in the page {drawn:.0f} ms")
    finally:
        browser.quit()


def in_words(browser: Any) -> str:
    """Molecules a second, and the processor time of server and browser for each, which other programs change little."""
    before = processor_seconds()
    rate = follow(browser)
    used = (processor_seconds() - before) / max(1.0, rate * SECONDS)
    return f"{rate:.1f} molecules a second under the mouse, {1000 * used:.0f} ms of processor time each"


def processor_seconds() -> float:
    """Of all processes that this one started, and theirs."""
    times: dict[int, tuple[int, float]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = path.read_text().rpartition(")")[2].split()
        except OSError:  # it has ended meanwhile
            continue
        times[int(path.parent.name)] = int(words[1]), (int(words[11]) + int(words[12])) / TICKS
    own, total = {os.getpid()}, 0.0
    for process in sorted(times):  # children have larger numbers than their parents here
        parent, seconds = times[process]
        if parent in own:
            own.add(process)
            total += seconds
    return total


def follow(browser: Any) -> float:
    """Molecules on the canvas in a second, while the mouse goes round over the particles."""
    browser.execute_script(
        """const { molecule } = gem, show = molecule.show.bind(molecule);
        const pixel = new OffscreenCanvas(1, 1).getContext("2d");
        window.shown = 0;
        molecule.show = async (...given) => {
          await show(...given);
          pixel.drawImage(molecule.view.canvas, 0, 0);
          pixel.getImageData(0, 0, 1, 1); // waits for the drawing
          window.shown++;
        };"""
    )
    area = browser.execute_script(
        "const { left, top, width, height } = document.getElementById('overlay').getBoundingClientRect(); return [left, top, width, height]"
    )
    start = time.perf_counter()
    while (seconds := time.perf_counter() - start) < SECONDS:
        x = area[0] + area[2] * (0.5 + 0.12 * np.cos(2 * seconds))
        y = area[1] + area[3] * (0.5 + 0.12 * np.sin(2.6 * seconds))
        browser.execute_cdp_cmd(
            "Input.dispatchMouseEvent", {"type": "mouseMoved", "x": float(x), "y": float(y)}
        )
        time.sleep(1 / STEPS_A_SECOND)
    shown = browser.execute_script("const { shown } = window; delete gem.molecule.show; return shown")
    return shown / seconds


def write_model(path: Path) -> None:
    """A chain that wanders through the density of the run."""
    generator = np.random.default_rng(1)
    centres, directions = wandering_chain(generator)
    structure, model, chain = gemmi.Structure(), gemmi.Model(1), gemmi.Chain("A")
    for number, centre in enumerate(centres, start=1):
        residue = gemmi.Residue()
        residue.name, residue.seqid = "LYS", gemmi.SeqId(str(number))
        along = [-1.2 * directions[number - 1], 0 * centre, 1.3 * directions[number]]
        side = generator.normal(size=(len(ATOM_NAMES) - 3, 3))
        for name, offset in zip(ATOM_NAMES, [*along, *side], strict=True):
            atom = gemmi.Atom()
            atom.name, atom.element = name, gemmi.Element(name[0])
            atom.pos = gemmi.Position(*(centre + offset))
            residue.add_atom(atom)
        chain.add_residue(residue)
    model.add_chain(chain)
    structure.add_model(model)
    structure.setup_entities()
    structure.make_mmcif_document().write_file(str(path))


def wandering_chain(generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """CA atoms 3.8 Angstrom apart within the molecule, and the directions before the first and after each of them."""
    centre = np.full(3, 192.0)
    direction = np.array([1.0, 0.0, 0.0])
    points, directions = [centre], [direction]
    while len(points) < N_RESIDUES:
        direction = direction + generator.normal(size=3) * 0.5 - (points[-1] - centre) * 0.006
        direction = direction / np.linalg.norm(direction)
        directions.append(direction)
        points.append(points[-1] + 3.8 * direction)
    return np.array(points), np.array([*directions, direction])


if __name__ == "__main__":
    main()
