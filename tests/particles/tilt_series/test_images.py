"""Images out of many small stacks: 16-bit ones too, with few files open, in any order."""

import os
from pathlib import Path

import mrcfile
import numpy as np
import pytest
from tilt_projects import RELION, read, simulate_small

from gem_plugin.io.mrc.stacks import MAXIMUM_OPEN_FILES
from gem_plugin.particles.tilt_series.images import TiltImageReader


def test_any_order_gives_the_slices_of_each_image(tilt_project: Path) -> None:
    particles = read(tilt_project / RELION)
    images = np.array([100, 3, 57, 4, 3])
    with TiltImageReader(particles) as reader:
        found = reader.read(images)
        assert reader.read(images[:0]).shape == (0, 32, 32)
    table = particles.images
    for row, image in enumerate(images.tolist()):
        stack = mrcfile.read(particles.stack_paths[table.stack_names[image]])
        np.testing.assert_array_equal(found[row], stack[table.slice_indices[image]])


def test_16_bit_stacks_are_nearly_the_32_bit_ones(tmp_path: Path, tilt_project: Path) -> None:
    project = simulate_small(tmp_path / "half", float16=True, tilt_form="relion5")
    half, full = read(project / RELION), read(tilt_project / RELION)
    path = next(iter(half.stack_paths.values()))
    assert path.stat().st_size - 1024 == 2 * 32 * 32 * int(half.image_counts[0])
    rows = np.arange(len(full.images))
    with TiltImageReader(half) as one, TiltImageReader(full) as other:
        found, expected = one.read(rows), other.read(rows)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=2e-3, atol=1e-3 * np.abs(expected).max())


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="open files are counted in /proc")
def test_few_of_many_stacks_are_open_at_a_time(tmp_path: Path) -> None:
    n_particles = 2 * MAXIMUM_OPEN_FILES
    project = simulate_small(
        tmp_path / "many", n_particles=n_particles, tilt_form="relion5", tilt_to=6.0, fewest_tilts=2, box=32
    )
    before = len(os.listdir("/proc/self/fd"))
    particles = read(project / RELION)
    assert len(os.listdir("/proc/self/fd")) == before  # none is open after the headers were read
    with TiltImageReader(particles) as reader:
        reader.read(np.arange(len(particles.images)))
        assert len(os.listdir("/proc/self/fd")) - before <= MAXIMUM_OPEN_FILES
    assert len(os.listdir("/proc/self/fd")) == before
