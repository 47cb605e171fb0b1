"""The adapter to GaussianEM's rasteriser, against a stand-in that follows its conventions (its source was read for them)."""

import math
from types import SimpleNamespace

import pytest
import torch
from random_clouds import random_cloud, random_rotations

from gem_plugin.errors import InputError
from gem_plugin.gaussians import projection_xray
from gem_plugin.gaussians.cloud import GaussianCloud, LengthUnit
from gem_plugin.gaussians.projection import project_gaussians


class StandInRasterizer:
    """Row vectors times matrices; samples at pixel centres; integrates along z; drops and stops as the original does."""

    def __init__(self, raster_settings):
        self.settings = raster_settings

    def __call__(self, means3D, means2D, opacities, scales, rotations):
        settings, size = self.settings, self.settings.image_height
        assert opacities.shape == (len(means3D), 1)
        assert scales.shape == (len(means3D), 3)
        assert torch.equal(rotations, torch.tensor([1.0, 0, 0, 0]).expand(len(means3D), 4))
        points = torch.cat([means3D, torch.ones(len(means3D), 1)], 1)
        assert ((points @ settings.viewmatrix)[:, 2] > 0.2).all()  # nearer ones are not drawn
        clip = points @ settings.projmatrix
        pixels = ((clip[:, :2] / clip[:, 3:] + 1) * size - 1) / 2
        widths = scales[:, 0] * size / 2
        grid = torch.arange(size)
        along_x = torch.exp(-((grid - pixels[:, :1]) ** 2) / (2 * widths[:, None] ** 2))
        along_y = torch.exp(-((grid - pixels[:, 1:]) ** 2) / (2 * widths[:, None] ** 2))
        peaks = opacities[:, 0] * math.sqrt(2 * math.pi) * scales[:, 2]
        shares = peaks[:, None, None] * along_y[:, :, None] * along_x[:, None, :]
        shares = torch.where(shares < 1e-5, 0.0, shares)
        assert (1 - shares).prod(0).min() > 1e-4, "the original would have stopped adding"
        return shares.sum(0)[None], torch.ones(len(means3D))


@pytest.fixture
def _stand_in(monkeypatch):
    package = SimpleNamespace(
        GaussianRasterizer=StandInRasterizer,
        GaussianRasterizationSettings=lambda **fields: SimpleNamespace(**fields),
    )
    monkeypatch.setattr(projection_xray, "_package_for", lambda values: package)


@pytest.mark.usefixtures("_stand_in")
@pytest.mark.parametrize("box_size", [24, 31])
def test_images_and_gradients_agree_with_the_reference(box_size):
    cloud, rotations = random_cloud(n_gaussians=40, spread=4.0), random_rotations(3)
    weights = torch.randn(3, box_size, box_size, generator=torch.Generator().manual_seed(1))
    results = []
    for projector in ("reference", "xray"):
        leaves = [cloud.positions, cloud.amplitudes + 0.5, cloud.widths]
        leaves = [leaf.clone().requires_grad_() for leaf in leaves]
        images = project_gaussians(
            GaussianCloud(*leaves, LengthUnit.PIXEL), rotations, box_size, projector=projector
        )
        (images * weights).sum().backward()
        results.append([images.detach(), *[leaf.grad for leaf in leaves]])
    for reference, xray, tolerance in zip(*results, [0.01, 0.02, 0.03, 0.03], strict=True):
        assert (reference - xray).norm() / reference.norm() < tolerance


@pytest.mark.usefixtures("_stand_in")
def test_a_point_lies_on_the_same_pixel_as_in_the_reference():
    cloud = GaussianCloud(torch.tensor([[4.0, -2.0, 1.0]]), torch.ones(1), torch.ones(1), LengthUnit.PIXEL)
    for box_size in (16, 17):
        image = project_gaussians(cloud, torch.eye(3)[None], box_size, projector="xray")[0]
        assert image[box_size // 2 - 2, box_size // 2 + 4] == image.max()


def test_without_the_package_the_error_says_what_to_do():
    cloud = random_cloud(batch=1)
    with pytest.raises(
        InputError, match="Compile it from GaussianEM's submodules with your CUDA, or use --projector auto"
    ):
        project_gaussians(cloud, random_rotations(1), 16, 2.0, "xray")
