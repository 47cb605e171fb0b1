"""Settings that cannot work together give one error each, which says what to do."""

import numpy as np
import pytest
import torch

from gem_plugin.errors import InputError
from gem_plugin.gaussians.from_map import find_density, gaussians_from_density
from gem_plugin.heterogeneity.architecture import architecture_for
from gem_plugin.heterogeneity.focus import gaussians_inside
from gem_plugin.heterogeneity.settings import TrainSettings
from gem_plugin.settings import check_settings


def test_no_latent_dimension_is_no_model():
    with pytest.raises(InputError, match="--zdim is 0; expected 1 to 64"):
        check_settings(TrainSettings(latent_size=0))


def test_an_odd_box_is_refused_before_training():
    with pytest.raises(InputError, match=r"box of 65 pixels; training needs an even one.*--box"):
        architecture_for(TrainSettings(), 100, 65, 3.0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"feature_dim": 64}, "--feature-dim has no effect with --decoder motion.*--decoder mlp"),
        ({"decoder": "mlp", "n_basis": 8}, "--n-basis has no effect with --decoder mlp.*--decoder motion"),
        ({"encoder_box": 31}, "--encoder-box is 31; expected an even number"),
        ({"gaussian_embedding_dim": 7}, "--gaussian-embedding-dim is 7; the motion decoder needs an even"),
    ],
)
def test_options_without_effect_and_odd_sizes_are_refused(changes, message):
    with pytest.raises(InputError, match=message):
        architecture_for(TrainSettings(**changes), 100, 64, 3.0)


def test_an_embedding_of_any_size_suits_the_mlp_decoder():
    settings = TrainSettings(decoder="mlp", gaussian_embedding_dim=7)
    assert architecture_for(settings, 100, 64, 3.0).gaussian_embedding_dim == 7


def test_more_gaussians_than_voxels_is_refused():
    volume = np.zeros((16, 16, 16), np.float32)
    volume[6:9, 6:9, 6:9] = 1
    density = find_density(volume, threshold=0.5)
    with pytest.raises(InputError, match="--n-gaussians is 28, but only 27 voxels"):
        gaussians_from_density(density, 16, 0.7, n_gaussians=28)


def test_an_empty_focus_mask_is_refused():
    positions = torch.randn(20, 3, generator=torch.Generator().manual_seed(0))
    with pytest.raises(InputError, match=r"--focus-mask holds none of the 20 Gaussians.*it has 0 voxels"):
        gaussians_inside(torch.zeros(16, 16, 16), positions)


def test_the_focus_is_where_the_mask_is_and_axes_are_not_mixed_up():
    mask = torch.zeros(16, 16, 16)
    mask[8, 8, 12] = 1  # ordered zyx: x = +4
    positions = torch.tensor([[4.0, 0, 0], [0, 4.0, 0], [0, 0, 4.0], [4.4, -0.3, 0.3], [400.0, 0, 0]])
    assert gaussians_inside(mask, positions).tolist() == [True, False, False, True, False]
