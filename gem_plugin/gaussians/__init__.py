"""The molecule as a cloud of 3D Gaussians: projection to images, rendering to maps."""

from gem_plugin.gaussians.cloud import GaussianCloud
from gem_plugin.gaussians.projection import project_gaussians
from gem_plugin.gaussians.volume import read_volume_at_gaussians, render_volumes

__all__ = ["GaussianCloud", "project_gaussians", "read_volume_at_gaussians", "render_volumes"]
