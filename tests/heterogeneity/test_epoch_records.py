"""The sums of an epoch travel as one vector and keep their names."""

import torch

from gem_plugin.heterogeneity.epoch_records import EpochSums
from gem_plugin.heterogeneity.losses.optional_terms import EXTRA_TERMS
from gem_plugin.heterogeneity.outliers import N_KINDS


def test_sums_of_an_epoch_keep_their_names_as_a_vector():
    kinds, extra_terms = torch.arange(6.0, 6 + N_KINDS), torch.arange(10.0, 10 + len(EXTRA_TERMS))
    sums = EpochSums(*torch.arange(6.0), kinds, extra_terms)
    vector = sums.as_vector()
    assert vector.tolist() == [*range(6), *kinds.tolist(), *extra_terms.tolist()]
    again = EpochSums.of_vector(vector + vector)
    assert (float(again.good_steps), float(again.contrast_information)) == (4, 8)
    assert torch.equal(again.extra_terms, 2 * sums.extra_terms)
    assert not EpochSums.zeros(torch.device("cpu")).as_vector().any()
