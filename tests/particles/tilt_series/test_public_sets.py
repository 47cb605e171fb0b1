"""Public tilt series, read where they lie: GEM_TILT_SERIES_DATA names a folder with checkouts of cryodrgn and tomodrgn.

They are under the GPL and not part of this project.
"""

import os
from pathlib import Path

import mrcfile
import numpy as np
import pytest
import torch
from tilt_projects import read

from gem_plugin.imaging.fourier import fourier_shell_correlation
from gem_plugin.io.mrc.maps import read_map
from gem_plugin.particles.tilt_series.images import TiltImageReader
from gem_plugin.particles.tilt_series.reconstruction import back_project

WARPTOOLS = "warptools_test_4-tomos_10-ptcls_box-32_angpix-12"


def _folder(program: str, below: str) -> Path:
    given = os.environ.get("GEM_TILT_SERIES_DATA", "")
    folder = Path(given) / program / below
    if not given or not folder.is_dir():
        pytest.skip(f"GEM_TILT_SERIES_DATA names no folder with a checkout of {program}")
    return folder


def test_warptools_export_of_tomodrgn() -> None:
    """Four tomograms, before the change of July 2026: 37 slices in every stack, of which some are hidden."""
    folder = _folder("tomodrgn", "testing/data")
    particles = read(folder / f"{WARPTOOLS}_optimisation_set.star")
    assert len(particles) == 40
    assert (particles.image_counts.min(), particles.image_counts.max()) == (34, 37)
    with TiltImageReader(particles) as reader:
        deviations = reader.read(np.arange(len(particles.images))).std(axis=(1, 2))
    assert deviations.min() > 0.1  # hidden slices have 1e-5
    by_weight = np.corrcoef(deviations, particles.images.scale_factor)[0, 1]
    assert by_weight > 0.5
    reconstruction = back_project(particles)
    halves = fourier_shell_correlation(reconstruction.volume(0), reconstruction.volume(1))
    reference = torch.from_numpy(
        mrcfile.read(folder / "warptools_test_box-32_angpix-12_reconstruct.mrc").copy()
    )
    assert halves[1] > 0.8
    both = reconstruction.volume(0) + reconstruction.volume(1)
    assert fourier_shell_correlation(both, reference)[1] > 0.8


@pytest.mark.parametrize(("name", "n_tilts"), [("D", 8), ("E", 10)])
def test_simulated_image_series_of_tomodrgn(name: str, n_tilts: int) -> None:
    """Another program's simulation: the map is dark there, and is the map that they give."""
    folder = _folder("tomodrgn", "testing/data")
    particles = read(folder / f"10076_class{name}_32_sim.star", pixel_size_in_angstroms=13.1)
    assert (particles.image_counts == n_tilts).all()
    volume = back_project(particles, np.zeros(len(particles), int), 1).volume(0)
    reference = torch.from_numpy(read_map(folder / f"10076_class{name}_32.mrc").volume)
    assert fourier_shell_correlation(-volume, reference)[1:6].min() > 0.8


def test_image_series_of_cryodrgn() -> None:
    folder = _folder("cryodrgn", "tests/data")
    particles = read(folder / "sta_testing_bin8.star")
    assert particles.image_counts.tolist() == [39, 39, 39, 39, 39, 24]
    with TiltImageReader(particles) as reader:
        images = reader.read(np.arange(len(particles.images)))
    assert 9 < images.std(axis=(1, 2)).mean() < 15
