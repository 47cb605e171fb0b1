"""Masks of the explorer: made, sent, saved, refused; the states inside them are those that landscape would find."""

import numpy as np
import pytest
from arm_model import BOX_SIZE, PIXEL_SIZE_IN_ANGSTROMS
from explorer_run import N_STATES, explorer_source
from served_explorer import Explorer, files_below
from sklearn.metrics import adjusted_rand_score

from gem_plugin.explorer.sketch_voxels import SketchVoxels, average_cubes
from gem_plugin.io.array_files import read_array, read_rows
from gem_plugin.io.mrc.maps import read_map, write_map
from gem_plugin.landscape.mask import VolumeScan, make_mask
from gem_plugin.landscape.motion.gaussians import GaussianMotion
from gem_plugin.landscape.motion.moving_parts import find_moving_parts
from gem_plugin.landscape.volume_pca import distances_from_products, inner_products, weighted_mean

MADE = {"kind": "made", "level": 0.1, "dilate": 5.0, "edge": 0.0}
GROUPING = {"nStates": N_STATES, "linkage": "ward", "region": "whole"}


def test_the_made_mask_with_the_settings_of_landscape_is_its_mask(explorer: Explorer) -> None:
    saved, _ = explorer.ask_packed("/api/mask", {"kind": "landscape"})
    made, content = explorer.ask_packed("/api/mask", MADE)
    assert made == saved
    mask = read_map(explorer.run.landscape.mask).volume
    assert made["voxels"] == (mask > 0).sum()
    assert made["cubicNanometres"] == pytest.approx((mask > 0).sum() * PIXEL_SIZE_IN_ANGSTROMS**3 / 1000)
    size = explorer.ask_json("/api/model")["model"]["windowSize"]
    first = BOX_SIZE // 2 - size // 2
    window = mask[first : first + size, first : first + size, first : first + size]
    np.testing.assert_array_equal(np.frombuffer(content, np.uint8).reshape(window.shape) > 127, window > 0.5)


def test_states_inside_the_same_mask_made_here_are_those_of_landscape(explorer: Explorer) -> None:
    """One comes from the distances that landscape wrote, the other from maps decoded again by the page's server."""
    head, content = explorer.ask_packed("/api/states", {**GROUPING, "mask": MADE})
    saved, states = explorer.ask_packed("/api/states", GROUPING)
    assert content == states
    np.testing.assert_allclose(np.array(head["tree"])[:, 2], np.array(saved["tree"])[:, 2], rtol=1e-3)


def test_a_mask_without_the_arm_finds_no_states_of_the_arm(explorer: Explorer) -> None:
    """A mask about the still part only: what is grouped there has nothing to do with the angle of the arm."""
    scan = VolumeScan(**dict(np.load(explorer.run.landscape.scan)))
    source = explorer_source()
    volumes = np.stack(list(source.decode(source.latents[::30])))
    moves = volumes.std(axis=0)
    is_still = (moves < 0.02 * moves.max()) & (scan.brightest > 0.1 * scan.bright_levels.mean())
    assert is_still.sum() > 20
    path = explorer.run.root / "still_mask.mrc"
    write_map(path, is_still.astype(np.float32), PIXEL_SIZE_IN_ANGSTROMS)
    assert "still_mask.mrc" in explorer.ask_json("/api/model")["landscape"]["masks"]
    request = {"kind": "file", "file": "still_mask.mrc"}
    _, inside = explorer.ask_packed("/api/states", {**GROUPING, "nStates": 3, "mask": request})
    _, whole = explorer.ask_packed("/api/states", {**GROUPING, "nStates": 3})
    assert adjusted_rand_score(np.frombuffer(inside, "<f4"), np.frombuffer(whole, "<f4")) < 0.8
    path.unlink()


