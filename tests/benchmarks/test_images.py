"""Images of the bench: as the independent maker makes them, and with every disturbance at its planted size."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from small_truth import truth_with_moving_arm
from truth.images import SNR, Drawn, Imaging, clean_images, draw, exact_counts, make_images, noise_images
from truth.known_truth import read_truth
from truth.molecules import Molecule
from truth.pose_scores import pose_error, poses_of_file

from gem_plugin.io.mrc.stacks import open_stack
from gem_plugin.results.particle_file import open_particle_file

BOX, PIXEL = 32, 6.0


@pytest.fixture
def molecule() -> Molecule:
    truth = truth_with_moving_arm(2, 12.0)
    return Molecule(
        "test",
        truth.positions_in_angstroms,
        truth.amplitudes,
        truth.widths_in_angstroms,
        np.array([0.8, 0.2]),
    )


def imaging(n: int = 300, **disturbances: float) -> Imaging:
    return Imaging(n, BOX, PIXEL, seed=4, largest_shift_in_angstroms=6.0, **disturbances)  # type: ignore[arg-type]


def first_images(molecule: Molecule, drawn: Drawn, how: Imaging, n: int = 20) -> np.ndarray:
    return clean_images(molecule, drawn, np.arange(n), how, np.random.default_rng(0)).numpy()


def test_images_are_those_of_make_dataset(maker, molecule: Molecule) -> None:  # type: ignore[no-untyped-def]
    how = imaging()
    drawn = draw(molecule, how)
    table, rows, fine = drawn.true, np.arange(20), 2 * BOX
    places = np.einsum(
        "bij,bnj->bni",
        table.rotation_matrices[rows, :2],
        molecule.positions_in_angstroms[drawn.which[rows]],
    )
    places = (places - table.shifts_in_angstroms[rows, None]) / (PIXEL / 2) + fine // 2
    images = np.zeros((len(rows), fine, fine), np.float32)
    amplitudes = molecule.amplitudes[drawn.which[rows]]
    maker.splat2(places.astype(np.float32), amplitudes, 0.7, fine, 3, images)
    ctf = maker.ctf(
        fine,
        PIXEL / 2,
        table.defocus_u_in_angstroms[rows].astype(np.float64),
        table.defocus_v_in_angstroms[rows].astype(np.float64),
        table.defocus_angle_in_degrees[rows].astype(np.float64),
        B=100.0,
    )
    spectra = np.fft.rfft2(images) * ctf
    half = BOX // 2
    cropped = np.concatenate([spectra[:, :half, : half + 1], spectra[:, -half:, : half + 1]], axis=1)
    theirs = np.fft.irfft2(cropped, s=(BOX, BOX)).ravel()
    ours = first_images(molecule, drawn, how).ravel()
    assert np.corrcoef(ours, theirs)[0, 1] > 0.99


def test_states_come_in_their_fractions() -> None:
    assert exact_counts(np.array([0.8, 0.2]), 300).tolist() == [240, 60]
    assert exact_counts(np.full(7, 1 / 7), 100).sum() == 100


def test_a_set_is_whole_and_its_truth_is_what_was_imaged(molecule: Molecule, tmp_path: Path) -> None:
    how = imaging(pose_noise=3, shift_noise=2)
    resolution = make_images(tmp_path, molecule, how)
    assert 2 * PIXEL <= resolution < 100
    names = {"particles.star", "particles.mrcs", "truth.npz", "consensus.mrc", "consensus_half1.mrc"}
    assert names <= {path.name for path in tmp_path.iterdir()}
    truth = read_truth(tmp_path)
    assert np.bincount(truth.which).tolist() == [240, 60]
    assert np.allclose(truth.rotation_matrices, draw(molecule, how).true.rotation_matrices, atol=1e-5)
    written = poses_of_file(open_particle_file(tmp_path / "particles.star"))
    assert pose_error(truth, *written) == pytest.approx((3, 2), rel=0.1)
    images = open_stack(tmp_path / "particles.mrcs")
    assert images.shape == (300, BOX, BOX)
    assert images.var() == pytest.approx(1 + SNR, abs=0.03)
    clean = first_images(molecule, draw(molecule, how), how, 100)
    match = (images[:100] * clean).sum() / np.sqrt((clean**2).sum())
    assert match > 20  # standard deviations of noise: the images show what the truth says


def test_the_same_seed_makes_the_same_set(molecule: Molecule, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        make_images(
            tmp_path / name, molecule, imaging(40, junk=0.2, neighbours=0.3, contrast=0.2, coloured=8)
        )
    first, second = ((tmp_path / name / "particles.mrcs").read_bytes()[1024:] for name in ("one", "two"))
    assert first == second


def test_junk_is_noise_alone_or_a_wrong_pose(molecule: Molecule) -> None:
    how = imaging(2000, junk=0.1)
    drawn = draw(molecule, how)
    assert np.isin(drawn.kinds, (1, 2)).mean() == pytest.approx(0.1, abs=0.02)
    assert (drawn.kinds == 1).sum() == pytest.approx((drawn.kinds == 2).sum(), rel=0.3)
    images = first_images(molecule, drawn, how, 200)
    kinds = drawn.kinds[:200]
    assert np.abs(images[kinds == 1]).max() == 0
    usual = clean_images(
        molecule,
        dataclasses.replace(drawn, imaged=drawn.true),
        np.arange(200),
        how,
        np.random.default_rng(0),
    ).numpy()
    assert np.allclose(images[kinds == 0], usual[kinds == 0])
    assert not np.allclose(images[kinds == 2], usual[kinds == 2], atol=0.1 * usual.std())


def test_contrast_and_defocus_and_b_factor(molecule: Molecule) -> None:
    drawn = draw(molecule, imaging(2000, contrast=0.2, defocus_noise=200, has_bfactor_column=False))
    assert np.log(drawn.gains).std() == pytest.approx(0.2, rel=0.1)
    moved = drawn.written.defocus_u_in_angstroms - drawn.true.defocus_u_in_angstroms
    assert moved.std() == pytest.approx(200, rel=0.1)
    assert drawn.written.b_factor_in_square_angstroms.max() == 0
    assert drawn.imaged.b_factor_in_square_angstroms.min() == 100


def test_neighbours_lie_at_the_rim_and_do_not_wrap(molecule: Molecule) -> None:
    how = imaging(100, neighbours=0.5)
    drawn = draw(molecule, how)
    alone = dataclasses.replace(drawn, has_neighbour=np.zeros(100, bool))
    added = first_images(molecule, drawn, how, 100) - first_images(molecule, alone, how, 100)
    has = drawn.has_neighbour
    assert 30 < has.sum() < 70
    assert np.abs(added[~has]).max() == 0
    power = (added[has] ** 2).mean(axis=0)
    middle = power[12:20, 12:20].mean()
    assert middle < 0.1 * np.concatenate([power[:4].ravel(), power[-4:].ravel()]).mean()


def test_ice_adds_power_at_low_resolution_only() -> None:
    noise = noise_images(400, imaging(coloured=8), np.random.default_rng(0))
    power = (torch.fft.rfft2(noise).abs() ** 2).mean(dim=0) / BOX**2
    assert float(power[0, 1]) == pytest.approx(1 + 8 * np.exp(-40 / (BOX * PIXEL)), rel=0.15)
    assert float(power[16, 16]) == pytest.approx(1, abs=0.3)
