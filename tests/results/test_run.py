"""A run has one reader: the same name gives the same numbers, whoever asks."""

import json
from pathlib import Path

import numpy as np
import pytest
from small_star_run import write_run

from gem_plugin.errors import InputError
from gem_plugin.io.array_files import write_array
from gem_plugin.io.run.files import RunFiles
from gem_plugin.results.run import Run


def test_a_run_of_version_0_1_0_is_read_right(old_run: Path) -> None:
    run = Run(old_run)
    plain = {name: np.load(old_run / name) for name in ("latents.npy", "contrasts.npy")}
    np.testing.assert_array_equal(run.latents, plain["latents.npy"])
    np.testing.assert_array_equal(run.column("contrast"), plain["contrasts.npy"])
    np.testing.assert_array_equal(run.column("latent_2"), plain["latents.npy"][:, 1])
    np.testing.assert_array_equal(run.states().labels, np.load(old_run / "landscape/particle_states.npy"))
    full = old_run / "landscape/full"
    np.testing.assert_array_equal(run.states("full").labels, np.load(full / "particle_states.npy"))
    np.testing.assert_array_equal(run.column("volume_pc_3"), np.load(full / "volume_pca_all.npy")[:, 2])
    assert run.settings("landscape")["n_states"] == "3"  # as 0.1.0 wrote it
    assert run.summary("train")["gaussians"] == 60
    assert [series.title for series in run.series] == ["latent component 1"]
    sketch, labels = run.sketch(), np.load(old_run / "landscape/sketch/labels.npy")
    np.testing.assert_array_equal(sketch.map_numbers, labels)
    np.testing.assert_array_equal(sketch.labels[sketch.rows], np.arange(12))
    states_of_maps = np.load(old_run / "landscape/state_labels.npy")
    np.testing.assert_array_equal(states_of_maps[sketch.labels], run.states().labels)
    assert len(run.original) == 60
    assert len(run.history["loss"]) == 3
    assert run.diagnostics()


def test_names_mean_one_thing_whether_landscape_full_was_run_or_not(old_run: Path) -> None:
    run = Run(old_run)
    np.testing.assert_array_equal(run.column("state"), run.states("sketch").labels)
    np.testing.assert_array_equal(run.column("full_state"), run.states("full").labels)
    np.testing.assert_array_equal(run.column("umap_1"), np.load(old_run / "analyze/umap.npy")[:, 0])
    np.testing.assert_array_equal(run.column("umap1"), run.column("umap_1"))
    np.testing.assert_array_equal(
        run.column("volume_umap_1"), np.load(old_run / "landscape/full/umap.npy")[:, 0]
    )
    np.testing.assert_array_equal(run.column("PC1"), run.column("volume_pc_1"))
    np.testing.assert_array_equal(run.column("z2"), run.column("latent_2"))
    assert run.state_sources == ("sketch", "full")


def test_a_column_of_the_particle_file_is_in_the_order_of_the_run(tmp_path: Path) -> None:
    files, _ = write_run(tmp_path, 6)  # the rows of the file are in another order than the run
    np.testing.assert_array_equal(Run(files).column("rlnRandomSubset"), [1, 2, 1, 2, 1, 2])
    np.testing.assert_array_equal(Run(files).column("_rlnDefocusV"), [10100.5] * 6)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("contrast", "has no column contrast yet. Run `gem-em train"),
        ("full_state", "has no column full_state yet. Run `gem-em landscape-full"),
        ("rlnDefocusW", "There is no column rlnDefocusW. Did you mean rlnDefocusV or rlnDefocusU"),
        ("defocuss", "Did you mean defocus"),
        ("half_sets", "Did you mean half_set"),
    ],
)
def test_an_unknown_column_names_the_nearest_ones(tmp_path: Path, name: str, message: str) -> None:
    files, _ = write_run(tmp_path, 6)
    with pytest.raises(InputError, match=message):
        Run(files).column(name)


def test_columns_of_other_particles_are_left_out_and_refused_by_name(tmp_path: Path) -> None:
    files, _ = write_run(tmp_path, 6)
    write_array(files.contrasts, np.ones(5, np.float32))
    run = Run(files)
    assert "contrast" not in run.columns
    assert run.columns_of_other_particles == ["contrast"]
    with pytest.raises(InputError, match=r"contrast is of 5 particles, .* has 6\. Run `gem-em train"):
        run.column("contrast")


def test_every_part_that_is_missing_names_the_command_that_makes_it(tmp_path: Path) -> None:
    run = Run(write_run(tmp_path, 6)[0])
    for ask, command in (
        (lambda: run.latents, "gem-em train"),
        (lambda: run.latents_std, "gem-em train"),
        (run.states, "gem-em landscape"),
        (lambda: run.states("full"), "gem-em landscape-full"),
        (run.volume_components, "gem-em landscape"),
        (run.decoder, "gem-em train"),
    ):
        with pytest.raises(InputError, match=command):
            ask()
    assert run.columns[:3] == ["rot", "tilt", "psi"]
    with pytest.raises(InputError, match="no states of 'all'; expected one of sketch, full, leiden"):
        run.states("all")


def test_states_of_other_particles_are_refused(tmp_path: Path) -> None:
    files, _ = write_run(tmp_path, 6)
    write_array(files.landscape.particle_states, np.ones(4, np.int64))
    with pytest.raises(InputError, match="are of 4 particles, the run has"):
        Run(files).states()


def test_what_was_read_is_not_read_again(old_run: Path) -> None:
    run = Run(old_run)
    first = run.latents
    RunFiles(old_run).latents.unlink()
    assert run.latents is first


def test_numbers_of_a_step_that_was_not_run_are_empty(tmp_path: Path) -> None:
    files = RunFiles(tmp_path)
    files.summary.write_text(json.dumps({"train": {"gaussians": 3}}))
    run = Run(files)
    assert run.summary("train") == {"gaussians": 3}
    assert run.summary("landscape") == {}
    assert run.settings("train") == {}
    assert run.history == {}
    assert run.diagnostics() == []
