"""A cloud knows its unit: whatever it is given in, projections, maps and sums come out the same."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from random_clouds import random_cloud, random_rotations

from gem_plugin.errors import InputError
from gem_plugin.gaussians.cloud import GaussianCloud, LengthUnit
from gem_plugin.gaussians.projection import project_gaussians
from gem_plugin.gaussians.simulated_images import simulate_images
from gem_plugin.gaussians.volume import read_volume_at_gaussians, render_volumes
from gem_plugin.imaging.ctf import CtfParameters
from gem_plugin.landscape.exact_coordinates import FunctionalReader

BOX = 20
pixel_sizes = st.floats(0.5, 8.0)
units = st.sampled_from(list(LengthUnit))


def cloud_in(unit: LengthUnit, pixel_size: float, batch: int = 2) -> GaussianCloud:
    """A cloud that lies inside the box, whatever the pixel size."""
    cloud = random_cloud(batch).in_pixels(2.0)
    return cloud if unit is LengthUnit.PIXEL else cloud.in_angstroms(pixel_size)


@given(pixel_sizes)
@settings(max_examples=20, deadline=None)
@pytest.mark.parametrize("projector", ["auto", "reference"])
def test_a_cloud_in_angstrom_projects_as_the_same_cloud_in_pixels(projector: str, pixel_size: float) -> None:
    cloud, rotations = cloud_in(LengthUnit.ANGSTROM, pixel_size), random_rotations(2)
    in_pixels = cloud.in_pixels(pixel_size)
    images = project_gaussians(cloud, rotations, BOX, pixel_size, projector)
    assert torch.equal(images, project_gaussians(in_pixels, rotations, BOX, projector=projector))
    assert torch.equal(images, project_gaussians(in_pixels, rotations, BOX, pixel_size, projector))
    assert torch.equal(render_volumes(cloud, BOX, pixel_size), render_volumes(in_pixels, BOX))


@given(pixel_sizes)
@settings(max_examples=10, deadline=None)
def test_gradients_of_both_units_differ_by_the_pixel_size(pixel_size: float) -> None:
    rotations, gradients = random_rotations(2), []
    for unit in LengthUnit:
        cloud = cloud_in(unit, pixel_size)
        leaves = [
            value.detach().requires_grad_() for value in (cloud.positions, cloud.amplitudes, cloud.widths)
        ]
        images = project_gaussians(GaussianCloud(*leaves, unit), rotations, BOX, pixel_size)
        gradients.append(torch.autograd.grad((images**2).sum(), leaves))
    in_angstroms, in_pixels = gradients
    scales = (pixel_size, 1, pixel_size)
    for one, other, scale in zip(in_angstroms, in_pixels, scales, strict=True):
        torch.testing.assert_close(one * scale, other, rtol=2e-3, atol=2e-3 * float(other.abs().max()))


@given(units, pixel_sizes)
@settings(max_examples=20, deadline=None)
def test_to_the_other_unit_and_back_is_nothing(unit: LengthUnit, pixel_size: float) -> None:
    cloud = cloud_in(unit, pixel_size)
    if unit is LengthUnit.PIXEL:
        there = cloud.in_angstroms(pixel_size)
        back = there.in_pixels(pixel_size)
    else:
        there = cloud.in_pixels(pixel_size)
        back = there.in_angstroms(pixel_size)
    assert there.unit is not unit
    assert back.unit is unit
    torch.testing.assert_close(back.positions, cloud.positions)
    torch.testing.assert_close(back.widths, cloud.widths)
    assert back.amplitudes is cloud.amplitudes


def test_a_cloud_in_the_unit_that_is_needed_is_not_copied() -> None:
    in_pixels, in_angstroms = (cloud_in(unit, 2.0) for unit in (LengthUnit.PIXEL, LengthUnit.ANGSTROM))
    assert in_pixels.in_pixels() is in_pixels
    assert in_pixels.in_pixels(3.0) is in_pixels
    assert in_angstroms.in_angstroms() is in_angstroms
    assert GaussianCloud(torch.zeros(1, 3), torch.ones(1), torch.ones(1)).unit is LengthUnit.ANGSTROM


@pytest.mark.parametrize("bad", [None, 0.0, -1.0, float("nan")])
def test_a_cloud_in_angstrom_needs_a_pixel_size(bad: float | None) -> None:
    cloud = cloud_in(LengthUnit.ANGSTROM, 2.0)
    message = "is in Angstrom and is needed in pixels; expected a positive pixel size"
    with pytest.raises(InputError, match=message):
        project_gaussians(cloud, random_rotations(2), BOX, bad)
    with pytest.raises(InputError, match=message):
        render_volumes(cloud, BOX, bad)
    with pytest.raises(InputError, match="is in pixels and is needed in Angstrom"):
        cloud.in_pixels(2.0).in_angstroms(bad)


def test_images_sums_and_readings_do_not_depend_on_the_unit() -> None:
    in_pixels, pixel_size = cloud_in(LengthUnit.PIXEL, 2.0), 2.0
    in_angstroms = in_pixels.in_angstroms(pixel_size)
    values = (12_000.0, 11_000.0, 30.0, 0.0, 0.0, 1.0, 300.0, 2.7, 0.1)
    ctf = CtfParameters(*(torch.full((2,), value) for value in values))
    view = (random_rotations(2), torch.zeros(2, 2), ctf, BOX, pixel_size)
    torch.testing.assert_close(simulate_images(in_pixels, *view), simulate_images(in_angstroms, *view))
    volume = torch.randn(BOX, BOX, BOX, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(
        read_volume_at_gaussians(volume, in_pixels),
        read_volume_at_gaussians(volume, in_angstroms, pixel_size),
    )
    reader = FunctionalReader(volume[None].numpy(), pixel_size)
    np.testing.assert_allclose(reader(in_pixels), reader(in_angstroms), rtol=1e-5)
