"""All decoders behind one interface, and what each promises."""

import pytest
import torch

from gem_plugin.gaussians.cloud import GaussianCloud, LengthUnit
from gem_plugin.gaussians.volume import render_volumes
from gem_plugin.heterogeneity.architecture import architecture_for, build_model
from gem_plugin.heterogeneity.decoders import per_gaussian_network
from gem_plugin.heterogeneity.decoders.rigid_parts import rotation_matrices_from_columns
from gem_plugin.heterogeneity.model import HeterogeneityModel
from gem_plugin.heterogeneity.settings import TrainSettings

N_GAUSSIANS, BOX = 200, 32
VARIANTS = {
    "motion": {},
    "motion with widths": {"width_change": True},
    "motion of positions only": {"learned_features": False},
    "mlp": {"decoder": "mlp"},
    "mlp with widths": {"decoder": "mlp", "width_change": True},
    "mlp of consensus values": {"decoder": "mlp", "learned_features": False},
    "parts": {"rigid_parts": 3},
    "parts before mlp": {"rigid_parts": 3, "decoder": "mlp"},
}


def make_cloud(n=N_GAUSSIANS):
    generator = torch.Generator().manual_seed(3)
    positions = 5 * torch.randn(n, 3, generator=generator)
    return GaussianCloud(
        positions, torch.rand(n, generator=generator) + 0.2, torch.full((n,), 0.8), LengthUnit.PIXEL
    )


def make_model(n=N_GAUSSIANS, is_mobile=None, **changes) -> HeterogeneityModel:
    settings = TrainSettings(latent_size=3, anchors=16, encoder_width=16, encoder_box=16, **changes)
    architecture = architecture_for(settings, n, BOX, 2.0)
    return build_model(architecture, make_cloud(n), torch.Generator().manual_seed(0), is_mobile)


def some_latents(n=4, size=3):
    return torch.randn(n, size, generator=torch.Generator().manual_seed(5))


@pytest.mark.parametrize("changes", VARIANTS.values(), ids=VARIANTS)
def test_every_decoder_gives_one_cloud_a_latent_and_begins_near_the_consensus(changes):
    model = make_model(**changes)
    cloud = model.gaussians_at(some_latents())
    assert cloud.positions.shape == (4, N_GAUSSIANS, 3)
    assert cloud.amplitudes.shape == (4, N_GAUSSIANS)
    moved = (cloud.positions / 2.0 - model.positions_in_pixels).norm(dim=-1)
    assert 0 < moved.mean() < 1  # pixels
    assert not torch.equal(cloud.positions[0], cloud.positions[1])


@pytest.mark.parametrize("changes", VARIANTS.values(), ids=VARIANTS)
def test_gradients_reach_every_weight_of_the_decoder(changes):
    model = make_model(**changes)
    cloud = model.cloud_in_pixels(some_latents())
    weights = torch.randn(cloud.positions.shape, generator=torch.Generator().manual_seed(1))
    loss = (cloud.positions * weights).sum() + (cloud.amplitudes * weights[..., 0]).sum()
    (loss + (cloud.widths * weights[0, :, 1]).sum()).backward()
    without = [name for name, value in model.decoder.named_parameters() if value.grad is None]
    silent = [name for name, value in model.decoder.named_parameters() if not value.grad.abs().sum() > 0]
    assert not without
    assert not silent


@pytest.mark.parametrize("changes", VARIANTS.values(), ids=VARIANTS)
def test_a_saved_decoder_comes_back(changes):
    model, other = make_model(**changes), make_model(**changes)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.05
    other.load_state_dict(model.state_dict())
    assert torch.equal(
        model.gaussians_at(some_latents()).amplitudes, other.gaussians_at(some_latents()).amplitudes
    )


@pytest.mark.parametrize("decoder", ["motion", "mlp"])
def test_features_are_trained_or_left_as_asked(decoder):
    def trained(learns):
        model = make_model(decoder=decoder, learned_features=learns)
        shapes = [tuple(value.shape) for value in model.decoder.parameters()]
        return any(shape[0] == N_GAUSSIANS for shape in shapes)

    assert trained(True)
    assert not trained(False)


@pytest.mark.parametrize("decoder", ["motion", "mlp"])
def test_width_change_is_applied_to_the_map(decoder):
    """GaussianEM computes it and drops it."""
    model = make_model(decoder=decoder, width_change=True)
    last = model.decoder.gaussian_encoder[-1] if decoder == "motion" else model.decoder.network.d_scaling[-1]
    with torch.no_grad():
        before = model.gaussians_at(some_latents())
        map_before = render_volumes(before, BOX, 2.0)
        if decoder == "motion":
            last.bias.view(model.decoder.n_basis, 5)[:, 4] += 5
        else:
            last.bias += 0.5
        after = model.gaussians_at(some_latents())
        map_after = render_volumes(after, BOX, 2.0)
    assert torch.equal(before.positions, after.positions)
    assert (after.widths / before.widths - 1).abs().mean() > 0.05
    assert (map_after - map_before).norm() > 0.02 * map_before.norm()


def test_a_width_at_most_doubles_or_halves():
    model = make_model(width_change=True)
    with torch.no_grad():
        model.decoder.gaussian_encoder[-1].weight *= 1e4
        widths = model.gaussians_at(some_latents()).widths
    ratio = widths / (2 * model.log_widths.exp())
    assert ratio.max() < 2.02
    assert ratio.min() > 0.495


