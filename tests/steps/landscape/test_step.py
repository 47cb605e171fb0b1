"""The landscape step on a molecule whose conformations are known."""

import dataclasses
import io
from pathlib import Path

import mrcfile
import numpy as np
import pandas
import pytest
import starfile
from arm_model import arm_source, ring_latents
from small_star_run import write_run

from gem_plugin.errors import InputError
from gem_plugin.io.mrc.maps import write_map
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.landscape_files import LandscapeFiles
from gem_plugin.landscape.volume_source import VolumeSource
from gem_plugin.progress import Progress
from gem_plugin.settings import settings_from_values
from gem_plugin.steps.landscape.settings import LandscapeSettings, check_landscape_settings
from gem_plugin.steps.landscape.step import map_landscape

SMALL = LandscapeSettings(sketch_size=40, n_states=6, skip_umap=True, pc_dim=6, plot_dim=0)


def run_small(
    folder: Path, source: VolumeSource | None = None, **changes
) -> tuple[LandscapeFiles, dict, str]:
    settings = dataclasses.replace(SMALL, **changes)
    check_landscape_settings(settings)
    said = io.StringIO()
    files = LandscapeFiles(folder / "landscape")
    numbers = map_landscape(
        source or arm_source(ring_latents(300)), files, RunFiles(folder), settings, Progress(said)
    )
    return files, numbers, said.getvalue()


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[LandscapeFiles, dict, str]:
    return run_small(tmp_path_factory.mktemp("run"), plot_dim=3)


def read(path: Path) -> np.ndarray:
    with mrcfile.open(path) as handle:
        return np.array(handle.data)


def test_every_output_exists(finished) -> None:
    files, numbers, _ = finished
    expected = [
        files.sketch_latents, files.sketch_rows, files.sketch_labels, files.mean_volume, files.mask,
        files.volume_pca, files.volume_pca_scores, files.distances, files.state_labels, files.particle_states,
        files.tree, files.state_table, files.component_folder(3) / "vol_010.mrc",
    ]  # fmt: skip
    for number in range(1, 7):
        expected += [
            path(number)
            for path in (
                files.states.mean,
                files.states.standard_deviation,
                files.states.rows,
                files.states.sketch_maps,
            )
        ]
    for name in (
        "mask_slices",
        "vol_pca_1_2",
        "vol_pca_annotated_2_3",
        "dendrogram",
        "state_particle_counts",
    ):
        expected += [
            RunFiles(files.root.parent).figures / f"landscape_{name}{kind}" for kind in (".png", ".pdf")
        ]
    assert [path for path in expected if not path.is_file()] == []
    assert numbers["states"] == 6
    assert not list(files.root.glob("sketch/vol_0*.mrc")), "sketch maps are written only on request"


def test_particle_lists_divide_the_particles_among_the_states(finished) -> None:
    files, _, _ = finished
    states = np.load(files.particle_states)
    assert states.dtype == np.int64
    assert len(states) == 300
    for number in range(1, 7):
        rows = np.loadtxt(files.states.rows(number), dtype=int, ndmin=1)
        np.testing.assert_array_equal(rows, np.flatnonzero(states == number))
    counts = np.bincount(states)
    assert counts[0] == 0
    assert (np.diff(counts[1:]) <= 0).all(), "states are numbered by size"


def test_states_divide_the_ring_into_arcs(finished) -> None:
    """Particles of one state have nearly the same arm angle, and no state is a giant."""
    files, numbers, _ = finished
    latents = ring_latents(300)
    states = np.load(files.particle_states)
    assert numbers["largest_state_share"] <= 0.5
    for number in range(1, 7):
        directions = latents[states == number] / np.linalg.norm(
            latents[states == number], axis=1, keepdims=True
        )
        assert np.linalg.norm(directions.mean(axis=0)) > 0.75, "an arc of less than about 150 degrees"


def test_first_two_components_show_the_ring(finished) -> None:
    files, _, _ = finished
    scores = np.load(files.volume_pca_scores)[:, :2]
    latents = ring_latents(300)[np.loadtxt(files.sketch_rows, dtype=int)]
    radius = np.linalg.norm(scores, axis=1)
    assert radius.min() > 0.25 * radius.mean(), "the middle of the ring is empty"
    angle = np.unwrap(
        np.arctan2(scores[:, 1], scores[:, 0])[np.argsort(np.arctan2(latents[:, 1], latents[:, 0]))]
    )
    turning = np.diff(angle)
    assert max((turning > 0).mean(), (turning < 0).mean()) > 0.95, "the score turns with the arm"


