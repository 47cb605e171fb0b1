"""prepare keeps the physics of the images: order, centre, grey values, and says what is wrong before it works."""

import io
import os
from pathlib import Path

import numpy as np
import pytest
from prepared_images import assert_refused, prepared, prepared_with_notices, warnings_in
from relion_projects import RelionProject, noisy_images

from gem_plugin.errors import InputError
from gem_plugin.io.mrc.maps import write_map
from gem_plugin.io.run.files import RunFiles
from gem_plugin.particles import images as particle_images
from gem_plugin.particles.prepared import load_prepared
from gem_plugin.progress import Progress
from gem_plugin.steps.prepare import step as prepare
from gem_plugin.steps.prepare.settings import PrepareSettings
from gem_plugin.steps.prepare.step import run_prepare


@pytest.fixture
def project(tmp_path: Path) -> RelionProject:
    return RelionProject(tmp_path / "project").write()


@pytest.fixture
def run(tmp_path: Path) -> RunFiles:
    return RunFiles(tmp_path / "run")


def test_normalised_images_of_the_working_box_are_copied_in_row_order(
    project: RelionProject, run: RunFiles
) -> None:
    images = project.write_stacks()
    data = prepared(project, run, map=project.map)
    np.testing.assert_allclose(data.images, images, atol=1e-6)
    assert data.table.image_names.tolist() == project.columns["_rlnImageName"]
    assert data.origin.particle_file == project.star
    assert data.noise_spectrum.shape == (9,)