def test_pieces_of_the_mlp_decoder_agree_with_the_whole_in_values_and_gradients(monkeypatch):
    results = []
    for most_rows in (10**9, 100):
        monkeypatch.setattr(per_gaussian_network, "MAXIMUM_ROWS", most_rows)
        model = make_model(decoder="mlp", width_change=True)
        cloud = model.cloud_in_pixels(some_latents())
        loss = (cloud.positions**2).sum() + cloud.amplitudes.sum()
        (loss + cloud.widths.sum()).backward()
        gradients = [value.grad.clone() for value in model.decoder.parameters()]
        results.append([cloud.positions.detach(), cloud.amplitudes.detach(), *gradients])
    for whole, pieces in zip(*results, strict=True):
        assert torch.allclose(whole, pieces, rtol=1e-4, atol=1e-5)


def test_the_gaussian_encoder_runs_once_for_a_whole_batch():
    model = make_model(decoder="mlp")
    calls = []
    model.decoder.network.gaussian_embedding.register_forward_hook(
        lambda module, inputs, output: calls.append(tuple(output.shape))
    )
    with torch.no_grad():
        model.gaussians_at(some_latents(16))
    assert calls == [(N_GAUSSIANS, 32)]


def test_the_mlp_decoder_holds_a_bounded_number_of_rows(monkeypatch):
    """Nothing of the size images x Gaussians x features is ever made."""
    monkeypatch.setattr(per_gaussian_network, "MAXIMUM_ROWS", 1000)
    model = make_model(n=2000, decoder="mlp")
    rows = []
    model.decoder.network.feature_decoder[-1].register_forward_hook(
        lambda module, inputs, output: rows.append(output.shape[0] * output.shape[1])
    )
    model.cloud_in_pixels(some_latents(16)).amplitudes.sum().backward()
    assert sum(rows) == 2 * 16 * 2000  # once forward, once more while gradients flow back
    assert max(rows) <= 1000


def test_a_gaussian_can_vanish_and_stay_among_the_others():
    """Compositional change: an amplitude can fall to a four hundredth, whatever its canonical value."""
    model = make_model()
    with torch.no_grad():
        model.decoder.gaussian_encoder[-1].bias.view(-1, 4)[:, 3] = (
            -1e3 * model.decoder.coefficients(torch.zeros(1, 3)).sign()
        )
        amplitudes = model.gaussians_at(torch.zeros(1, 3)).amplitudes
    assert (amplitudes < 0.003 * model.log_amplitudes.exp()).all()
    assert (amplitudes > 0).all()


def test_rigid_parts_share_each_gaussian_and_keep_distances_inside_a_part():
    model = make_model(rigid_parts=2)
    parts = model.decoder
    assert torch.allclose(parts.part_weights().sum(1), torch.ones(N_GAUSSIANS))
    is_right = model.positions_in_pixels[:, 0] > 0
    with torch.no_grad():
        hard = torch.stack([is_right, ~is_right], 1).float()
        parts.part_weights = lambda: hard
        parts.poses[-1].bias.normal_(generator=torch.Generator().manual_seed(0))
        moved = parts.positions_in_extents + parts.rigid_displacements(some_latents())
    before, after = distances(parts.positions_in_extents), distances(moved[0])
    is_same_part = is_right[:, None] == is_right
    assert torch.allclose(before[is_same_part], after[is_same_part], atol=1e-4)
    assert (before - after)[~is_same_part].abs().max() > 0.1


def distances(points):
    return (points[:, None] - points).norm(dim=-1)


def test_part_turns_are_rotations_and_zeros_do_not_turn():
    numbers = torch.randn(50, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    turns = rotation_matrices_from_columns(numbers)
    identity = torch.eye(3, dtype=torch.float64)
    assert torch.allclose(turns @ turns.transpose(1, 2), identity.expand(50, 3, 3), atol=1e-12)
    assert torch.allclose(torch.linalg.det(turns), torch.ones(50, dtype=torch.float64))
    assert torch.equal(rotation_matrices_from_columns(torch.zeros(6)), torch.eye(3))


def test_gaussians_outside_the_focus_keep_their_consensus_state_in_every_conformation_and_in_training():
    is_mobile = torch.arange(N_GAUSSIANS) % 2 == 0
    model = make_model(is_mobile=is_mobile, width_change=True, train_widths=True)
    consensus = make_cloud()
    optimiser = torch.optim.Adam(model.parameters(), lr=0.1)
    for _ in range(3):
        cloud = model.cloud_in_pixels(some_latents())
        loss = (cloud.positions**2).sum() + cloud.amplitudes.sum()
        optimiser.zero_grad()
        (loss + cloud.widths.sum()).backward()
        optimiser.step()
    with torch.no_grad():
        cloud = model.cloud_in_pixels(3 * some_latents())
    still = ~is_mobile
    for after, before in (
        (cloud.positions, consensus.positions),
        (cloud.amplitudes, consensus.amplitudes),
        (cloud.widths, consensus.widths),
    ):
        assert torch.allclose(after[:, still], before[still].expand_as(after[:, still]), rtol=1e-5)
        assert (after[:, is_mobile] - before[is_mobile]).abs().mean() > 0.01


@pytest.mark.parametrize("width_change", [False, True])
def test_mixing_the_last_layer_first_is_the_product_with_the_basis(width_change):
    decoder = make_model(width_change=width_change).decoder
    coefficients = torch.randn(5, decoder.n_basis, generator=torch.Generator().manual_seed(2))
    displacements, log_amplitudes, log_widths = decoder._changes(coefficients)
    expected = (coefficients @ decoder.basis()).view(5, N_GAUSSIANS, decoder.n_channels)
    found = [displacements.transpose(1, 2) / decoder.extent_in_pixels, log_amplitudes[..., None]]
    if width_change:
        found.append(log_widths[..., None])
    torch.testing.assert_close(torch.cat(found, 2), expected, rtol=1e-4, atol=1e-5)
