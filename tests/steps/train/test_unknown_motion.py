"""Motion that the model does not know makes no outliers; a molecule in another pose stays one."""

from types import SimpleNamespace

import pytest
import torch
from static_model import Inputs, StaticModel, long_molecule, observe, project, random_views, with_moving_end

from gem_plugin.heterogeneity.losses.image import squared_error
from gem_plugin.heterogeneity.outliers import OutlierMixture
from gem_plugin.steps.train.unknown_motion import outliers_beside_motion

N = 300
IS_ELSEWHERE = torch.arange(N) % 10 == 0


def matched(moves: bool):
    """A trainer of a static model, the bounds and the outliers it would report."""
    generator = torch.Generator().manual_seed(8)
    cloud, given = long_molecule(generator), random_views(N, 1)
    true = torch.where(IS_ELSEWHERE[:, None, None], random_views(N, 2), given)
    molecules = with_moving_end(cloud, N, generator, in_pixels=0.7) if moves else cloud
    observations = observe(2.5 * project(molecules, true), given, generator)
    cloud.amplitudes.mul_(2.5)
    mixture = OutlierMixture()
    mixture.look_for_outliers(cloud, observations)
    mixture.uses_any_pose = True
    batch = observations.batch(torch.arange(N))
    bounds = squared_error(project(cloud, given), batch.images, batch.filters)
    trainer = SimpleNamespace(
        model=StaticModel(cloud),
        observations=observations,
        encoder_inputs=Inputs(),
        training_rows=torch.arange(N),
        mixture=mixture,
        settings=SimpleNamespace(projector="auto"),
        contrast_variance=0.0,
        device=torch.device("cpu"),
    )
    return trainer, bounds, mixture.of_outlier(torch.arange(N), bounds)


@pytest.mark.parametrize("moves", [True, False])
def test_a_molecule_elsewhere_stays_an_outlier_and_a_moving_one_is_none(moves: bool):
    trainer, bounds, outliers = matched(moves)
    found = outliers_beside_motion(trainer, torch.zeros(N, 1), bounds, outliers)
    before, after = (values[~IS_ELSEWHERE] > 0.5 for values in (outliers, found))
    assert (int(before.sum()) > 20) if moves else not before.any()
    assert int(after.sum()) <= 0.1 * int(before.sum())
    assert float((outliers[IS_ELSEWHERE] > 0.5).float().mean()) == 1
    assert float((found[IS_ELSEWHERE] > 0.5).float().mean()) > (0.5 if moves else 0.99)


def test_without_outliers_nothing_is_measured():
    trainer, bounds, _ = matched(moves=False)
    outliers = torch.zeros(N)
    trainer.observations = None
    assert outliers_beside_motion(trainer, torch.zeros(N, 1), bounds, outliers) is outliers
