"""Coordinates of three programs are one place in Angstrom."""

from pathlib import Path

import numpy as np
from tilt_projects import RELION, WARPTOOLS, changed_star, read


def test_relion_4_counts_pixels_of_the_tilt_images_from_the_corner(own_project: Path) -> None:
    before = read(own_project / RELION)
    with changed_star(own_project / "relion5" / "particles.star") as blocks:
        table = blocks["particles"]
        for axis, size in zip("XYZ", (4000, 4000, 1200)):
            table[f"rlnCoordinate{axis}"] = table.pop(f"rlnCenteredCoordinate{axis}Angst") / 2.0 + size // 2
    after = read(own_project / RELION)
    np.testing.assert_allclose(after.coordinates_in_angstroms, before.coordinates_in_angstroms, atol=1e-3)


def test_warptools_of_today_has_one_pixel_size_for_both(own_project: Path) -> None:
    """Since July 2026 the tilt-series pixel size is that of the particles, and the size of the tomogram is in those."""
    before = read(own_project / WARPTOOLS)
    with changed_star(own_project / "warptools" / "particles_tomograms.star") as blocks:
        table = blocks["global"]
        table["rlnTomoTiltSeriesPixelSize"] = 8.0
        for axis in "XYZ":
            table[f"rlnTomoSize{axis}"] = table[f"rlnTomoSize{axis}"] // 4
    after = read(own_project / WARPTOOLS)
    np.testing.assert_allclose(after.coordinates_in_angstroms, before.coordinates_in_angstroms, atol=1e-3)
    np.testing.assert_allclose(
        after.images.defocus_u_in_angstroms, before.images.defocus_u_in_angstroms, atol=0.01
    )