def test_a_mask_that_was_sent_is_kept_on_the_grid_of_the_maps(explorer: Explorer, tmp_path) -> None:
    coarse = np.zeros((BOX_SIZE // 2,) * 3, np.float32)
    coarse[4:-4, 4:-4, 4:-4] = 1
    write_map(tmp_path / "coarse.mrc", coarse, 2 * PIXEL_SIZE_IN_ANGSTROMS)
    answer = explorer.ask_json("/api/mask/coarse", (tmp_path / "coarse.mrc").read_bytes())
    assert answer["file"] == "explore/masks/coarse.mrc"
    assert answer["file"] in answer["files"]
    assert "it is resampled about its centre to 24 voxels of 4 A" in " ".join(answer["notices"])
    assert f"gem-em landscape {explorer.run.root} --mask" in answer["command"]
    kept = read_map(explorer.run.root / answer["file"])
    assert (kept.volume.shape, kept.pixel_size_in_angstroms) == ((BOX_SIZE,) * 3, PIXEL_SIZE_IN_ANGSTROMS)
    head, _ = explorer.ask_packed("/api/mask", {"kind": "file", "file": answer["file"]})
    assert head["voxels"] == (kept.volume > 0).sum()


def test_a_made_mask_is_saved_for_a_whole_landscape(explorer: Explorer) -> None:
    request = {"kind": "made", "level": 0.3, "dilate": 10.0, "edge": 8.0}
    answer = explorer.ask_json("/api/save/mask/wide", request)
    scan = VolumeScan(**dict(np.load(explorer.run.landscape.scan)))
    threshold = 0.3 * float(scan.bright_levels.mean())
    expected = make_mask(scan.brightest, threshold, PIXEL_SIZE_IN_ANGSTROMS, 10.0, 8.0)
    np.testing.assert_array_equal(read_map(explorer.run.root / answer["file"]).volume, expected)


def test_wrong_masks_are_refused_with_a_reason_and_leave_nothing(explorer: Explorer, tmp_path) -> None:
    write_map(tmp_path / "outside_mask.mrc", np.ones((BOX_SIZE,) * 3), PIXEL_SIZE_IN_ANGSTROMS)
    (explorer.run.root / "linked_mask.mrc").symlink_to(tmp_path / "outside_mask.mrc")
    before = files_below(explorer.run.root.parent)
    for request, reason in (
        ({**MADE, "level": 0}, b"a level above 0"),
        ({**MADE, "dilate": 1e9}, b"margins of 0 to 100"),
        ({**MADE, "edge": "wide"}, b"Expected numbers for edge"),
        ({**MADE, "level": [1, 2]}, b"Expected one number for level"),
        ({"kind": "other"}, b"There is no mask 'other'"),
        ({"kind": "file", "file": "../secret_mask.mrc"}, b"There is no mask"),
        ({"kind": "file", "file": "linked_mask.mrc"}, b"There is no mask"),
        ({"kind": "file", "file": str(tmp_path / "outside_mask.mrc")}, b"There is no mask"),
    ):
        for path, body in (("/api/mask", request), ("/api/states", {**GROUPING, "mask": request})):
            status, content = explorer.ask(path, body)
            assert status == 400, request
            assert reason in content, content
    write_map(tmp_path / "small.mrc", np.ones((8, 8, 8)), PIXEL_SIZE_IN_ANGSTROMS)
    write_map(tmp_path / "empty.mrc", np.zeros((BOX_SIZE,) * 3), PIXEL_SIZE_IN_ANGSTROMS)
    for body, reason in (
        (b"not a map", b"the uploaded file is truncated"),
        ((tmp_path / "small.mrc").read_bytes(), b"the mask has "),
        ((tmp_path / "empty.mrc").read_bytes(), b"The mask is empty"),
    ):
        status, content = explorer.ask("/api/mask/bad", body)
        assert status == 400
        assert reason in content, content
    for name in ("..%2Fout", ".hidden", "a%2Fb"):
        assert explorer.ask(f"/api/mask/{name}", (tmp_path / "small.mrc").read_bytes())[0] in (400, 404)
        assert explorer.ask(f"/api/save/mask/{name}", MADE)[0] in (400, 404)
    assert files_below(explorer.run.root.parent) == before
    (explorer.run.root / "linked_mask.mrc").unlink()


def test_coarser_maps_give_nearly_the_same_distances(
    explorer: Explorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, files = explorer_source(), explorer.run.landscape
    rows = read_rows(files.sketch_rows, source.n_particles)
    volumes = list(source.decode(source.latents[rows]))
    scan = VolumeScan(**dict(np.load(files.scan)))
    counts = np.ones(len(rows))
    mask = read_map(files.mask).volume
    fine = SketchVoxels(volumes, len(rows), scan.brightest, float(scan.bright_levels.mean()))
    assert fine.factor == 1
    monkeypatch.setattr(
        "gem_plugin.explorer.sketch_voxels.MAXIMUM_BYTES", 4 * len(rows) * fine.matrix.shape[1] // 2
    )
    coarse = SketchVoxels(volumes, len(rows), scan.brightest, float(scan.bright_levels.mean()))
    assert coarse.factor == 2
    exact = read_array(files.distances, "landscape")
    upper = np.triu_indices(len(rows), 1)
    of_fine = fine.distances(fine.weights_of(mask), counts)[upper]
    of_coarse = coarse.distances(coarse.weights_of(mask), counts)[upper]
    np.testing.assert_allclose(of_fine, exact[upper], rtol=0.01, atol=0.01 * exact.max())
    assert np.corrcoef(of_coarse, exact[upper])[0, 1] > 0.98
    assert of_coarse.mean() == pytest.approx(exact[upper].mean(), rel=0.3)


def test_distances_are_those_of_masked_maps() -> None:
    generator = np.random.default_rng(0)
    volumes = generator.normal(size=(5, 7, 7, 7)).astype(np.float32)
    mask = generator.uniform(size=(7, 7, 7)).astype(np.float32)
    voxels = SketchVoxels(volumes, 5, np.ones((7, 7, 7)), 1.0)
    masked = (np.maximum(volumes, 0) * mask).reshape(5, -1)
    expected = distances_from_products(inner_products(masked, weighted_mean(masked, np.ones(5))))
    np.testing.assert_allclose(voxels.distances(voxels.weights_of(mask), np.ones(5)), expected, atol=1e-4)


def test_cubes_keep_the_sum_of_an_odd_box() -> None:
    volume = np.random.default_rng(0).uniform(size=(5, 5, 5)).astype(np.float32)
    assert average_cubes(volume, 2).shape == (3, 3, 3)
    assert average_cubes(volume, 2).sum() * 8 == pytest.approx(volume.sum())


@pytest.mark.parametrize("is_flipped", [False, True])
def test_parts_are_where_their_gaussians_are(is_flipped: bool) -> None:
    box = 9
    positions = np.array([[0.0, 0.0, 6.0], [0.0, 0.0, -6.0]])  # xyz, Angstrom: part 1 above, part 2 below
    _, table = find_moving_parts(np.repeat(positions[None], 3, axis=0), np.ones((3, 2)), seed=0)
    shared = positions, np.ones(2), np.ones(2), np.ones((2, 3)), np.ones(2)
    motion = GaussianMotion(*shared, parts=np.array([1, 2]), moving_parts=table)
    voxels = SketchVoxels(np.ones((1, box, box, box)), 1, np.ones((box, box, box)), 1.0)
    above = voxels.is_in_part(motion, 1, 2.0, is_flipped).reshape(box, box, box)
    assert above[0].all() == is_flipped
    assert above[-1].all() != is_flipped