def test_state_mean_is_the_weighted_mean_of_its_sketch_maps(finished) -> None:
    files, _, _ = finished
    source = arm_source(ring_latents(300))
    rows = np.loadtxt(files.sketch_rows, dtype=int)
    counts = np.bincount(np.load(files.sketch_labels), minlength=40)
    members = np.flatnonzero(np.load(files.state_labels) == 2)
    maps = np.stack(list(source.decode(source.latents[rows[members]])))
    mean = np.average(maps, axis=0, weights=counts[members])
    std = np.sqrt(np.average((maps - mean) ** 2, axis=0, weights=counts[members]))
    np.testing.assert_allclose(read(files.states.mean(2)), mean, atol=1e-6)
    np.testing.assert_allclose(read(files.states.standard_deviation(2)), std, atol=1e-5)


def test_results_do_not_depend_on_chance(finished, tmp_path: Path) -> None:
    files, _, _ = finished
    again, _, _ = run_small(tmp_path)
    for first, second in (
        (files.volume_pca_scores, again.volume_pca_scores),
        (files.particle_states, again.particle_states),
    ):
        np.testing.assert_array_equal(np.load(first), np.load(second))


def test_running_again_keeps_what_is_valid_and_makes_the_rest_anew(tmp_path: Path) -> None:
    files, _, first = run_small(tmp_path)
    assert "kept" not in first
    _, _, same = run_small(tmp_path)
    assert same.count("kept") == 3
    _, numbers, other_states = run_small(tmp_path, n_states=4)
    assert "volume components: unchanged" in other_states
    assert "state maps: unchanged" not in other_states
    assert numbers["states"] == 4
    assert sorted(path.name for path in files.states.root.glob("*_mean.mrc")) == [
        f"state_00{i}_mean.mrc" for i in range(1, 5)
    ]
    assert len(list(files.states.root.glob("*_particles.txt"))) == 4
    _, _, other_mask = run_small(tmp_path, n_states=4, dilate=12.0)
    assert "sketch: unchanged" in other_mask
    assert "components: unchanged" not in other_mask
    _, _, other_box = run_small(tmp_path, source=arm_source(ring_latents(300), box_size=16), n_states=4)
    assert "sketch: unchanged" not in other_box
    assert read(files.mask).shape == (16, 16, 16)
    assert read(files.mean_volume).shape == (16, 16, 16), "no stale mean map"


