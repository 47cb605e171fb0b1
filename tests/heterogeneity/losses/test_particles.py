"""The loss of particles of several images: one contrast for all, sums over images, choices that stand for all."""

import torch
from owned_images import COUNTS, owned_images

from gem_plugin.heterogeneity.image_owners import ImagesOfParticles, clouds_of_images
from gem_plugin.heterogeneity.losses.contrast import contrast_scores, first_contrast_variance
from gem_plugin.heterogeneity.losses.image import ImageAgreement, error_of_agreement, squared_error
from gem_plugin.heterogeneity.losses.particles import model_images, particle_agreement, particle_losses

ALL = torch.arange(len(COUNTS))


def test_without_contrast_the_error_is_the_sum_of_those_of_the_images():
    made = owned_images()
    batch = made.of_particles.batch(ALL)
    found = particle_losses(made.cloud, batch, 0.0, True, True, "reference").errors
    single = made.of_images.batch(torch.arange(33))
    projections = model_images(
        clouds_of_images(made.cloud, batch.owners), single._replace(owners=None), "reference"
    )
    of_images = squared_error(projections, single.images, single.filters)
    expected = torch.zeros(5).index_add_(0, made.owner, of_images)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-3)


def test_one_contrast_is_integrated_over_all_images_of_a_particle():
    """The images of a particle side by side are one large image, whose error is that of the sums."""
    made, variance = owned_images(), 0.2
    batch = made.of_particles.batch(ALL)
    projections = model_images(made.cloud, batch, "reference")
    filtered = torch.fft.irfft2(torch.fft.rfft2(projections) * batch.filters, s=projections.shape[-2:])
    powers = [
        (projections * filtered)[made.owner == particle].flatten().double().sum() for particle in range(5)
    ]
    agreements = [
        (projections * batch.images)[made.owner == particle].flatten().double().sum() for particle in range(5)
    ]
    agreement = ImageAgreement(torch.stack(powers), torch.stack(agreements))
    found = particle_losses(made.cloud, batch, variance, True, True, "reference")
    expected = error_of_agreement(agreement, variance)
    torch.testing.assert_close(found.errors.double(), expected, rtol=1e-4, atol=1e-3)
    torch.testing.assert_close(
        found.contrast_scores, contrast_scores(agreement, variance), rtol=1e-3, atol=1e-3
    )


def test_a_choice_of_images_stands_for_all_on_average():
    made, generator = owned_images(), torch.Generator().manual_seed(0)
    rows = torch.tensor([3])
    cloud = type(made.cloud)(
        made.cloud.positions[3:4], made.cloud.amplitudes[3:4], made.cloud.widths, made.cloud.unit
    )
    whole = particle_losses(cloud, made.of_particles.batch(rows), 0.0, True, True).errors
    drawn = torch.cat(
        [
            particle_losses(cloud, made.of_particles.batch_to_train(rows, generator), 0.0, True, True).errors
            for _ in range(300)
        ]
    )
    assert drawn.std() > 0
    assert (drawn.mean() - whole).abs() < 4 * drawn.std() / 300**0.5


def test_gradients_of_one_image_each_are_those_without_owners():
    made = owned_images(COUNTS[:1].repeat(5))
    gradients = []
    for observations in (made.of_particles, made.of_images):
        positions = made.cloud.positions.clone().requires_grad_()
        cloud = type(made.cloud)(positions, made.cloud.amplitudes, made.cloud.widths, made.cloud.unit)
        particle_losses(cloud, observations.batch(ALL), 0.1, True, True).errors.sum().backward()
        gradients.append(positions.grad)
    torch.testing.assert_close(gradients[0], gradients[1])


def test_images_that_weigh_nothing_change_nothing():
    made = owned_images()
    batch = made.of_particles.batch(ALL)
    errors = particle_losses(made.cloud, batch, 0.1, True, True).errors
    levels = made.of_particles._inverse_levels
    assert levels is not None
    levels[20:31] = 0
    fewer = owned_images(COUNTS)  # the same without them
    fewer.of_particles.owned = ImagesOfParticles(torch.tensor([0, 1, 8, 11, 20, 20]).numpy())
    without = made.of_particles.batch(torch.arange(4))
    cloud = type(made.cloud)(
        made.cloud.positions[:4], made.cloud.amplitudes[:4], made.cloud.widths, made.cloud.unit
    )
    found = particle_losses(cloud, without, 0.1, True, True).errors
    expected = particle_losses(cloud, fewer.of_particles.batch(torch.arange(4)), 0.1, True, True).errors
    torch.testing.assert_close(found, expected)
    assert not torch.isclose(found[3], errors[3])


def test_the_variance_of_contrasts_is_that_of_particles():
    """Images that are their projections times one factor a particle: their variance is found, not that of single images."""
    counts = COUNTS[:1].repeat(400) * 4
    made = owned_images(counts)
    generator = torch.Generator().manual_seed(3)
    one = type(made.cloud)(
        made.cloud.positions[0], made.cloud.amplitudes[0] * 0.3, made.cloud.widths, made.cloud.unit
    )
    factors = 1 + 0.3 * torch.randn(400, generator=generator)
    observations = made.of_particles
    spectra = observations.ctf_half_spectra(torch.arange(400))
    batch = observations.batch(torch.arange(400))
    projections = torch.fft.rfft2(model_images(one, batch)) * spectra
    observations.shifts_in_pixels.zero_()
    noise = torch.fft.rfft2(torch.from_numpy(observations.raw_images))
    inverse = observations._inverse_noise_of(torch.arange(1600), 24)
    noisy = projections * factors.repeat_interleave(4)[:, None, None] + noise / inverse.sqrt()
    observations.raw_images = torch.fft.irfft2(noisy, s=(24, 24)).numpy()
    found = first_contrast_variance(one, observations, torch.arange(400))
    powers = particle_agreement(model_images(one, batch), batch).powers
    error = (0.09 + 1 / float(powers.mean())) * (2 / 400) ** 0.5
    assert abs(found - 0.09) < 4 * error
