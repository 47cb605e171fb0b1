"""What a finished job has to show, as plain values."""

import json
from pathlib import Path

from adapters.pipeliner.made_jobs import finished_job

from gem_plugin.adapters.pipeliner.results_shown import (
    MAXIMUM_MAPS,
    loss_curves,
    maps_of_states,
    pictures,
    resolution_tables,
    states_table,
    summary_numbers,
    verdict_in_words,
)
from gem_plugin.io.run.files import RunFiles


def test_an_empty_folder_shows_nothing(tmp_path: Path) -> None:
    run = RunFiles(tmp_path)
    assert not verdict_in_words(run)
    assert states_table(run) is None
    assert not [
        *resolution_tables(run),
        *pictures(run),
        *maps_of_states(run),
        *loss_curves(run),
        *summary_numbers(run),
    ]


def test_bad_checks_come_first_then_warnings(tmp_path: Path) -> None:
    assert verdict_in_words(finished_job(tmp_path)).splitlines() == [
        "1 of 2 checks found a problem:",
        "- The latents follow the defocus. Check the CTF.",
        "Warnings of the steps:",
        "- Few particles.",
    ]


def test_the_table_of_states_has_populations_with_intervals(tmp_path: Path) -> None:
    table = states_table(finished_job(tmp_path))
    assert table is not None
    assert table.rows == [
        ["1", "10", "33.3 % (25.0 to 41.2)", "supported (9 sigma)"],
        ["2", "20", "", "supported (9 sigma)"],
    ]
    assert len(table.headers) == 4


def test_epochs_without_a_number_leave_no_point(tmp_path: Path) -> None:
    """Browsers refuse a file with NaN."""
    training, held_out = loss_curves(finished_job(tmp_path))
    assert (training.x, training.y) == ([1.0, 2.0], [2.5, 2.25])
    assert (held_out.x, held_out.y) == ([2.0], [2.75])


def test_pictures_tell_the_story_in_order(tmp_path: Path) -> None:
    assert [path.stem for path in pictures(finished_job(tmp_path))] == ["first_page", "landscape_vol_pca_1_2"]


def test_maps_are_those_of_this_job_and_not_too_many(tmp_path: Path) -> None:
    run = finished_job(tmp_path / "job001", n_states=MAXIMUM_MAPS + 2)
    assert list(maps_of_states(run).values()) == [f"state {number}" for number in range(1, MAXIMUM_MAPS + 1)]
    later = RunFiles(tmp_path / "job002")
    later.landscape.states.root.mkdir(parents=True)
    later.landscape.states.mean(1).symlink_to(run.landscape.states.mean(1))
    assert maps_of_states(later) == {}


def test_reconstructed_maps_go_before_decoded_ones(tmp_path: Path) -> None:
    run = finished_job(tmp_path)
    run.reconstruct.root.mkdir()
    for name in ("all", "state_001", "random_subset"):
        for path in (
            run.reconstruct.half_map(name, 1),
            run.reconstruct.half_map(name, 2),
            run.reconstruct.final_map(name),
        ):
            path.touch()
    run.reconstruct.table.write_text("map,resolution_in_angstroms,reason\nall,4.2,\n")
    assert list(maps_of_states(run).values()) == ["all", "state 001"]
    (table,) = resolution_tables(run)
    assert table.headers == ["map", "resolution in angstroms", "reason"]
    assert table.rows == [["all", "4.2", ""]]


def test_numbers_of_the_summary_are_strict_json(tmp_path: Path) -> None:
    numbers = summary_numbers(finished_job(tmp_path))
    assert json.loads(json.dumps(numbers, allow_nan=False)) == {"train": {"epochs": 2, "gain": None}}