def test_skip_vol_uses_the_sketch_or_says_that_it_does_not_fit(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Leave --skip-vol out"):
        run_small(tmp_path, skip_vol=True)
    run_small(tmp_path)
    _, numbers, said = run_small(tmp_path, skip_vol=True, n_states=3)
    assert "sketch: unchanged" in said
    assert numbers["states"] == 3


def test_left_out_volumes_leave_their_particles_without_state(tmp_path: Path) -> None:
    whole, _, _ = run_small(tmp_path / "whole")
    labels = np.load(whole.sketch_labels)
    kept = tmp_path / "kept.txt"
    np.savetxt(kept, np.arange(5, 40), fmt="%d")
    files, _, _ = run_small(tmp_path / "part", vol_ind=kept)
    states = np.load(files.particle_states)
    np.testing.assert_array_equal(states == 0, labels < 5)
    np.testing.assert_array_equal(np.load(files.sketch_labels) == -1, labels < 5)
    table = np.loadtxt(files.state_table, delimiter=",", skiprows=1, usecols=range(3))
    np.testing.assert_array_equal(table[:, 2], np.bincount(states, minlength=7)[1:])
    assert table[:, 1].sum() == 35


def test_options_have_their_effect(tmp_path: Path) -> None:
    plain, _, _ = run_small(tmp_path / "plain")
    kept, _, _ = run_small(tmp_path / "kept", keep_volumes=True, vol_start_index=0, flip=False, apix=2.0)
    assert (kept.sketch_volume(0)).is_file()
    assert np.load(kept.sketch_labels).min() == 0
    loose, _, _ = run_small(tmp_path / "loose", thresh=0.0001)
    assert read(loose.mask).sum() > read(plain.mask).sum()
    strict, _, _ = run_small(tmp_path / "strict", mask_level=0.5)
    assert 0 < read(strict.mask).sum() < read(plain.mask).sum()
    soft, _, _ = run_small(tmp_path / "soft", cosine_edge=12.0)
    assert ((read(soft.mask) > 0) & (read(soft.mask) < 1)).any()
    given, _, _ = run_small(tmp_path / "given", mask=loose.mask)
    np.testing.assert_array_equal(read(given.mask), read(loose.mask))
    unweighted, _, _ = run_small(tmp_path / "unweighted", pca_weights="none")
    assert not np.allclose(np.load(unweighted.volume_pca_scores), np.load(plain.volume_pca_scores))
    automatic, numbers, _ = run_small(tmp_path / "automatic", n_states="auto", linkage="auto")
    assert automatic.state_choices.is_file()
    assert numbers["states"] == 1, "a ring is a continuum"
    again, _, _ = run_small(tmp_path / "given", skip_mask=True)
    np.testing.assert_array_equal(read(again.mask), read(loose.mask))


def test_bad_settings_are_refused_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected a whole number, or auto"):
        settings_from_values(LandscapeSettings, {"n_states": "many"})
    with pytest.raises(InputError, match="no file"):
        run_small(tmp_path, mask=tmp_path / "absent.mrc")
    with pytest.raises(InputError, match="exclude each other"):
        run_small(tmp_path, mask=tmp_path / "absent.mrc", skip_mask=True)
    with pytest.raises(InputError, match="no effect"):
        run_small(tmp_path, skip_mask=True, thresh=1.0)
    with pytest.raises(InputError, match="--mask-level has no effect"):
        run_small(tmp_path, thresh=1.0, mask_level=0.2)
    with pytest.raises(InputError, match="expected 1 to 40"):
        run_small(tmp_path, n_states=41)
    assert not (tmp_path / "landscape" / "mask.mrc").exists()


def test_fewer_particles_than_sketch_maps_are_all_used(tmp_path: Path) -> None:
    _, numbers, said = run_small(tmp_path, source=arm_source(ring_latents(25)))
    assert numbers["sketch_maps"] == 25
    assert "Only 25 particles for 40 sketch maps" in said


def test_regions_are_measured_and_focus_the_components(tmp_path: Path) -> None:
    left = np.zeros((24, 24, 24), np.float32)
    left[:, :, :12] = 1
    write_map(tmp_path / "left.mrc", left, 4.0)
    region = (f"left={tmp_path / 'left.mrc'}",)
    files, _, _ = run_small(tmp_path / "focused", region=region)
    table = pandas.read_csv(files.state_table)
    occupancy, motion = table["left_occupancy"], table["left_motion_in_angstroms"]
    assert np.average(occupancy, weights=table["particles"]) == pytest.approx(1, abs=1e-3)
    assert occupancy.max() - occupancy.min() > 0.2
    assert (motion > 0).all()
    with np.load(files.volume_pca) as saved:
        assert (saved["mask"][:, :, 12:] == 0).all()
    wide, _, _ = run_small(tmp_path / "wide", region=region, focus=False)
    with np.load(wide.volume_pca) as saved:
        assert (saved["mask"][:, :, 12:] > 0).any()
    with pytest.raises(InputError, match=r"expected name=mask\.mrc"):
        run_small(tmp_path, region=("left",))


def test_difference_maps_are_differences(finished, tmp_path: Path) -> None:
    files, _, _ = finished
    counts = np.bincount(np.load(files.particle_states))[1:]
    means = np.stack([read(files.states.mean(number)) for number in range(1, 7)])
    expected = means[2] - np.average(means, axis=0, weights=counts)
    np.testing.assert_allclose(read(files.states.difference(3)), expected, atol=1e-5)
    pairs, _, _ = run_small(tmp_path, n_states=3, differences="pairs")
    assert sorted(path.name for path in pairs.states.root.glob("*minus*")) == [
        "state_001_minus_state_002.mrc", "state_001_minus_state_003.mrc", "state_002_minus_state_003.mrc",
    ]  # fmt: skip
    expected = read(pairs.states.mean(1)) - read(pairs.states.mean(3))
    np.testing.assert_allclose(read(pairs.states.minus(1, 3)), expected, atol=1e-6)


def test_all_particles_carry_their_state_as_class_number(tmp_path: Path) -> None:
    run, rows = write_run(tmp_path, 30)
    files = run.landscape
    settings = dataclasses.replace(SMALL, n_states=3)
    map_landscape(arm_source(ring_latents(30)), files, run, settings, Progress(io.StringIO()))
    table = starfile.read(files.particles(".star"))["particles"].set_index("rlnImageName")
    names = [row.split()[0] for row in rows]
    np.testing.assert_array_equal(table.loc[names, "rlnClassNumber"], np.load(files.particle_states))
    assert files.states.particles(3, ".star").is_file()
