"""Steps from a CUDA graph. Only a GPU can record one; what the steps read is tested in test_training.py without one."""

import pytest
import torch
from small_trainer import N_PARTICLES, make_parts, make_tilt_trainer, make_trainer

from gem_plugin.heterogeneity.encoder.anchor_scores import EncoderInputs
from gem_plugin.heterogeneity.step_graph import StepTables, replay_steps
from gem_plugin.notices import listening


def test_tables_give_the_row_of_a_step():
    tables = StepTables(torch.arange(6).view(3, 2), torch.rand(3, 2, 4), torch.rand(3, 3))
    rows, noise, numbers = tables.of_step(torch.tensor([1]))
    assert rows.tolist() == [2, 3]
    assert torch.equal(noise, tables.noise[1])
    assert torch.equal(numbers, tables.numbers[1])
    images = torch.arange(12).view(3, 2, 2)
    assert tables._replace(images=images).of_step(torch.tensor([2]))[3].tolist() == [[8, 9], [10, 11]]


def needs_a_gpu():
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device here")


def single_particles():
    settings, model, observations = make_parts(batch_size=4, precision="float32")
    device = torch.device("cuda")
    model.to(device)
    observations.move_to_(device)
    observations.keep_in_memory()
    features = EncoderInputs.compute(model.anchors, observations).features
    return make_trainer(settings, model, observations, features)


def tilt_series():
    """Particles with fewer images than a step takes, as many, and more."""
    return make_tilt_trainer((41, 7, 12, 1, 20), "cuda", batch_size=4, precision="float32")


def trained(make, records_steps, n_epochs=4):
    trainer = make()
    trainer.records_steps = records_steps
    with listening(lambda notice: None) as notices:
        records = [trainer.run_epoch() for _ in range(n_epochs)]
    assert not notices
    return trainer, records


@pytest.mark.parametrize("make", [single_particles, tilt_series])
def test_a_graph_trains_as_the_steps_do_one_by_one(make):
    needs_a_gpu()
    (one, of_steps), (other, of_graph) = trained(make, False), trained(make, True)
    assert other._can_record(list(torch.arange(N_PARTICLES).split(4)))
    for first, second in zip(of_steps, of_graph, strict=True):
        assert second.loss == pytest.approx(first.loss, rel=1e-3)
        assert second.learning_rate == first.learning_rate
    weights = [
        torch.cat([value.flatten() for value in trainer.model.parameters()]) for trainer in (one, other)
    ]
    assert (weights[0] - weights[1]).norm() < 1e-2 * weights[0].norm()


def test_every_step_is_taken_once():
    needs_a_gpu()
    device = torch.device("cuda")
    rows = torch.arange(40, device=device).view(10, 4)
    numbers = torch.rand(10, 2, device=device)
    tables = StepTables(rows, torch.rand(10, 4, 1, device=device), numbers)
    sums = torch.zeros(2, device=device)
    seen = list(replay_steps(lambda rows, noise, numbers: numbers * rows.sum(), tables, sums, range(10)))
    assert seen == list(range(1, 11))
    assert torch.allclose(sums, (numbers * rows.sum(1)[:, None]).sum(0))


def test_steps_that_cannot_be_recorded_are_taken_one_by_one():
    needs_a_gpu()
    device = torch.device("cuda")
    tables = StepTables(
        torch.ones(10, 1, dtype=torch.int64, device=device),
        torch.ones(10, 1, 1, device=device),
        torch.ones(10, 1, device=device),
    )
    sums = torch.zeros(1, device=device)
    with listening(lambda notice: None) as notices:
        list(replay_steps(lambda rows, noise, numbers: numbers * rows.sum().item(), tables, sums, range(10)))
    assert float(sums) == 10
    assert ["could not be recorded as a CUDA graph" in notice.sentence for notice in notices] == [True]
