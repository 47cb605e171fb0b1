"""Quick half-maps give the numbers of reconstruct, and of a set that is too large they look at a part."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from moving_particles import make_moving_run
from pretended_card import CARD, pretended_card

from gem_plugin.imaging.back_projection import bytes_of_sums
from gem_plugin.io.run.files import RunFiles
from gem_plugin.particles.prepared import load_prepared
from gem_plugin.progress import Progress
from gem_plugin.results.run import Run
from gem_plugin.steps.diagnose.state_checks import decoded_maps
from gem_plugin.steps.reconstruct import inserting, quick_half_maps
from gem_plugin.steps.reconstruct.quick_half_maps import QuickHalfMaps, measure_quick_half_maps
from gem_plugin.steps.reconstruct.settings import ReconstructSettings
from gem_plugin.steps.reconstruct.step import run_reconstruct

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFiles:
    return make_moving_run(tmp_path_factory.mktemp("moving") / "run")[0]


def measured(run: RunFiles, states: np.ndarray | None = None, device: torch.device = CPU) -> QuickHalfMaps:
    opened = Run(run)
    states = opened.states().labels if states is None else states
    return measure_quick_half_maps(load_prepared(run), states, decoded_maps(opened), 0, device, Progress())


@pytest.mark.parametrize("room", ["for all", "for one at a time", "none"])
def test_on_a_card_they_are_those_of_the_cpu_and_only_numbers_leave_it(
    run: RunFiles, room: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_cpu = measured(run)
    answers = iter({"for all": [], "for one at a time": [CARD], "none": [CPU]}[room])
    default = CARD if room == "for all" else CPU
    for module in (quick_half_maps, inserting):
        monkeypatch.setattr(module, "device_of_sums", lambda box_size, device: next(answers, default))
    with pretended_card() as card:
        on_card = measured(run, device=CARD)
    for number, expected in on_cpu.agreements.items():
        assert on_card.agreements[number] == pytest.approx(expected, rel=1e-3)
    assert on_card.control == pytest.approx(on_cpu.control, rel=1e-3, nan_ok=True)
    np.testing.assert_allclose(on_card.curve_of_all, on_cpu.curve_of_all, atol=1e-4)
    sums = bytes_of_sums(load_prepared(run).table.box_size)
    assert card.bytes_copied < sums if room == "for all" else card.bytes_copied >= 3 * sums


def test_sums_too_large_for_a_card_become_maps_on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    free = 4 * bytes_of_sums(128)
    monkeypatch.setattr(inserting, "free_memory_in_bytes", lambda device: free if device == CARD else 1e15)
    assert inserting.device_of_sums(128, CARD) == CARD
    assert inserting.device_of_sums(130, CARD) == CPU


def test_the_numbers_are_those_of_reconstruct(run: RunFiles) -> None:
    found = measured(run)
    run_reconstruct(run, ReconstructSettings(), Progress())
    table = Run(run).reconstructed_maps()
    for number in (1, 2):
        row, agreement = table[f"state_{number:03d}"], found.agreements[number]
        assert agreement.z_score == pytest.approx(row["difference_z_score"], abs=0.1)
        assert agreement.correlation == pytest.approx(row["difference_correlation"], abs=0.01)
        assert agreement.agreement_with_decoded == pytest.approx(
            row["decoded_difference_agreement"], abs=0.01
        )
        assert agreement.z_score > 4
    assert found.control is not None
    assert found.control.z_score == pytest.approx(table["random_subset"]["difference_z_score"], abs=0.1)
    assert abs(found.control.z_score) < 4
    curve = Run(run).half_map_curves("all")["corrected"]
    np.testing.assert_allclose(found.curve_of_all, curve, atol=2e-3)
    assert found.n_images == 600


def test_states_of_random_particles_do_not_stand_out(run: RunFiles) -> None:
    states = np.random.default_rng(5).integers(1, 3, 600)
    assert all(abs(one.z_score) < 4 for one in measured(run, states).agreements.values())


def test_one_state_has_nothing_to_differ_from(run: RunFiles) -> None:
    assert measured(run, np.ones(600, np.int64)).agreements == {}


def test_a_state_in_one_half_set_has_no_half_maps(run: RunFiles) -> None:
    prepared = load_prepared(run)
    states = np.where((np.arange(600) < 40) & (prepared.table.half_sets == 1), 3, Run(run).states().labels)
    assert set(measured(run, states).agreements) == {1, 2}


def test_of_a_large_set_some_images_are_looked_at(run: RunFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quick_half_maps, "MAXIMUM_IMAGES", 400)
    found = measured(run)
    assert found.n_images == 400
    assert found.agreements[2].z_score > 4


def test_excluded_particles_count_in_no_half_map(run: RunFiles) -> None:
    prepared = load_prepared(run)
    is_used = np.arange(600) >= 90
    states = Run(run).states().labels
    found = measure_quick_half_maps(
        replace(prepared, is_used=is_used), states, {}, 0, torch.device("cpu"), Progress()
    )
    assert found.n_images == 510
    assert all(np.isnan(one.agreement_with_decoded) for one in found.agreements.values())


def test_the_memory_grows_with_the_cube_of_the_box() -> None:
    assert quick_half_maps.memory_of_half_maps(256, 1) / quick_half_maps.memory_of_half_maps(
        128, 1
    ) == pytest.approx(8, rel=0.02)
