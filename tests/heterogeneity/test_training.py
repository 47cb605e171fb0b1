"""A training step stays on the device it was given. No GPU is needed: the meta device refuses tensors from elsewhere."""

import pytest
import torch
from small_trainer import BOX, N_ANCHORS, N_PARTICLES, make_parts, make_tilt_trainer, make_trainer

from gem_plugin.errors import RunError
from gem_plugin.heterogeneity import training
from gem_plugin.heterogeneity.encoder.anchor_scores import N_VIEW_FEATURES, EncoderInputs, read_encoder_inputs
from gem_plugin.heterogeneity.epoch_records import EpochSums
from gem_plugin.heterogeneity.outliers import AnyPose, evidence_of_any_pose
from gem_plugin.heterogeneity.pose_refinement import PosePrior, pose_terms
from gem_plugin.heterogeneity.prefetch import loaded_batches
from gem_plugin.processes.workers import Workers


@pytest.fixture
def cpu_trainer():
    return small_trainer()


@pytest.mark.parametrize("changes", [{}, {"loss": "absolute"}, {"width_change": True, "train_widths": True}])
@pytest.mark.parametrize("is_cached", [True, False])
def test_a_step_uses_no_tensor_of_another_device(changes, is_cached, monkeypatch):
    def plain_optimiser(model, learning_rate):  # the fused one of the real run refuses the meta device
        groups = [{"params": list(model.parameters()), "peak_rate": learning_rate}]
        return torch.optim.AdamW(groups, lr=learning_rate, foreach=False)

    monkeypatch.setattr(training, "make_optimiser", plain_optimiser)
    monkeypatch.setattr(torch.optim.AdamW, "step", lambda self: None)
    settings, model, observations = make_parts(**changes)
    meta = torch.device("meta")
    model.to(meta)
    observations.move_to_(meta)
    if is_cached:
        observations.keep_in_memory()
    features = torch.empty(N_PARTICLES, N_ANCHORS + N_VIEW_FEATURES, dtype=torch.float16, device=meta)
    trainer = make_trainer(settings, model, observations, features)
    rows = torch.arange(8)
    if trainer.poses is not None:  # as after a pass that moved them
        trainer.poses.prior = PosePrior(0.01, 0.1)
        trainer.poses._costs = torch.empty(N_PARTICLES, device=meta)
        mean = torch.empty(BOX, BOX // 2 + 1, dtype=torch.complex64, device=meta)
        some = observations.batch(torch.arange(4))
        assert evidence_of_any_pose(some, AnyPose(mean, mean.real)).device == meta
        trainer.mixture._any_pose = torch.empty(N_PARTICLES, device=meta)
        assert pose_terms(model.consensus(), some).curvatures.device == meta
    batch = trainer._load(rows)
    assert {value.device for value in (batch.encoder_inputs, *batch.images[:3])} == {meta}
    assert read_encoder_inputs(model.anchors, observations, rows).device == meta
    noise = torch.zeros(8, settings.latent_size, device=meta)
    generator = torch.Generator().manual_seed(0)
    result = trainer._step(batch, noise, trainer._numbers_of(1, 10), generator)
    assert result.device == meta
    assert all(value.grad.device == meta for value in model.parameters() if value.requires_grad)


def test_a_step_adds_its_losses_to_the_sums_by_name(cpu_trainer):
    noise = torch.zeros(8, cpu_trainer.model.latent_size)
    batch, numbers = cpu_trainer._load(torch.arange(8, 16)), cpu_trainer._numbers_of(1, 10)
    with torch.no_grad():
        distribution, cloud = cpu_trainer.joint_model(batch.encoder_inputs, noise)
        losses, divergences = cpu_trainer._image_loss(batch, cloud)[0], distribution.kl_divergence()
        weights = cpu_trainer.mixture.probabilities(losses + numbers.kl_weight * divergences, batch.any_pose)[
            :, 0
        ]
        expected = (weights * losses).mean(), (weights * divergences).mean()
    added = EpochSums.of_vector(cpu_trainer._step(batch, noise, numbers, torch.Generator().manual_seed(0)))
    assert float(added.good_steps) == 1
    assert float(added.image_loss) == pytest.approx(float(expected[0]), rel=1e-5)
    assert float(added.kl) == pytest.approx(float(expected[1]), rel=1e-5)
    assert added.extra_terms.isnan().all(), "all of them are off"


def test_a_step_with_a_broken_image_changes_nothing(cpu_trainer):
    cpu_trainer.observations._matched[3] = float("nan")
    generator, noise = torch.Generator().manual_seed(0), torch.zeros(8, cpu_trainer.model.latent_size)
    numbers = cpu_trainer._numbers_of(1, 10)
    cpu_trainer._step(cpu_trainer._load(torch.arange(8, 16)), noise, numbers, generator)
    weights = [value.detach().clone() for value in cpu_trainer.model.parameters()]
    moments = [
        {name: value.clone() for name, value in state.items()}
        for state in cpu_trainer.optimiser.state.values()
    ]
    result = cpu_trainer._step(cpu_trainer._load(torch.arange(8)), noise, numbers, generator)
    assert not result.any()
    assert all(torch.equal(a, b) for a, b in zip(weights, cpu_trainer.model.parameters(), strict=True))
    for before, after in zip(moments, cpu_trainer.optimiser.state.values(), strict=True):
        assert all(torch.equal(value, after[name]) for name, value in before.items())


def test_broken_steps_are_counted_and_too_many_stop_the_run(cpu_trainer):
    cpu_trainer.observations._matched[cpu_trainer.training_rows[0]] = float("nan")
    assert cpu_trainer.run_epoch().bad_steps == 1
    cpu_trainer.observations._matched[:] = float("nan")
    cpu_trainer.bad_steps = 4
    with pytest.raises(
        RunError, match=r"^8 training steps gave a loss that is not a number\. Lower --learning-rate"
    ):
        cpu_trainer.run_epoch()


@pytest.mark.parametrize("is_ahead", [True, False])
def test_batches_come_in_order_whether_or_not_they_are_loaded_ahead(is_ahead):
    batches = list(torch.arange(10).split(2))
    loaded = list(loaded_batches(batches, lambda rows: rows * 10, is_ahead))
    assert [rows.tolist() for rows, _ in loaded] == [rows.tolist() for rows in batches]
    assert all(torch.equal(content, 10 * rows) for rows, content in loaded)


def test_an_error_in_loading_ahead_reaches_the_caller():
    def load(rows):
        raise OSError("the stack is gone")

    with pytest.raises(OSError, match="the stack is gone"):
        list(loaded_batches([torch.arange(2)], load, is_ahead=True))


def one_by_one(take_step, tables, sums, order):
    """The steps from the tables that a CUDA graph reads, without the graph."""
    for number, _ in enumerate(order):
        sums.add_(take_step(*tables.of_step(torch.tensor([number]))))
        yield number + 1


def small_trainer():
    settings, model, observations = make_parts()
    observations.keep_in_memory()
    features = EncoderInputs.compute(model.anchors, observations).features
    return make_trainer(settings, model, observations, features)


TILT_COUNTS = {"fewer": (1, 7, 3), "exactly": (12, 12, 12), "more": (41, 12, 2, 20)}


@pytest.mark.parametrize("counts", [None, *TILT_COUNTS.values()], ids=["single", *TILT_COUNTS])
def test_recorded_steps_do_what_steps_do_one_by_one(counts, monkeypatch):
    monkeypatch.setattr(training, "replay_steps", one_by_one)
    models, histories, states = [], [], []
    for can_record in (False, True):
        trainer = small_trainer() if counts is None else make_tilt_trainer(counts)
        trainer.contrast_variance = 0.02
        monkeypatch.setattr(trainer, "_can_record", lambda batches, value=can_record: value)
        records = [trainer.run_epoch() for _ in range(2)]
        histories.append([value for record in records for value in (record.loss, record.validation_kl)])
        models.append(list(trainer.model.parameters()))
        states.append(trainer._choice_of_images.get_state())
    assert histories[0] == pytest.approx(histories[1], rel=1e-5, abs=1e-6)
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(*models, strict=True))
    assert torch.equal(*states), "the same images"


