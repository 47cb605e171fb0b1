"""Which Gaussians may change: those inside a focus mask."""

from torch import Tensor

from gem_plugin.errors import InputError

INSIDE = 0.5  # a mask value above this counts as inside


def gaussians_inside(
    mask: Tensor,  # (box, box, box), ordered zyx, 0 to 1
    positions_in_pixels: Tensor,  # (n, 3), ordered xyz, relative to voxel box // 2
) -> Tensor:  # (n,) bool
    """True where the voxel nearest to a Gaussian is inside the mask. Raises InputError when none is."""
    box = len(mask)
    voxels = (positions_in_pixels + box // 2).round().long()  # (n, 3) xyz
    is_in_box = ((voxels >= 0) & (voxels < box)).all(1)
    x, y, z = voxels.clamp(0, box - 1).unbind(1)
    is_inside = (mask[z, y, x] > INSIDE) & is_in_box
    if not is_inside.any():
        raise InputError(
            f"--focus-mask holds none of the {len(positions_in_pixels)} Gaussians (it has {int((mask > INSIDE).sum())} "
            f"voxels above {INSIDE}). Is it the mask of this map, with the same origin and box?"
        )
    return is_inside
