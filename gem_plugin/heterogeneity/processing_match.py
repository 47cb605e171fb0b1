"""Do the images have the phases that their file says? Compared with the map times the CTF, and times its absolute value.

Raw images follow the CTF; phase-flipped and premultiplied ones its absolute value, and no file has to say so: extraction in
RELION writes no flag for flipped phases, CryoSPARC none at all. Only the sign differs between the two readings, so the grey
scale, the sharpening of the map and the contrast of an image cancel.
"""

import torch
from torch import Tensor

from gem_plugin.gaussians.cloud import GaussianCloud
from gem_plugin.gaussians.projection import project_gaussians
from gem_plugin.heterogeneity.observations import Observations
from gem_plugin.imaging.fourier import half_spectrum_weights
from gem_plugin.imaging.processed_images import RAW

PARTICLES = 500
MINIMUM_PARTICLES = 10  # whose mean says something
IMAGES_AT_A_TIME = 64


@torch.no_grad()
def phases_against_stated(
    cloud: GaussianCloud, observations: Observations, rows: Tensor, generator: torch.Generator
) -> dict[bool, float]:
    """For images stated as raw (True) and as processed (False): standard errors by which the other reading fits better.

    Kinds of which there are fewer than ten images are left out.
    """
    rows = rows[torch.randperm(len(rows), generator=generator)[:PARTICLES]].sort().values
    processing = observations.ctf.image_processing
    is_raw = torch.ones(len(rows), dtype=torch.bool) if processing is None else processing.cpu()[rows] == RAW
    found = {}
    for stated in (True, False):
        some = rows[is_raw == stated]
        if len(some) >= MINIMUM_PARTICLES:
            over = torch.cat(
                [_absolute_over_signed(cloud, observations, part) for part in some.split(IMAGES_AT_A_TIME)]
            )
            better = over if stated else -over
            deviation = better.std().clamp_min(1e-12)
            found[stated] = float(better.mean() / deviation * len(better) ** 0.5)
    return found


def _absolute_over_signed(
    cloud: GaussianCloud, observations: Observations, rows: Tensor
) -> Tensor:  # (rows,)
    """<F, |C| P> - <F, C P>, over the length of C P: 0 where no CTF changes its sign."""
    batch = observations.centred_batch(rows)
    images, rotations = batch.images, batch.rotation_matrices
    transfers = observations.ctf_half_spectra(rows)
    box_size = observations.box_size
    projections = project_gaussians(cloud, rotations, box_size, observations.pixel_size_in_angstroms)
    spectra, models = torch.fft.rfft2(images), torch.fft.rfft2(projections) * transfers
    weights = half_spectrum_weights(box_size, images.device)
    agreements = (models.conj() * spectra).real * weights
    lengths = (models.abs().square() * weights).sum(dim=(1, 2)).sqrt().clamp_min(1e-12)
    return ((transfers.sign() - 1) * agreements).sum(dim=(1, 2)).double() / lengths
