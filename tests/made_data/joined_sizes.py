"""Two simulated sets of one molecule with different boxes and pixel sizes, and a star file of both, as JoinStar writes it."""

from pathlib import Path
from typing import NamedTuple

import pandas
import starfile

from gem_plugin.progress import Progress
from gem_plugin.steps.simulate.settings import SimulateSettings
from gem_plugin.steps.simulate.step import run_simulate


class Sizes(NamedTuple):
    box: int
    pixel_size: float


FIRST, SECOND = Sizes(32, 9.0), Sizes(38, 7.7)  # 288 and 292.6 Angstrom


def simulate_two_sizes(folder: Path, n_particles: int, snr: float = 0.3) -> tuple[Path, Path, Path]:
    """Star files of the first set, the second, and both; images of one dose on one area."""
    stars = []
    for name, sizes in (("a", FIRST), ("b", SECOND)):
        of_pixel = (sizes.pixel_size / FIRST.pixel_size) ** 2  # a larger pixel takes more electrons
        of_width = (
            FIRST.box * FIRST.pixel_size / (sizes.box * sizes.pixel_size)
        ) ** 2  # and a wider box more noise
        settings = SimulateSettings(
            out=folder / name,
            n_particles=n_particles,
            box=sizes.box,
            pixel_size=sizes.pixel_size,
            snr=snr * of_pixel * of_width,
            stack_folder=name,
            turn_from=30.0,
            turn_to=60.0,
        )
        run_simulate(settings, Progress())
        stars.append(folder / name / "particles.star")
    first, second = (starfile.read(star, always_dict=True) for star in stars)
    second["optics"]["rlnOpticsGroup"] = 2
    second["optics"]["rlnOpticsGroupName"] = "opticsGroup2"
    second["particles"]["rlnOpticsGroup"] = 2
    joined = {name: pandas.concat([first[name], second[name]]) for name in ("optics", "particles")}
    starfile.write(joined, folder / "joined.star")
    return stars[0], stars[1], folder / "joined.star"
