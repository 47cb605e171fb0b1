"""Pixel integrals of Gaussians and their slopes, as parts of Triton kernels. No launches here, no tensors.

Every value is a block with one entry a Gaussian, so that a thread of the device owns a Gaussian. A GPU has arithmetic to
spare: the integrals are exact differences of the error function, where the CPU's tables would only add loads.
What is out of reach, or is not a number, is refused before it becomes an index. Needs Triton 3.2 or newer (tuples).
"""

import triton
import triton.language as tl

from gem_plugin.gaussians import pixel_tables

SUPPORT_IN_WIDTHS = tl.constexpr(pixel_tables.SUPPORT_IN_WIDTHS)  # the CPU kernels cut at the same distance
MINIMUM_REACH_IN_PIXELS = tl.constexpr(2.0)
MAXIMUM_EDGE_IN_WIDTHS = tl.constexpr(
    30.0
)  # the error function has long been 1; keeps 0 * infinity out of the slopes
INVERSE_ROOT_OF_TWO = tl.constexpr(0.7071067811865476)
NORMAL_PEAK = tl.constexpr(0.3989422804014327)  # 1 / sqrt(2 pi)


@triton.jit
def reach_of(widths, box_size):
    """Whole pixels, as floats, that a Gaussian reaches to either side; never more than two boxes."""
    needed = tl.ceil(widths * SUPPORT_IN_WIDTHS + 0.5)
    return tl.minimum(tl.maximum(needed, MINIMUM_REACH_IN_PIXELS), 2.0 * box_size)


@triton.jit
def is_near_box(coordinates, widths, box_size):
    """Whether any pixel of the box is within reach. False for NaN, infinity and widths that are not positive."""
    reach = reach_of(widths, box_size)
    return (coordinates > -reach) & (coordinates < box_size + reach) & (widths > 0.0)


@triton.jit
def first_pixel_of(coordinates, reaches):
    """First of the 2 * reach pixels around a coordinate that is known to be near the box."""
    return tl.floor(coordinates).to(tl.int32) - reaches + 1


@triton.jit
def edge_in_widths(pixels, coordinates, widths):
    """Distance of the lower edge of a pixel from the centre of the Gaussian, in widths."""
    distances = (pixels.to(tl.float32) - 0.5 - coordinates) / widths
    return tl.minimum(tl.maximum(distances, -MAXIMUM_EDGE_IN_WIDTHS), MAXIMUM_EDGE_IN_WIDTHS)


@triton.jit
def fraction_below(edges):
    """Integral of the normal distribution from 0 to an edge, which may be negative."""
    return 0.5 * tl.erf(edges * INVERSE_ROOT_OF_TWO)


@triton.jit
def density_at(edges, widths):
    """Normal density at an edge, per pixel."""
    return tl.exp(-0.5 * edges * edges) * NORMAL_PEAK / widths


@triton.jit
def pixel_weight(pixels, coordinates, widths):
    """Integral of a unit Gaussian over one pixel of an axis."""
    lower = edge_in_widths(pixels, coordinates, widths)
    upper = edge_in_widths(pixels + 1, coordinates, widths)
    return fraction_below(upper) - fraction_below(lower)


@triton.jit
def pixel_slopes(pixels, coordinates, widths):
    """Derivatives of pixel_weight with respect to the coordinate and to the width, both per pixel."""
    lower = edge_in_widths(pixels, coordinates, widths)
    upper = edge_in_widths(pixels + 1, coordinates, widths)
    density_lower, density_upper = density_at(lower, widths), density_at(upper, widths)
    return density_lower - density_upper, lower * density_lower - upper * density_upper


@triton.jit
def tile_weights(first, coordinates, widths, TILE: tl.constexpr):
    """pixel_weight of the TILE pixels from `first` on, as a tuple; neighbours share an edge."""
    weights = ()
    below = fraction_below(edge_in_widths(first, coordinates, widths))
    for k in tl.static_range(TILE):
        above = fraction_below(edge_in_widths(first + k + 1, coordinates, widths))
        weights = weights + (above - below,)  # type: ignore[assignment]  # noqa: RUF005
        below = above
    return weights


@triton.jit
def tile_slopes(first, coordinates, widths, TILE: tl.constexpr):
    """pixel_slopes of the TILE pixels from `first` on, as two tuples."""
    slopes, width_slopes = (), ()
    lower = edge_in_widths(first, coordinates, widths)
    density_lower = density_at(lower, widths)
    for k in tl.static_range(TILE):
        upper = edge_in_widths(first + k + 1, coordinates, widths)
        density_upper = density_at(upper, widths)
        slopes = slopes + (density_lower - density_upper,)  # type: ignore[assignment]  # noqa: RUF005
        width_slopes = width_slopes + (lower * density_lower - upper * density_upper,)  # type: ignore[assignment]  # noqa: RUF005
        lower, density_lower = upper, density_upper
    return slopes, width_slopes


@triton.jit
def is_pixel(pixels, offset, reaches, box_size):
    """Whether a pixel, the offset-th of its footprint, belongs to the footprint and to the box."""
    return (offset < 2 * reaches) & (pixels >= 0) & (pixels < box_size)
