"""Rigid parts found from the features of the Gaussians: each part rotates and shifts as one, before any free change.

x_i(z) = sum_p w_ip [R_p(z) (x_i - c_p) + c_p + t_p(z)] + free displacement,   w_i = softmax(W f_i)
"""

import torch
from torch import Tensor, nn

from gem_plugin.heterogeneity.decoders.base import CloudChange, Decoder

POSE_WIDTH = 128
SMALL_START = 0.1  # scale of the last layer: parts begin near rest


class RigidPartsDecoder(Decoder):
    """Another decoder with rigid parts in front of it."""

    positions_in_extents: Tensor
    extent_in_pixels: Tensor

    def __init__(
        self,
        free_change: Decoder,
        positions_in_pixels: Tensor,  # (n, 3), canonical
        n_parts: int,
    ) -> None:
        super().__init__()
        self.n_gaussians, self.latent_size = free_change.n_gaussians, free_change.latent_size
        self.n_parts = n_parts
        self.free_change = free_change
        extent = positions_in_pixels.std()
        self.register_buffer("extent_in_pixels", extent)
        self.register_buffer("positions_in_extents", positions_in_pixels / extent)
        self.assignment = nn.Linear(free_change.gaussian_features().shape[1], n_parts)
        last = nn.Linear(POSE_WIDTH, 9 * n_parts)
        last.weight.data *= SMALL_START
        nn.init.zeros_(last.bias)
        self.poses = nn.Sequential(
            nn.Linear(self.latent_size, POSE_WIDTH), nn.SiLU(),
            nn.Linear(POSE_WIDTH, POSE_WIDTH), nn.SiLU(), last,
        )  # fmt: skip

    def gaussian_features(self) -> Tensor:
        return self.free_change.gaussian_features()

    def part_weights(self) -> Tensor:  # (n, n_parts), rows sum to 1
        return self.assignment(self.gaussian_features()).softmax(1)

    def forward(self, latents: Tensor) -> CloudChange:
        change = self.free_change(latents)
        rigid = self.rigid_displacements(latents) * self.extent_in_pixels
        return change._replace(displacements_in_pixels=change.displacements_in_pixels + rigid)

    def rigid_displacements(self, latents: Tensor) -> Tensor:  # (batch, n, 3), in extents
        """Blend the rotation and shift of the parts for every Gaussian, and apply the blend to its position."""
        weights = self.part_weights()
        numbers = self.poses(latents).view(len(latents), self.n_parts, 9)
        rotations = rotation_matrices_from_columns(numbers[..., :6]) - torch.eye(3, device=latents.device)
        centres = (weights.T @ self.positions_in_extents) / weights.sum(0)[:, None].clamp_min(1e-6)  # (p, 3)
        shifts = numbers[..., 6:] - (rotations @ centres[..., None])[..., 0]  # (batch, p, 3)
        motions = torch.cat([rotations.flatten(2), shifts], 2)  # (batch, p, 12)
        blended = weights @ motions  # (batch, n, 12)
        blended_rotations = blended[..., :9].view(len(latents), self.n_gaussians, 3, 3)
        return (blended_rotations @ self.positions_in_extents[..., None])[..., 0] + blended[..., 9:]


def rotation_matrices_from_columns(numbers: Tensor) -> Tensor:  # (..., 6) -> (..., 3, 3)
    """Two vectors made orthonormal (Zhou et al. 2019, continuous in six numbers); zeros give the identity."""
    first = nn.functional.normalize(numbers[..., :3] + numbers.new_tensor([1.0, 0.0, 0.0]), dim=-1)
    second = numbers[..., 3:] + numbers.new_tensor([0.0, 1.0, 0.0])
    second = nn.functional.normalize(second - (first * second).sum(-1, keepdim=True) * first, dim=-1)
    return torch.stack([first, second, torch.linalg.cross(first, second, dim=-1)], -1)
