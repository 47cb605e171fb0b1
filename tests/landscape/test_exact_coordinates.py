"""The closed form for Gaussians against rendering the map and multiplying."""

import dataclasses

import numpy as np
import pytest
import torch
from arm_model import arm_source, ring_latents

from gem_plugin.errors import InputError
from gem_plugin.gaussians.cloud import GaussianCloud
from gem_plugin.gaussians.volume import render_volumes
from gem_plugin.landscape.exact_coordinates import (
    FunctionalReader,
    component_functionals,
    exact_functionals,
)
from gem_plugin.landscape.volume_pca import collect_masked_voxels, fit_volume_pca, select_masked_voxels


def random_clouds(n_widths: int, seed: int = 0) -> GaussianCloud:
    """Two clouds, some Gaussians of which lie across the border of a box of 20 voxels of 2 Angstrom, or outside."""
    generator = torch.Generator().manual_seed(seed)
    positions = torch.randn(2, 50, 3, generator=generator) * 14
    widths = torch.full((50,), 2.5) if n_widths == 1 else 1.5 + 2 * torch.rand(50, generator=generator)
    return GaussianCloud(positions, torch.rand(2, 50, generator=generator), widths)


@pytest.mark.parametrize("n_widths", [1, 50])
@pytest.mark.parametrize("box_size", [20, 21])
def test_functionals_equal_rendering_and_multiplying(n_widths: int, box_size: int) -> None:
    clouds = random_clouds(n_widths)
    weight_maps = np.random.default_rng(0).normal(size=(5, box_size, box_size, box_size)).astype(np.float32)
    volumes = render_volumes(clouds, box_size, 2.0).numpy().astype(np.float64)
    expected = np.einsum("bzyx,fzyx->bf", volumes, weight_maps)
    values = FunctionalReader(weight_maps, 2.0)(clouds)
    np.testing.assert_allclose(values, expected, atol=1e-4 * np.abs(expected).max())


def test_a_constant_weight_measures_the_mass_inside_the_box() -> None:
    cloud = GaussianCloud(torch.zeros(1, 1, 3), torch.tensor([[7.0]]), torch.tensor([2.0]))
    assert FunctionalReader(np.ones((1, 16, 16, 16), np.float32), 2.0)(cloud)[0, 0] == pytest.approx(
        7, rel=0.01
    )


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("soft_mask", [False, True])
def test_coordinates_equal_those_of_decoded_masked_clipped_projected_maps(
    flip: bool, soft_mask: bool
) -> None:
    source = arm_source(ring_latents(40), flip=flip)
    volumes = list(source.decode(source.latents))
    mask = (np.max(volumes, axis=0) > 0.02).astype(np.float32)
    if soft_mask:
        mask *= np.random.default_rng(0).uniform(0.2, 1, mask.shape).astype(np.float32)
    matrix = torch.empty(40, int((mask > 0).sum()))
    collect_masked_voxels(map(torch.from_numpy, volumes), mask, matrix)
    pca = fit_volume_pca(matrix, np.ones(40), 6)
    weight_maps, constants = component_functionals(pca, mask)
    coordinates = exact_functionals(source, weight_maps) - constants
    decoded = np.stack([pca.project(select_masked_voxels(volume, mask)) for volume in volumes])
    np.testing.assert_allclose(coordinates, decoded, atol=1e-4 * decoded.std())
    np.testing.assert_allclose(coordinates, pca.scores, atol=1e-3 * decoded.std())


def test_negative_amplitudes_are_refused_because_clipping_is_then_not_linear() -> None:
    source = arm_source(ring_latents(5))

    def clouds_at(latents: np.ndarray) -> GaussianCloud:
        clouds = source.clouds_at(latents)
        return dataclasses.replace(clouds, amplitudes=-clouds.amplitudes)

    negative = dataclasses.replace(source, clouds_at=clouds_at)
    with pytest.raises(InputError, match=r"negative amplitude.*--coordinates decode"):
        exact_functionals(negative, np.ones((1, 24, 24, 24), np.float32))


def test_positions_that_are_no_numbers_do_not_reach_foreign_memory() -> None:
    cloud = GaussianCloud(
        torch.tensor([[[float("nan"), 0, 0], [1e30, 0, 0], [0, 0, 0]]]),
        torch.ones(1, 3),
        torch.full((3,), 2.0),
    )
    values = FunctionalReader(np.ones((2, 16, 16, 16), np.float32), 2.0)(cloud)
    np.testing.assert_allclose(values, 1, rtol=0.01)


@pytest.mark.parametrize("n_maps", [1, 4, 7])
def test_maps_that_are_zero_in_most_of_the_box_give_the_same_sums(n_maps: int) -> None:
    clouds = random_clouds(1, seed=3)
    weight_maps = np.random.default_rng(1).normal(size=(n_maps, 20, 20, 20)).astype(np.float32)
    weight_maps[:, :3] = weight_maps[:, :, 11:] = weight_maps[:, :, :, 16:] = 0
    expected = np.einsum("bzyx,fzyx->bf", render_volumes(clouds, 20, 2.0).double().numpy(), weight_maps)
    values = FunctionalReader(weight_maps, 2.0)(clouds)
    np.testing.assert_allclose(values, expected, atol=1e-5 * np.abs(expected).max())


def test_maps_of_nothing_but_zeros_have_sums_of_zero() -> None:
    values = FunctionalReader(np.zeros((3, 20, 20, 20), np.float32), 2.0)(random_clouds(1))
    np.testing.assert_array_equal(values, np.zeros((2, 3)))


def test_clouds_read_together_and_alone_give_the_same_sums() -> None:
    clouds = random_clouds(1, seed=5)
    weight_maps = np.random.default_rng(2).normal(size=(2, 20, 20, 20)).astype(np.float32)
    together = FunctionalReader(weight_maps, 2.0)(clouds)
    second = GaussianCloud(clouds.positions[1], clouds.amplitudes[1], clouds.widths)
    np.testing.assert_allclose(FunctionalReader(weight_maps, 2.0)(second)[0], together[1], rtol=1e-4)


def test_the_kernel_holds_no_compiled_function_that_would_keep_it_out_of_the_cache() -> None:
    from numba.core.dispatcher import Dispatcher

    from gem_plugin.gaussians.volume_numba import make_volume_kernels
    from gem_plugin.landscape.functionals_numba import make_functional_kernel

    for kernel in (make_functional_kernel(6, 4), *make_volume_kernels(6)):
        held = [cell.cell_contents for cell in kernel.py_func.__closure__ or ()]
        assert held
        assert not [value for value in held if isinstance(value, Dispatcher)]
