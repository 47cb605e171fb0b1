"""Particles that own several images: which are theirs, random choices of them, sums over them."""

import numpy as np
import pytest
import torch
from owned_images import COUNTS, owned_images
from small_trainer import make_tilt_trainer

from gem_plugin.heterogeneity.encoder.anchor_scores import (
    Anchors,
    EncoderInputs,
    features_of_view,
    read_encoder_inputs,
)
from gem_plugin.heterogeneity.image_owners import (
    ImagesOfParticles,
    clouds_of_images,
    owners_of_table,
    sums_of_particles,
)
from gem_plugin.heterogeneity.losses.particles import particle_losses
from gem_plugin.heterogeneity.observations import IMAGES_OF_A_STEP
from gem_plugin.heterogeneity.tilt_series_poses import TiltSeriesPoses

FIRST = np.concatenate([[0], np.cumsum(COUNTS)])


def test_images_of_particles_come_particle_by_particle():
    images, owners = ImagesOfParticles(FIRST).of(torch.tensor([2, 0, 1]))
    assert images.tolist() == [8, 9, 10, 0, 1, 2, 3, 4, 5, 6, 7]
    assert owners.particles.tolist() == [0, 0, 0, 1, 2, 2, 2, 2, 2, 2, 2]
    assert owners.scales is None


def test_a_choice_has_each_image_once_and_says_what_it_stands_for():
    owned, rows = ImagesOfParticles(FIRST), torch.tensor([3, 4, 1])
    images, owners = owned.some_of(rows, 5, torch.Generator().manual_seed(0))
    assert owners.particles.tolist() == [0] * 5 + [1] * 2 + [2] * 5
    assert owners.scales is not None
    torch.testing.assert_close(owners.scales, torch.tensor([20 / 5, 1.0, 7 / 5]))
    assert len(set(images.tolist())) == len(images)
    allowed, of = owned.of(rows)
    for particle in range(3):
        assert set(images[owners.particles == particle].tolist()) <= set(
            allowed[of.particles == particle].tolist()
        )


def test_every_image_is_chosen_equally_often():
    owned, generator = ImagesOfParticles(FIRST), torch.Generator().manual_seed(1)
    draws = [owned.some_of(torch.tensor([3]), 5, generator)[0] for _ in range(2000)]
    counts = torch.bincount(torch.cat(draws))[11:31]
    assert counts.sum() == 2000 * 5
    assert (counts - 500).abs().max() < 5 * (2000 * 0.25 * 0.75) ** 0.5


def test_few_images_are_all_taken():
    images, owners = ImagesOfParticles(FIRST).some_of(torch.tensor([0, 4]), 5, torch.Generator())
    assert images.tolist() == [0, 31, 32]
    assert owners.scales is None


def test_a_table_holds_what_is_chosen_and_repeats_the_first_image_of_each():
    owned, rows = ImagesOfParticles(FIRST), torch.tensor([3, 4, 1])
    images, owners = owned.some_of(rows, 5, torch.Generator().manual_seed(0))
    table = owned.some_as_table(rows, 5, torch.Generator().manual_seed(0))
    assert table[1].tolist() == [31, 32, 31, 31, 31]
    of_table = owners_of_table(owned.counts[rows], 5)
    assert of_table.weights is not None
    is_there = of_table.weights == 1
    assert torch.equal(table.flatten()[is_there], images)
    assert torch.equal(of_table.particles[is_there], owners.particles)
    assert torch.equal(of_table.scales, owners.scales)
    assert owned.some_as_table(rows, 50, torch.Generator()).shape == (3, 20), "no wider than any needs"


def test_repeated_images_add_nothing_to_sums():
    _, owners = ImagesOfParticles(FIRST).of(torch.arange(5))
    of_table = owners_of_table(torch.from_numpy(COUNTS), 20)
    values = torch.full((100, 2), 7.0)
    values[of_table.weights == 1] = torch.arange(66.0).view(33, 2)
    sums = sums_of_particles(values, of_table)
    assert torch.equal(sums, sums_of_particles(torch.arange(66.0).view(33, 2), owners))


def test_sums_and_clouds_go_by_owner_and_gradients_come_back():
    _, owners = ImagesOfParticles(FIRST).of(torch.arange(5))
    values = torch.arange(33.0)
    assert sums_of_particles(values, owners).tolist() == [0.0, 28.0, 27.0, 410.0, 63.0]
    assert sums_of_particles(values, None) is values
    cloud = owned_images().cloud
    positions = cloud.positions.clone().requires_grad_()
    spread = clouds_of_images(type(cloud)(positions, cloud.amplitudes, cloud.widths, cloud.unit), owners)
    assert torch.equal(spread.positions[10], cloud.positions[2])
    spread.positions.sum().backward()
    assert positions.grad is not None
    assert positions.grad[:, 0, 0].tolist() == COUNTS.tolist()


def _anchors() -> Anchors:
    generator = torch.Generator().manual_seed(5)
    return Anchors(3 * torch.randn(9, 3, generator=generator), torch.ones(9), 24, 12)


