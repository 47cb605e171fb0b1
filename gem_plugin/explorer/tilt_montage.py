"""The tilt images of a particle beside the projections that the model makes of them."""

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch
from scipy.ndimage import gaussian_filter

from gem_plugin.gaussians.cloud import GaussianCloud
from gem_plugin.gaussians.simulated_images import simulate_images
from gem_plugin.particles.prepared import PreparedTilts
from gem_plugin.particles.tilt_series.tilt_angles import tilt_angles_in_degrees

MAXIMUM_TILTS_SHOWN = 12


class ShownTilts(NamedTuple):
    """The k images of one particle that are shown, in the order of their tilt angles, or doses where there are none."""

    images: np.ndarray  # (k,) int64: indices of tilt images
    angles_in_degrees: np.ndarray | None  # (k,)
    doses: np.ndarray  # (k,) electrons per square Angstrom before the image
    n_of_particle: int

    def described(self) -> dict[str, Any]:
        """For the page."""
        angles = None if self.angles_in_degrees is None else self.angles_in_degrees.round(1).tolist()
        doses = [round(float(dose), 1) for dose in self.doses]
        return {"angles": angles, "doses": doses, "ofParticle": self.n_of_particle}


def tilts_shown(tilts: PreparedTilts, row: int) -> ShownTilts:
    """Those of a particle; of many, evenly taken from the first to the last. Images that cannot be used are left out."""
    particles = tilts.particles
    images = particles.images_of(np.array([row]))
    usable = images[np.isfinite(tilts.noise_levels[images])]
    images = usable if len(usable) else images
    doses, angles = particles.images.doses[images], tilt_angles_in_degrees(particles, images)
    order = np.argsort(doses if angles is None else angles, kind="stable")
    evenly = np.linspace(0, len(order) - 1, min(MAXIMUM_TILTS_SHOWN, len(order)))
    chosen = order[evenly.round().astype(np.int64)]
    return ShownTilts(images[chosen], None if angles is None else angles[chosen], doses[chosen], len(images))


def filtered_tilts(tilts: PreparedTilts, images: np.ndarray, low_pass_in_pixels: float) -> np.ndarray:
    """Low-pass filtered images. images: (k,) indices; gives (k, box, box) float32."""
    read = (np.asarray(tilts.images[image], np.float32) for image in images)
    return np.stack([gaussian_filter(image, low_pass_in_pixels) for image in read])


def projected_tilts(
    tilts: PreparedTilts,
    images: np.ndarray,  # (k,) indices
    cloud: GaussianCloud,  # of the particle: a batch of one
    box_size: int,
    pixel_size_in_angstroms: float,  # of the prepared images
) -> np.ndarray:  # (k, box, box) float32
    """What the model expects of the images: pose, shift and CTF of each, with its dose and weight."""
    chosen = tilts.particles.images.take(images)
    widths = cloud.widths[0] if cloud.widths.ndim > 1 else cloud.widths
    one = replace(cloud, positions=cloud.positions[0], amplitudes=cloud.amplitudes[0], widths=widths)
    projections = simulate_images(
        one,
        torch.from_numpy(chosen.rotation_matrices),
        torch.from_numpy(chosen.shifts_in_angstroms),
        chosen.ctf_parameters(),
        box_size,
        pixel_size_in_angstroms,
    )
    return projections.numpy()
