"""Resolution at every position of a map: shell correlation of the half-maps inside a small window around it.

The windowed correlation of Cardone, Heymann and Steven (2013, J. Struct. Biol. 184, 226): a soft ball is cut out of
both half-maps at points of a coarse grid, and the frequency where the two stop to agree is interpolated between them.
"""

import torch
from torch import Tensor
from torch.nn.functional import interpolate, max_pool3d, pad

from gem_plugin.errors import InputError
from gem_plugin.imaging.resolution import half_transform_radius
from gem_plugin.progress import Track, untracked

MINIMUM_WINDOW_IN_PIXELS = 12  # fewer shells say nothing
FULL_FRACTION_OF_RADIUS = (
    0.25  # of the window: from here to its rim the weight falls to zero, slowly, or shells would mix
)
WINDOWS_AT_A_TIME = 64
MASK_LEVEL = 0.5


def local_resolution(
    first: Tensor,  # (box, box, box), half-maps ordered zyx
    second: Tensor,
    mask: Tensor,  # (box, box, box), 0 to 1
    pixel_size_in_angstroms: float,
    window_in_pixels: int,  # even: diameter of the ball; the map cannot change faster than this
    threshold: float,
    step_in_pixels: int = 4,
    track: Track = untracked,
) -> Tensor:  # (box, box, box) in Angstrom; 0 outside the mask
    """Where the half-maps correlate below the threshold for the first time, as a wavelength."""
    if window_in_pixels % 2 or not MINIMUM_WINDOW_IN_PIXELS <= window_in_pixels <= first.shape[-1]:
        raise InputError(
            f"Expected an even window of {MINIMUM_WINDOW_IN_PIXELS} to {first.shape[-1]} pixels, got {window_in_pixels}."
        )
    inside = mask > MASK_LEVEL
    is_measured = _grid_points(inside, step_in_pixels)  # (gz, gy, gx) bool
    frequencies = torch.zeros(is_measured.shape, device=first.device)  # cycles per pixel
    corners = torch.nonzero(is_measured) * step_in_pixels
    halves = [pad(one.float(), (window_in_pixels // 2,) * 6) for one in (first, second)]
    if len(corners):
        parts = track(corners.split(WINDOWS_AT_A_TIME), "local resolution", unit="batch")
        found = [_frequencies_at(halves, some, window_in_pixels, threshold) for some in parts]
        frequencies[is_measured] = torch.cat(found)
    everywhere = _between_grid_points(frequencies, is_measured, first.shape[-1], step_in_pixels)
    resolution = pixel_size_in_angstroms / everywhere.clamp_min(1 / window_in_pixels)
    return torch.where(inside, resolution, 0.0)


def _grid_points(inside: Tensor, step: int) -> Tensor:  # (gz, gy, gx) bool
    """Every step-th voxel that lies in the mask or next to a voxel of it, so that no voxel of the mask is without."""
    reach = 2 * step + 1
    near = max_pool3d(inside.float()[None], reach, stride=1, padding=step)[0] > 0
    n_points = -(-(inside.shape[-1] - 1) // step) + 1  # the last one may lie beyond the box
    beyond = (n_points - 1) * step + 1 - inside.shape[-1]
    return pad(near, (0, beyond) * 3)[::step, ::step, ::step]


def _frequencies_at(
    halves: list[Tensor], corners: Tensor, window: int, threshold: float
) -> Tensor:  # (k,) in cycles per pixel
    """The crossing of the threshold in windows that begin at these corners of the padded half-maps."""
    weight = _soft_ball(window, corners.device)
    transforms = []
    for half in halves:
        boxes = [_cut(half, corner, window) for corner in corners.tolist()]
        transforms.append(torch.fft.rfftn(torch.stack(boxes) * weight, dim=(1, 2, 3)).flatten(1))
    first, second = transforms
    radius = half_transform_radius(window, corners.device).round().long().flatten()
    counted = torch.full(
        (window // 2 + 1,), 2.0, device=corners.device
    )  # the half that is not kept is its conjugate
    counted[0] = counted[-1] = 1.0
    factor = counted.expand(window, window, -1).flatten()

    def per_shell(values: Tensor) -> Tensor:  # (k, voxels) -> (k, window // 2)
        sums = torch.zeros(len(values), int(radius.max()) + 1, device=values.device)
        return sums.index_add_(1, radius, values * factor)[:, : window // 2]

    cross = per_shell((first * second.conj()).real)
    power = per_shell(first.abs() ** 2) * per_shell(second.abs() ** 2)
    return _first_crossings(cross / power.sqrt().clamp_min(1e-20), threshold) / window


def _cut(volume: Tensor, corner: list[int], window: int) -> Tensor:
    """A cube that begins at a corner; what lies beyond the end of the volume is zero."""
    z, y, x = corner
    cube = volume[z : z + window, y : y + window, x : x + window]
    return pad(cube, [value for side in reversed(cube.shape) for value in (0, window - side)])


def _first_crossings(curves: Tensor, threshold: float) -> Tensor:  # (k, shells) -> (k,) in shells
    """Where each curve first falls through the threshold, linear between shells; the last shell + 1 where it never does."""
    n_shells = curves.shape[1]
    below = curves < threshold
    below[:, 0] = False
    shell = torch.where(below.any(1), below.float().argmax(1), n_shells)
    rows = torch.arange(len(curves), device=curves.device)
    above_value = torch.where(shell == 1, 1.0, curves[rows, shell - 1])
    below_value = curves[rows, shell.clamp_max(n_shells - 1)]
    part = ((above_value - threshold) / (above_value - below_value).clamp_min(1e-9)).clamp(0, 1)
    return torch.where(shell == n_shells, float(n_shells), shell - 1 + part)


def _between_grid_points(
    values: Tensor, known: Tensor, box_size: int, step: int
) -> Tensor:  # (box, box, box)
    """Linear interpolation that leaves out the points without a value."""
    fine_size = (values.shape[0] - 1) * step + 1
    pair = torch.stack([values * known, known.float()])[None]
    fine = interpolate(pair, size=(fine_size,) * 3, mode="trilinear", align_corners=True)[0]
    fine = fine[:, :box_size, :box_size, :box_size]
    return fine[0] / fine[1].clamp_min(1e-6)


def _soft_ball(window: int, device: torch.device) -> Tensor:  # (window, window, window)
    axis = torch.arange(window, device=device) - window // 2
    radius = torch.sqrt(
        (axis[:, None, None] ** 2 + axis[None, :, None] ** 2 + axis[None, None, :] ** 2).float()
    )
    fraction = radius / (window / 2)
    fall = ((fraction - FULL_FRACTION_OF_RADIUS) / (1 - FULL_FRACTION_OF_RADIUS)).clamp(0, 1)
    return 0.5 + 0.5 * torch.cos(torch.pi * fall)