def test_images_are_the_same_however_few_are_read_at_a_time(
    project: RelionProject, run: RunFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = np.array(prepared(project, run, box=16).images)
    monkeypatch.setattr(particle_images, "BYTES_AT_A_TIME", 1)
    np.testing.assert_array_equal(prepared(project, run, box=16).images, whole)


@pytest.mark.parametrize("box_size", [32, 33])
def test_crop_keeps_the_centre_and_the_field_of_view(box_size: int, tmp_path: Path, run: RunFiles) -> None:
    project = RelionProject(tmp_path / "project", n_particles=5, box_size=box_size)
    project.optics[0]["_rlnImageSize"] = str(box_size)
    offsets = np.arange(box_size) - box_size // 2
    blob = np.exp(-(offsets[:, None] ** 2 + offsets[None, :] ** 2) / 18.0)
    project.write_star()
    project.write_stacks(np.stack([blob] * 5).astype(np.float32))
    data = prepared(project, run, box=16, normalise="never")
    assert data.images.shape == (5, 16, 16)
    assert data.table.pixel_size_in_angstroms == pytest.approx(2.0 * box_size / 16)
    new_offsets = (np.arange(16) - 8) * box_size / 16  # in original pixels
    expected = np.exp(-(new_offsets[:, None] ** 2 + new_offsets[None, :] ** 2) / 18.0)
    np.testing.assert_allclose(data.images[0], expected, atol=0.02)


def test_box_is_never_above_that_of_the_images(tmp_path: Path, run: RunFiles) -> None:
    project = RelionProject(tmp_path / "project", box_size=17)
    project.optics[0]["_rlnImageSize"] = "17"
    project.write_star()
    project.write_stacks()
    assert prepared(project, run).images.shape == (6, 16, 16)


def test_images_that_are_not_normalised_get_a_background_of_0_and_1(
    project: RelionProject, run: RunFiles
) -> None:
    scales = np.array([1, 5, 100, 0.1, 3, 7])[:, None, None]
    images = project.write_stacks((noisy_images(6, 16) * scales + 40).astype(np.float32))
    summary = run_prepare(run, PrepareSettings(particles=project.star), Progress(io.StringIO()))
    assert summary["background_normalised_here"] is True
    data = load_prepared(run)
    corners = prepare.background_mask(16, 8).numpy()
    np.testing.assert_allclose(np.array(data.images)[:, corners].mean(axis=1), 0, atol=1e-4)
    np.testing.assert_allclose(np.array(data.images)[:, corners].std(axis=1, ddof=1), 1, atol=1e-4)
    for before, after in zip(images, data.images):
        assert np.corrcoef(before.ravel(), after.ravel())[0, 1] > 0.9999


def test_crop_of_normalised_images_keeps_the_noise_at_1(tmp_path: Path, run: RunFiles) -> None:
    project = RelionProject(tmp_path / "project", n_particles=100, box_size=32)
    project.optics[0]["_rlnImageSize"] = "32"
    project.write_star()
    project.write_stacks()
    summary = run_prepare(run, PrepareSettings(particles=project.star, box=16), Progress(io.StringIO()))
    assert summary["background_normalised_here"] is False
    assert summary["grey_scale_factor"] == pytest.approx(2, rel=0.05)
    assert load_prepared(run).noise_spectrum.mean() == pytest.approx(1, rel=0.1)


def test_inverted_contrast_turns_the_images(project: RelionProject, run: RunFiles) -> None:
    images = project.write_stacks()
    data = prepared(project, run, invert_contrast=True)
    np.testing.assert_allclose(data.images, -images, atol=1e-6)
    assert (data.table.contrast_sign == 1).all()  # what was wrong is put right


def test_dark_particles_are_pointed_out(tmp_path: Path, run: RunFiles) -> None:
    project = RelionProject(tmp_path / "project", n_particles=40).write()
    for sign, is_warned in ((1, False), (-1, True)):
        project.write_stacks(sign * noisy_images(40, 16))
        _, notices = prepared_with_notices(project, run)
        assert ("particles look dark" in warnings_in(notices)) is is_warned


# Bad input: one clear error, nothing written


def test_missing_stack(project: RelionProject, run: RunFiles) -> None:
    (project.folder / "Extract/job004/mic0.mrcs").unlink()
    assert_refused(project, run, "1 of 2 image stacks are missing: Extract/job004/mic0.mrcs")


def test_truncated_stack(project: RelionProject, run: RunFiles) -> None:
    os.truncate(project.folder / "Extract/job004/mic0.mrcs", 2000)
    assert_refused(project, run, "mic0.mrcs is truncated")


def test_map_of_an_absurd_width(project: RelionProject, run: RunFiles) -> None:
    project.write_map(box_size=70)
    assert_refused(project, run, "run_class001.mrc: the map has 70 voxels of 2 A", map=project.map)


def test_a_coarser_optics_group_sets_the_working_box(project: RelionProject, run: RunFiles) -> None:
    group = dict(project.optics[0])
    project.optics.append(
        group | {"_rlnOpticsGroup": "2", "_rlnImagePixelSize": "2.7", "_rlnImageSize": "16"}
    )
    project.columns["_rlnOpticsGroup"] = ["1", "2"] * 3
    project.write_star()
    project.write_stacks()
    data, notices = prepared_with_notices(project, run)
    assert data.images.shape == (6, 12, 12)
    assert data.table.pixel_size_in_angstroms == pytest.approx(32 / 12)
    said = " ".join(notice.sentence for notice in notices)
    assert "Some images have pixels of 2.7 A and hold no finer detail: the working box is 12 pixels" in said
    assert data.table.optics.magnification[data.table.optics_rows][0].tolist() == [[1, 0], [0, 1]]
    np.testing.assert_allclose(
        data.table.optics.magnification[data.table.optics_rows][1], np.eye(2) * 32 / (12 * 2.7), rtol=1e-6
    )
    np.testing.assert_allclose(
        data.table.shifts_in_angstroms[1], [-1.5 * 32 / 32.4, 0.5 * 32 / 32.4], rtol=1e-5
    )


def test_map_of_another_pixel_size(project: RelionProject, run: RunFiles) -> None:
    project.write_map(pixel_size_in_angstroms=2.5)
    assert_refused(project, run, "run_class001.mrc: the map has 2.5 A per voxel", map=project.map)


def test_unreadable_mask(project: RelionProject, run: RunFiles) -> None:
    mask = project.folder / "mask.mrc"
    mask.write_text("nothing")
    assert_refused(project, run, r"mask.mrc is truncated", mask=mask)
    write_map(mask, np.random.default_rng(0).normal(size=(16, 16, 16)), 2.0)
    assert_refused(project, run, r"mask.mrc: expected a mask with values from 0 to 1", mask=mask)


def test_odd_box(project: RelionProject, run: RunFiles) -> None:
    assert_refused(project, run, "--box is 17; expected an even number", box=17)


def test_no_particles_given(run: RunFiles) -> None:
    with pytest.raises(InputError, match="--particles is missing"):
        run_prepare(run, PrepareSettings(), Progress(io.StringIO()))


def test_unwritable_folder(project: RelionProject, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match=r"file/run/prepared cannot be written to: Not a directory"):
        prepared(project, RunFiles(tmp_path / "file" / "run"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_folder_without_permission(project: RelionProject, tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0o500)
    with pytest.raises(InputError, match="cannot be written to: Permission denied"):
        prepared(project, RunFiles(tmp_path / "closed"))


def test_full_disk(project: RelionProject, run: RunFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr(prepare.shutil, "disk_usage", lambda folder: usage)
    assert_refused(project, run, r"are needed for 6 images of 16 pixels.*Make room")


# Real data


def test_real_particles_of_relion_31(shared_data: Path, run: RunFiles) -> None:
    settings = PrepareSettings(particles=shared_data / "real" / "relion31.star", box=64)
    summary = run_prepare(run, settings, Progress(io.StringIO()))
    data = load_prepared(run)
    assert summary["background_normalised_here"] is False
    assert data.images.shape == (5, 64, 64)
    assert data.table.pixel_size_in_angstroms == pytest.approx(2.806 * 4)


def test_a_few_images_on_ice_do_not_set_the_noise_of_all(tmp_path: Path, run: RunFiles) -> None:
    project = RelionProject(tmp_path / "project", n_particles=40).write()
    images = noisy_images(40, 16)
    clean = prepared(project, RunFiles(tmp_path / "clean")).noise_spectrum.mean()
    images[::20] += np.linspace(-8, 8, 16, dtype=np.float32)  # a gradient across two of the images
    project.write_stacks(images)
    assert prepared(project, run).noise_spectrum.mean() < 1.3 * clean


def test_images_with_an_empty_background_have_a_spectrum_all_the_same(
    project: RelionProject, run: RunFiles
) -> None:
    images = np.zeros((6, 16, 16), dtype=np.float32)
    images[:, 6:10, 6:10] = np.arange(1, 17, dtype=np.float32).reshape(4, 4)
    project.write_stacks(images)
    assert np.isfinite(prepared(project, run, normalise="never").noise_spectrum).all()
