"""The kernels of narrow Gaussians beside the general ones, inside the image, at its edges, outside, and where a position is no number."""

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from gem_plugin.gaussians.cloud import GaussianCloud, LengthUnit
from gem_plugin.gaussians.pixel_tables import table_of_one_width
from gem_plugin.gaussians.projection import project_gaussians, table_scale
from gem_plugin.gaussians.projection_numba import make_kernels
from gem_plugin.gaussians.projection_numba_narrow import FOOTPRINT, narrow_kernels

N_IMAGES, N_GAUSSIANS = 3, 400


def cloud_arrays(box: int) -> tuple[np.ndarray, ...]:
    generator = np.random.default_rng(box)
    positions = generator.uniform(-0.7 * box, 0.7 * box, (N_IMAGES, N_GAUSSIANS, 3)).astype(np.float32)
    positions[0, 0] = np.nan
    positions[0, 1] = 1e30
    amplitudes = generator.uniform(0.5, 1.5, (N_IMAGES, N_GAUSSIANS)).astype(np.float32)
    rotations = Rotation.random(N_IMAGES, random_state=0).as_matrix().astype(np.float32)
    return positions, amplitudes, np.full((1, N_GAUSSIANS), 0.5, np.float32), rotations


@pytest.mark.parametrize("box", [4, 5, 31, 64])
@pytest.mark.parametrize("width", [0.3, 0.5])
def test_narrow_kernels_are_the_general_ones(box: int, width: float):
    table, cloud = table_of_one_width(width), cloud_arrays(box)
    assert table.weights.shape[-1] == FOOTPRINT
    scale = table_scale(table)
    gradients = np.random.default_rng(1).standard_normal((N_IMAGES, box, box)).astype(np.float32)
    results = []
    for kernels in (narrow_kernels(), make_kernels(FOOTPRINT, False)):
        images = np.zeros((N_IMAGES, box, box), np.float32)
        planes = np.ascontiguousarray(cloud[0].transpose(0, 2, 1))
        given = (planes, *cloud[1:]) if kernels.takes_planes else cloud
        by_position, by_amplitude = np.empty_like(given[0]), np.empty_like(cloud[1])
        kernels.splat(*given, table.weights, *scale, images)
        kernels.gather(*given, table.weights, table.derivatives, *scale, gradients, by_position, by_amplitude)
        by_position = by_position.transpose(0, 2, 1) if kernels.takes_planes else by_position
        results.append((images, by_position, by_amplitude))
    for narrow, general in zip(*results, strict=True):
        assert np.isfinite(narrow).all()
        np.testing.assert_allclose(narrow, general, rtol=1e-4, atol=2e-5)
    assert results[0][0].any()


def test_the_default_width_takes_them(monkeypatch: pytest.MonkeyPatch):
    """Also where the width is the logarithm's, as a model keeps it."""
    from gem_plugin.gaussians import projection_numba_narrow

    used = []
    kernels = narrow_kernels()
    monkeypatch.setattr(projection_numba_narrow, "narrow_kernels", lambda: used.append(1) or kernels)
    widths = torch.full((5,), 0.5).log().exp()
    cloud = GaussianCloud(torch.zeros(5, 3), torch.ones(5), widths, LengthUnit.PIXEL)
    images = project_gaussians(cloud, torch.eye(3)[None], 16)
    assert used
    assert float(images.sum()) == pytest.approx(5, rel=1e-2)