def test_anchor_scores_are_sums_over_the_images():
    made, anchors = owned_images(), _anchors()
    inputs = read_encoder_inputs(anchors, made.of_particles, torch.arange(5))
    single = read_encoder_inputs(anchors, made.of_images, torch.arange(33))
    assert inputs.shape == (5, 9 + features_of_view(made.of_particles))
    expected = torch.zeros(5, 9).index_add_(0, made.owner, single[:, :9])
    torch.testing.assert_close(inputs[:, :9], expected, rtol=1e-4, atol=1e-3)
    torch.testing.assert_close(inputs[:, -1], torch.from_numpy(np.log(COUNTS)).float())


def test_encoder_inputs_do_not_depend_on_the_order_of_the_images():
    order = np.concatenate([np.random.default_rng(0).permutation(n) + FIRST[i] for i, n in enumerate(COUNTS)])
    usual, other = (owned_images(order=one).of_particles for one in (None, order))
    inputs, again = (EncoderInputs.compute(_anchors(), one).features.float() for one in (usual, other))
    torch.testing.assert_close(inputs, again, rtol=2e-3, atol=2e-3)


def test_the_wedge_tells_a_particle_seen_from_one_side_from_one_seen_all_around():
    made = owned_images()
    one_sided = made.of_particles
    around = read_encoder_inputs(_anchors(), one_sided, torch.arange(5))[:, 9 + 3 : 9 + 6]  # x^2, y^2, z^2
    one_sided.rotation_matrices = one_sided.rotation_matrices.clone()
    one_sided.rotation_matrices[:] = torch.eye(3)
    from_z = read_encoder_inputs(_anchors(), one_sided, torch.arange(5))[:, 9 + 3 : 9 + 6]
    torch.testing.assert_close(from_z.sum(1), around.sum(1), rtol=1e-4, atol=1e-4)  # how much is seen
    assert from_z[:, :2].abs().max() == 0
    assert (around[3] / around[3].sum()).min() > 0.1


@pytest.mark.parametrize("rows", [torch.arange(5), torch.tensor([3])])
def test_a_batch_to_train_has_no_more_images_than_a_step_takes(rows):
    made = owned_images().of_particles
    batch = made.batch_to_train(rows, torch.Generator().manual_seed(0))
    assert batch.owners is not None
    assert int(torch.bincount(batch.owners.particles).max()) == IMAGES_OF_A_STEP
    assert made.batch(rows).images.shape[0] == int(COUNTS[rows.numpy()].sum())


@pytest.mark.parametrize("count", [3, 12, 41])
def test_images_of_steps_are_those_of_one_batch_after_another(count):
    made = owned_images(np.array([count, 2, 12, count, 1, 7])).of_particles
    batches = [torch.tensor(rows) for rows in ([0, 1, 2], [5, 4, 3], [3, 0, 1])]
    generator, again = (torch.Generator().manual_seed(3) for _ in range(2))
    images = made.images_of_steps(batches, generator)
    assert images.shape == (3, 3, IMAGES_OF_A_STEP)
    for rows, of_step in zip(batches, images, strict=True):
        one, other = made.batch_to_train(rows, again), made.batch_to_train(rows, of_step)
        assert torch.equal(other.images[other.owners.weights == 1], one.images)
        assert len(other.images) == 3 * IMAGES_OF_A_STEP, "whatever the rows are"
    assert torch.equal(generator.get_state(), again.get_state())


def test_images_are_on_the_device_only_where_they_are_kept_there():
    made = owned_images().of_particles
    assert not made.are_on_device
    made.keep_in_memory()
    assert not made.are_on_device, "a CPU records nothing"
    made.device = torch.device("cuda")
    assert made.are_on_device
    made._matched = None
    assert not made.are_on_device


def test_batches_and_losses_stay_on_their_device():
    """The meta device refuses tensors from elsewhere."""
    meta, made = torch.device("meta"), owned_images()
    made.of_particles.move_to_(meta)
    cloud = type(made.cloud)(
        made.cloud.positions.to(meta),
        made.cloud.amplitudes.to(meta),
        made.cloud.widths.to(meta),
        made.cloud.unit,
    )
    rows, generator = torch.arange(5), torch.Generator().manual_seed(0)
    images = made.of_particles.images_of_steps([rows], generator)[0]
    batches = [made.of_particles.batch(rows), made.of_particles.batch_to_train(rows, generator)]
    made.of_particles.keep_in_memory()
    batches.append(made.of_particles.batch_to_train(rows.to(meta), images.to(meta)))
    for batch in batches:
        assert {value.device for value in batch[:3]} == {meta}
        losses = particle_losses(cloud, batch, 0.1, True, True, "reference")
        assert {value.device for value in losses} == {meta}
        assert losses.errors.shape == (5,)
    anchors = _anchors().to(meta)
    assert read_encoder_inputs(anchors, made.of_particles, torch.arange(5)).device == meta


def test_a_trainer_learns_from_particles_of_several_images_and_repeats():
    losses = []
    for _ in range(2):
        trainer = make_tilt_trainer(batch_size=2, projector="reference")
        assert isinstance(trainer.poses, TiltSeriesPoses)
        losses.append([trainer.run_epoch().loss for _ in range(2)])
        assert trainer.embed(torch.arange(40)).means.shape == (40, trainer.settings.latent_size)
    assert losses[0] == losses[1]
    assert np.isfinite(losses).all()
