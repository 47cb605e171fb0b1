"""The mean molecule of a selection is the mean of decoded maps, and its difference is measured in standard deviations."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from explorer_run import N_PARTICLES, explorer_source
from served_explorer import Explorer

from gem_plugin.errors import InputError, StopRequestedError
from gem_plugin.explorer.molecules import Molecules
from gem_plugin.explorer.selection_maps import MAPS_OF_A_GROUP, SelectionMaps, in_words, stop_if


@pytest.fixture(scope="module")
def maps(explorer: Explorer) -> SelectionMaps:
    return SelectionMaps(Molecules(explorer.run, explorer_source()))


def decoded(rows: list[int]) -> np.ndarray:  # (k, box, box, box)
    source = explorer_source()
    return np.stack(list(source.decode(source.latents[rows])))


def test_few_particles_are_all_averaged_as_maps_not_as_latents(maps: SelectionMaps) -> None:
    rows = [3, 50, 120, 200]
    found = maps.average(np.array(rows))
    volumes = decoded(rows)
    np.testing.assert_allclose(found.mean, volumes.mean(0), atol=1e-5)
    source = explorer_source()
    of_mean = next(iter(source.decode(source.latents[rows].mean(0)[None])))
    assert np.abs(found.mean - of_mean).max() > 10 * np.abs(found.mean - volumes.mean(0)).max()
    assert (found.n_selected, found.n_averaged, found.n_rest_averaged) == (4, 4, MAPS_OF_A_GROUP)
    assert "(all 4)" in in_words(found)


def test_sigma_is_the_standard_deviation_over_particles_inside_the_molecule(maps: SelectionMaps) -> None:
    rows = np.arange(0, N_PARTICLES, 2)
    found = maps.average(rows)
    selected, rest = (
        maps._sample(np.isin(np.arange(N_PARTICLES), rows)),
        maps._sample(~np.isin(np.arange(N_PARTICLES), rows)),
    )
    groups = [decoded(list(one)) for one in (selected, rest)]
    squares = sum(((one - one.mean(0)) ** 2).sum(0) for one in groups) / (2 * MAPS_OF_A_GROUP - 2)
    inside = groups[0].mean(0) > maps.molecules.window.level
    assert found.sigma == pytest.approx(np.sqrt(squares[inside].mean()), rel=1e-3)
    assert found.difference is not None
    np.testing.assert_allclose(found.difference, groups[0].mean(0) - groups[1].mean(0), atol=1e-5)
    assert found.largest_difference == pytest.approx(np.abs(found.difference).max())
    assert found.standard_error_in_sigma == pytest.approx(0.25)
    assert f"{MAPS_OF_A_GROUP} of {len(rows)}, drawn at random" in in_words(found)
    assert "standard deviation of the density over particles" in in_words(found)


def test_a_planted_difference_is_large_and_chance_is_small(maps: SelectionMaps) -> None:
    latents = explorer_source().latents
    one_side = np.flatnonzero(latents[:, 1] > 0.5)
    chance = np.random.default_rng(1).choice(N_PARTICLES, len(one_side), replace=False)
    planted, random = maps.average(one_side), maps.average(chance)
    assert planted.largest_difference / planted.sigma > 2 * random.largest_difference / random.sigma


def test_one_particle_and_all_particles(maps: SelectionMaps) -> None:
    one = maps.average(np.array([7]))
    np.testing.assert_allclose(one.mean, decoded([7])[0], atol=1e-6)
    assert "(the only particle)" in in_words(one)
    everything = maps.average(np.arange(N_PARTICLES))
    assert everything.difference is None
    assert "All particles are selected, so there is no rest" in in_words(everything)
    all_but_one = maps.average(np.arange(1, N_PARTICLES))
    assert all_but_one.n_rest_averaged == 1
    assert "mean of one map of the other" in in_words(all_but_one)


@pytest.mark.parametrize(("rows", "reason"), [([], "Nothing is selected: draw a lasso"), ([300], "row 300")])
def test_no_particle_and_no_such_particle_are_refused(
    maps: SelectionMaps, rows: list[int], reason: str
) -> None:
    with pytest.raises(InputError, match=reason):
        maps.average(np.array(rows, np.uint32))


def test_the_next_selection_decodes_only_what_is_new() -> None:
    decodings = []
    source = explorer_source()

    def counting(latents: np.ndarray):  # type: ignore[no-untyped-def]
        decodings.append(len(latents))
        return source.decode(latents)

    maps = SelectionMaps(Molecules(None, replace(source, decode=counting)))  # type: ignore[arg-type]
    decodings.clear()
    maps.average(np.arange(150))
    assert sum(decodings) == 2 * MAPS_OF_A_GROUP
    decodings.clear()
    maps.average(np.arange(150))
    assert sum(decodings) == 0
    maps.average(np.arange(140))
    assert sum(decodings) < MAPS_OF_A_GROUP / 2


def test_a_slow_decoder_without_clouds_decodes_few_maps(explorer: Explorer) -> None:
    """As that of cryoDRGN."""
    slow = replace(explorer_source(), clouds_at=None, decoding_is_slow=True)
    found = SelectionMaps(Molecules(explorer.run, slow)).average(np.arange(100))
    assert found.n_averaged == found.n_rest_averaged == 6


def test_it_ends_when_nobody_waits(maps: SelectionMaps) -> None:
    fresh = SelectionMaps(maps.molecules)
    with pytest.raises(StopRequestedError):
        fresh.average(np.arange(100), stop_if(lambda: True))


def test_maps_that_another_request_drops_meanwhile_are_still_averaged(explorer: Explorer) -> None:
    source, kept = explorer_source(), list[SelectionMaps]()

    def decode_while_others_drop(latents: np.ndarray) -> Iterator[np.ndarray]:
        for maps in kept:
            maps._kept.clear()
        return source.decode(latents)

    maps = SelectionMaps(Molecules(explorer.run, replace(source, decode=decode_while_others_drop)))
    maps.average(np.array([3, 50]))
    kept.append(maps)
    found = maps.average(np.array([3, 50, 120, 200]))
    np.testing.assert_allclose(found.mean, decoded([3, 50, 120, 200]).mean(0), atol=1e-5)
