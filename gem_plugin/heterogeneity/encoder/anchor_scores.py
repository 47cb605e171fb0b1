"""What an image says about density at points of the molecule: the encoder's input.

A few hundred anchors stand for the consensus cloud. The residual image (matched image minus what the consensus
explains) is read at each anchor's projection: the derivative of the log-likelihood with respect to that anchor's
amplitude. These numbers live in the frame of the molecule, whatever the view, which spares the encoder learning
geometry: in our benchmarks a model that reads them trains several times faster than one that reads pixels.
"""

import torch
from torch import Tensor, nn

from gem_plugin.gaussians.cloud import GaussianCloud, LengthUnit
from gem_plugin.gaussians.projection import project_gaussians
from gem_plugin.heterogeneity.image_owners import sums_of_particles
from gem_plugin.heterogeneity.observations import MatchedBatch, Observations, row_chunks
from gem_plugin.heterogeneity.prefetch import send
from gem_plugin.processes.workers import Workers

ANCHOR_WIDTH_IN_PIXELS = 1.0  # of the small box: neighbouring anchors overlap
N_CTF_FEATURES = 8
N_VIEW_FEATURES = 9 + N_CTF_FEATURES
SAMPLE_FOR_SCALING = 2000
IMAGES_AT_A_TIME = 256
ALONE = Workers()


class Anchors(nn.Module):
    """Points in the molecule at which images are read, in pixels of the full box."""

    positions_in_pixels: Tensor
    amplitudes: Tensor

    def __init__(
        self, positions_in_pixels: Tensor, amplitudes: Tensor, box_size: int, small_box_size: int
    ) -> None:
        super().__init__()
        self.box_size = box_size
        self.small_box_size = small_box_size
        self.register_buffer("positions_in_pixels", positions_in_pixels)  # (n_anchors, 3)
        self.register_buffer("amplitudes", amplitudes)  # (n_anchors,)

    def __len__(self) -> int:
        return len(self.amplitudes)

    def scores(self, batch: MatchedBatch) -> Tensor:  # (images, n_anchors)
        """Read the residuals of Fourier-cropped matched images at the anchors."""
        small = self.small_box_size
        scale = small / self.box_size
        positions = self.positions_in_pixels * scale
        widths = torch.full_like(self.amplitudes, ANCHOR_WIDTH_IN_PIXELS)
        amplitudes = (self.amplitudes * scale**2).expand(len(batch.images), -1)  # cropping keeps the level
        with torch.enable_grad():
            amplitudes = amplitudes.detach().clone().requires_grad_()
            cloud = GaussianCloud(positions, amplitudes, widths, LengthUnit.PIXEL)
            projections = project_gaussians(cloud, batch.rotation_matrices, small)
            with torch.no_grad():
                spectra = torch.fft.rfft2(projections)
                explained = torch.fft.irfft2(spectra * batch.filters, s=(small, small))
            (scores,) = torch.autograd.grad((projections * (batch.images - explained)).sum(), amplitudes)
        return scores


def features_of_view(observations: Observations) -> int:
    """How many numbers describe the views of a particle."""
    return N_VIEW_FEATURES if observations.owned is None else N_VIEW_FEATURES + 1


def view_features(rotation_matrices: Tensor, filters: Tensor) -> Tensor:  # (images, N_VIEW_FEATURES)
    """What is known of an image besides its pixels: viewing direction, its products, and the CTF^2 over frequency."""
    direction = rotation_matrices[:, 2]  # (batch, 3): the axis along which density is summed
    x, y, z = direction.unbind(1)
    products = torch.stack([x * x, y * y, z * z, x * y, y * z, z * x], 1)
    along_frequency = nn.functional.adaptive_avg_pool1d(filters[:, 0, None, :], N_CTF_FEATURES)[:, 0]
    return torch.cat([direction, products, along_frequency], 1)


def features_of_views(batch: MatchedBatch) -> Tensor:  # (particles, features_of_view)
    """The features of the one image of each particle; where a particle owns several, sums over them and the log of their number.

    Directions and their products are weighted by the mean h of each image: the sums say how much of the molecule is seen from
    where, and so describe the missing wedge.
    """
    of_images = view_features(batch.rotation_matrices, batch.filters)
    if batch.owners is None:
        return of_images
    weights = batch.filters.mean((1, 2))
    of_images[:, :-N_CTF_FEATURES] *= weights[:, None]
    counts = sums_of_particles(torch.ones_like(weights), batch.owners)
    return torch.cat([sums_of_particles(of_images, batch.owners), counts.log()[:, None]], 1)


class EncoderInputs:
    """Encoder inputs of all particles: (n, n_anchors + features_of_view) in half precision, computed once.

    They lie on the device of the observations: 50 MB for 50,000 particles.
    """

    def __init__(self, features: Tensor) -> None:
        self.features = features

    @classmethod
    def compute(
        cls, anchors: Anchors, observations: Observations, progress_of=iter, workers: Workers = ALONE
    ) -> "EncoderInputs":
        """Of several processes each reads its part of the images; afterwards all have all inputs."""
        n_features = len(anchors) + features_of_view(observations)
        features = torch.empty(len(observations), n_features, dtype=torch.float16, device=observations.device)
        own = workers.own_part(len(observations), IMAGES_AT_A_TIME)
        for part in progress_of(list(row_chunks(own.stop - own.start, IMAGES_AT_A_TIME))):
            rows = own.start + part
            for some in rows.split(observations.rows_for(IMAGES_AT_A_TIME)):
                features[some[0] : some[-1] + 1] = read_encoder_inputs(anchors, observations, some).half()
        workers.fill_from_parts_(features, IMAGES_AT_A_TIME)
        return cls(features)

    def batch(self, rows: Tensor) -> Tensor:  # (batch, n_anchors + features_of_view)
        return self.features[send(rows, self.features.device)].float()


def read_encoder_inputs(anchors: Anchors, observations: Observations, rows: Tensor) -> Tensor:
    """Anchor scores and views of some particles: (particles, n_anchors + features_of_view)."""
    batch = observations.small_batch(rows, anchors.small_box_size)
    scores = sums_of_particles(anchors.scores(batch), batch.owners)
    return torch.cat([scores, features_of_views(batch)], 1)
