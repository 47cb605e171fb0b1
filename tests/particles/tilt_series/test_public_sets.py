"""Public tilt series, read where they lie: GEM_TILT_SERIES_DATA names a folder with checkouts of cryodrgn and tomodrgn.

They are under the GPL and not part of this project.
"""

import json
import os
from pathlib import Path

import mrcfile
import numpy as np
import pytest
import torch
from tilt_projects import read

import gem_plugin as gem
from gem_plugin.errors import InputError
from gem_plugin.imaging.fourier import fourier_shell_correlation
from gem_plugin.io.mrc.maps import read_map, write_map
from gem_plugin.io.run.files import RunFiles
from gem_plugin.particles.tilt_series.images import TiltImageReader
from gem_plugin.particles.tilt_series.reconstruction import back_project

PIXEL_SIZE_OF_CRYODRGN = (
    512 * 1.82 / 64
)  # Angstrom: box and pixel size of sta_ctf.pkl in the box of the images
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
    assert abs(images[:, 24:40, 24:40].mean()) > 3 * abs(images.mean())  # light on dark


def test_whole_run_on_the_image_series_of_cryodrgn(tmp_path: Path) -> None:
    """Six ribosomes, binned eightfold since: the file says 1.96 A, its CTF table for cryoDRGN 512 x 1.82 A in 64 pixels."""
    star = _folder("cryodrgn", "tests/data") / "sta_testing_bin8.star"
    particles = read(star, pixel_size_in_angstroms=PIXEL_SIZE_OF_CRYODRGN)
    volume = back_project(particles, np.zeros(len(particles), int), 1).volume(0)
    write_map(tmp_path / "map.mrc", volume.numpy(), PIXEL_SIZE_OF_CRYODRGN)
    with pytest.raises(
        InputError, match=r"1.96 A per pixel. Were they binned .* Then use --pixel-size 14.56"
    ):
        gem.fit(star, map=tmp_path / "map.mrc", out=tmp_path / "refused", show_progress=False)
    run = gem.fit(
        star,
        map=tmp_path / "map.mrc",
        out=tmp_path / "run",
        pixel_size=PIXEL_SIZE_OF_CRYODRGN,
        particle_diameter=350.0,
        epochs=5,
        skip_umap=True,
        show_progress=False,
    )
    assert run.latents.shape == (6, 4)
    numbers = RunFiles(tmp_path / "run")
    summary = json.loads(numbers.summary.read_text())
    assert {"prepare", "consensus", "train", "landscape", "report"} <= set(summary)
    assert (
        summary["consensus"]["match_in_own_poses"]
        > 1.2 + summary["consensus"]["match_in_poses_of_others"] / 2
    )
    assert numbers.report.is_file()


def test_the_other_contrast_of_the_image_series_of_cryodrgn_is_refused(tmp_path: Path) -> None:
    """A map of the right sign against inverted images."""
    star = _folder("cryodrgn", "tests/data") / "sta_testing_bin8.star"
    particles = read(star, pixel_size_in_angstroms=PIXEL_SIZE_OF_CRYODRGN)
    volume = back_project(particles, np.zeros(len(particles), int), 1).volume(0)
    write_map(tmp_path / "map.mrc", volume.numpy(), PIXEL_SIZE_OF_CRYODRGN)
    with pytest.raises(InputError, match=r"with the factor -.*invert-contrast"):
        gem.fit(
            star,
            map=tmp_path / "map.mrc",
            out=tmp_path / "run",
            pixel_size=PIXEL_SIZE_OF_CRYODRGN,
            invert_contrast=True,
            show_progress=False,
        )