@pytest.mark.parametrize("counts", TILT_COUNTS.values(), ids=TILT_COUNTS)
def test_a_step_with_repeated_images_has_the_losses_and_gradients_of_the_step_without(counts):
    plain, filled_up = (make_tilt_trainer(counts) for _ in range(2))
    batches, generator = list(torch.arange(32).split(8)), torch.Generator().manual_seed(0)
    images = filled_up.observations.images_of_steps(batches, filled_up._choice_of_images)
    for number, (rows, of_step) in enumerate(zip(batches, images, strict=True), start=1):
        noise = torch.randn(8, plain.model.latent_size, generator=generator)
        added = [
            trainer._step(
                trainer._load(rows, choice), noise, trainer._numbers_of(number, len(batches)), generator
            )
            for trainer, choice in ((plain, plain._choice_of_images), (filled_up, of_step))
        ]
        torch.testing.assert_close(*added, rtol=1e-5, atol=1e-6, equal_nan=True)
        assert EpochSums.of_vector(added[0]).good_steps == 1
        for one, other in zip(plain.model.parameters(), filled_up.model.parameters(), strict=True):
            torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)
            if one.grad is not None:
                scale = float(one.grad.abs().max())
                torch.testing.assert_close(one.grad, other.grad, rtol=1e-4, atol=1e-5 * scale)


@pytest.mark.parametrize(
    ("changes", "can_record"),
    [({}, True), ({"loss": "absolute"}, False), ({"latent_neighbour_weight": 1.0}, False)],
)
def test_steps_are_recorded_where_all_that_they_read_is_on_the_device(changes, can_record):
    trainer = make_tilt_trainer(**changes)
    batches = list(torch.arange(32).split(8))
    assert not trainer._can_record(batches), "a CPU records nothing"
    trainer.observations.device = torch.device("cuda")  # as if it were there
    assert trainer._can_record(batches) == can_record
    assert not trainer._can_record(batches[:1])
    trainer.workers = Workers(0, 2)
    assert not trainer._can_record(batches)
    trainer.workers = Workers()
    trainer.observations._matched = None
    assert not trainer._can_record(batches)
