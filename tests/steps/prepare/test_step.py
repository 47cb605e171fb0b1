"""prepare keeps the physics of the images: order, centre, grey values, and says what is wrong before it works."""

import io
import os
from pathlib import Path

import numpy as np
import pytest
from relion_projects import RelionProject, noisy_images

from gem_plugin.errors import InputError
from gem_plugin.io.mrc.maps import write_map
from gem_plugin.io.run.excluded import read_excluded
from gem_plugin.io.run.files import RunFiles
from gem_plugin.notices import NOTE, WARNING, Notice, listening
from gem_plugin.particles import images as particle_images
from gem_plugin.particles.prepared import PreparedData, load_prepared
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


def prepared(project: RelionProject, run: RunFiles, **settings) -> PreparedData:
    return prepared_with_notices(project, run, **settings)[0]


def prepared_with_notices(
    project: RelionProject, run: RunFiles, **settings
) -> tuple[PreparedData, list[Notice]]:
    with listening(lambda notice: None) as notices:
        run_prepare(run, PrepareSettings(particles=project.star, **settings), Progress(io.StringIO()))
    return load_prepared(run), notices


def warnings_in(notices: list[Notice]) -> str:
    return "\n".join(notice.sentence for notice in notices if notice.level == WARNING)


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


def assert_refused(project: RelionProject, run: RunFiles, pattern: str, **settings) -> None:
    """The error is raised, and results of an earlier run are left as they were."""
    earlier = {run.prepared_images: b"earlier images", run.prepared_table: b"earlier table"}
    for path, content in earlier.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    with pytest.raises(InputError, match=pattern):
        run_prepare(run, PrepareSettings(particles=project.star, **settings), Progress(io.StringIO()))
    assert {path: path.read_bytes() for path in run.prepared_images.parent.iterdir()} == earlier


def test_missing_stack(project: RelionProject, run: RunFiles) -> None:
    (project.folder / "Extract/job004/mic0.mrcs").unlink()
    assert_refused(project, run, "1 of 2 image stacks are missing: Extract/job004/mic0.mrcs")


def test_truncated_stack(project: RelionProject, run: RunFiles) -> None:
    os.truncate(project.folder / "Extract/job004/mic0.mrcs", 2000)
    assert_refused(project, run, "mic0.mrcs is truncated")


def test_map_of_another_box(project: RelionProject, run: RunFiles) -> None:
    project.write_map(box_size=20)
    assert_refused(project, run, "run_class001.mrc: the map has 20 x 20 x 20 voxels", map=project.map)


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


# Particles that cannot be used


def spoilt(images: np.ndarray, row: int, how: str) -> None:
    if how == "constant":
        images[row] = 2
    elif how == "zero":
        images[row] = 0
    else:
        pixel = (0, 0) if "corner" in how else (5, 5)
        images[row][pixel] = float(how.split()[0])


REASONS = {
    "nan": "its image is not all numbers",
    "inf": "its image is not all numbers",
    "constant": "its image is constant",
    "zero": "its image is constant",
    "1e4": "a hot pixel",
    "-1e30": "a hot pixel",
    "1e38": "a hot pixel",
    "1e4 in a corner": "a hot pixel",
}


@pytest.mark.parametrize("normalise", ["auto", "always", "never"])
@pytest.mark.parametrize("how", list(REASONS))
def test_an_image_that_cannot_be_a_particle_is_left_out_and_the_run_goes_on(
    tmp_path: Path, run: RunFiles, how: str, normalise: str
) -> None:
    project = RelionProject(tmp_path / "project", n_particles=20).write()
    clean = prepared(project, RunFiles(tmp_path / "clean"), normalise=normalise)
    images = noisy_images(20, 16)
    spoilt(images, 3, how)
    with np.errstate(invalid="ignore", over="ignore"):
        project.write_stacks(images)
    data, notices = prepared_with_notices(project, run, normalise=normalise)
    excluded = read_excluded(run)
    name = project.columns["_rlnImageName"][3]
    assert excluded.rows.tolist() == [3]
    assert excluded.image_names == [name]
    assert REASONS[how] in excluded.reasons[0]
    assert "1 of 20 particle is left out of training, states and populations" in warnings_in(notices)
    assert f"row 3 ({name}): {excluded.reasons[0]}" in warnings_in(notices)
    assert len(data.table) == 20
    assert (data.images[3] == 0).all()
    np.testing.assert_allclose(
        np.delete(data.images, 3, 0), np.delete(clean.images, 3, 0), rtol=0.2, atol=1e-3
    )
    assert data.noise_spectrum.mean() == pytest.approx(clean.noise_spectrum.mean(), rel=0.1)


def test_a_tenth_may_be_left_out_and_no_more(tmp_path: Path, run: RunFiles) -> None:
    project = RelionProject(tmp_path / "project", n_particles=20).write()
    images = noisy_images(20, 16)
    images[[2, 7]] = np.nan
    project.write_stacks(images)
    prepared(project, run)
    assert read_excluded(run).rows.tolist() == [2, 7]
    images[[11]] = 5
    project.write_stacks(images)
    assert_refused(
        project,
        run,
        r"at least 3 of 20 particles cannot be used, more than a tenth: row 2 \(.*\), row 7 \(.*\): its image is not all "
        r"numbers .*; row 11 \(.*\): its image is constant\. Extract the particles again",
    )


def test_a_list_of_the_last_time_goes_when_all_can_be_used(tmp_path: Path, run: RunFiles) -> None:
    project = RelionProject(tmp_path / "project", n_particles=20).write()
    images = noisy_images(20, 16)
    images[2] = np.nan
    project.write_stacks(images)
    prepared(project, run)
    project.write_stacks()
    prepared(project, run)
    assert not run.excluded.exists()


@pytest.mark.parametrize("scale", ["0.0", "-1.0", "5000.0"])
def test_a_particle_without_ctf_is_left_out(tmp_path: Path, run: RunFiles, scale: str) -> None:
    project = RelionProject(tmp_path / "project", n_particles=20)
    project.columns["_rlnCtfScalefactor"] = ["1.0"] * 19 + [scale]
    project.write()
    _, notices = prepared_with_notices(project, run)
    assert read_excluded(run).rows.tolist() == [19]
    assert (
        f"(rlnCtfScalefactor; in CryoSPARC ctf/scale times alignments3D/alpha) is {float(scale):g}"
        in warnings_in(notices)
    )


def test_a_set_without_ctf_is_refused_before_its_images_are_looked_for(tmp_path: Path, run: RunFiles) -> None:
    project = RelionProject(tmp_path / "project", n_particles=20)
    project.columns["_rlnCtfScalefactor"] = ["0.0"] * 20
    project.write_star()  # without stacks
    assert_refused(
        project,
        run,
        r"at least 20 of 20 particles cannot be used.*CTF scale factor .* is 0, expected about 1",
    )


@pytest.mark.parametrize("n_particles", [1, 2])
def test_one_or_two_particles_are_refused_before_their_images_are_looked_for(
    tmp_path: Path, run: RunFiles, n_particles: int
) -> None:
    project = RelionProject(tmp_path / "project", n_particles=n_particles)
    project.write_star()  # without stacks
    assert_refused(
        project, run, rf"run_data.star holds {n_particles} particles?; expected thousands, at least 5"
    )


# Joined sets


def joined(
    folder: Path, change, n_particles: int = 60, box_size: int = 32, one_group: bool = False
) -> RelionProject:
    """Odd rows are in another stack and optics group, and changed."""
    project = RelionProject(folder, n_particles=n_particles, box_size=box_size)
    project.optics[0]["_rlnImageSize"] = str(box_size)
    if not one_group:
        project.optics.append(
            {**project.optics[0], "_rlnOpticsGroup": "2", "_rlnOpticsGroupName": "opticsGroup2"}
        )
        project.columns["_rlnOpticsGroup"] = [str(row % 2 + 1) for row in range(n_particles)]
    project.write_star()
    images = noisy_images(n_particles, box_size)
    images[1::2] = change(images[1::2])
    project.write_stacks(images)
    return project


def test_half_of_the_set_with_another_background_is_found_and_all_are_normalised(
    tmp_path: Path, run: RunFiles
) -> None:
    project = joined(tmp_path / "project", lambda images: 3 * images + 10)
    data, notices = prepared_with_notices(project, run)
    background = np.array(data.images)[:, prepare.background_mask(32, 16).numpy()]
    np.testing.assert_allclose(background.mean(axis=1), 0, atol=1e-4)
    np.testing.assert_allclose(background.std(axis=1, ddof=1), 1, atol=1e-4)
    (found,) = [notice for notice in notices if notice.level == NOTE]
    assert (
        "About 50 % of the images (optics group 2; stack Extract/job004/mic1.mrcs) do not have"
        in found.sentence
    )
    _, notices = prepared_with_notices(project, run, normalise="never")
    assert "The grey scale of the results is wrong where they differ" in warnings_in(notices)


def test_one_stack_of_a_hundred_with_another_background_is_found(tmp_path: Path, run: RunFiles) -> None:
    project = RelionProject(tmp_path / "project", n_particles=1000, box_size=32)
    project.optics[0]["_rlnImageSize"] = "32"
    project.columns["_rlnImageName"] = [
        f"{row // 100 + 1:06d}@mic{row % 100:02d}.mrcs" for row in range(1000)
    ]
    images = noisy_images(1000, 32)
    images[41::100] = 3 * images[41::100] + 10
    project.write_star()
    project.write_stacks(images)
    data, notices = prepared_with_notices(project, run)
    assert "stack mic41.mrcs" in notices[0].sentence
    assert abs(float(data.images[41].mean())) < 1


@pytest.mark.parametrize("one_group", [False, True])
def test_dark_particles_among_light_ones_are_inverted_and_named(
    tmp_path: Path, run: RunFiles, one_group: bool
) -> None:
    alike = joined(tmp_path / "alike", lambda images: images, one_group=one_group)
    expected = prepared(alike, RunFiles(tmp_path / "other"))
    project = joined(tmp_path / "project", lambda images: -images, one_group=one_group)
    data, notices = prepared_with_notices(project, run)
    np.testing.assert_allclose(data.images, expected.images, atol=1e-6)
    named = "stack Extract/job004/mic1.mrcs" if one_group else "optics group 2"
    assert f"30 of 60 particles ({named}) are dark on a light background" in warnings_in(notices)


def test_one_dark_stack_of_many_is_found_by_a_second_look(tmp_path: Path, run: RunFiles) -> None:
    project = RelionProject(tmp_path / "project", n_particles=2000, box_size=32)
    project.optics[0]["_rlnImageSize"] = "32"
    project.columns["_rlnImageName"] = [
        f"{row // 200 + 1:06d}@mic{row % 200:03d}.mrcs" for row in range(2000)
    ]
    images = noisy_images(2000, 32)
    images[41::200] *= -1
    project.write_star()
    project.write_stacks(images)
    _, notices = prepared_with_notices(project, run)
    assert "10 of 2000 particles (stack mic041.mrcs) are dark" in warnings_in(notices)


def test_case_of_a_mixed_normalisation(shared_cases: Path, run: RunFiles) -> None:
    (star,) = (shared_cases / "relion" / "08c_mixed_norm" / "Refine3D").rglob("*.star")
    with listening(lambda notice: None) as notices:
        summary = run_prepare(run, PrepareSettings(particles=star), Progress(io.StringIO()))
    assert summary["background_normalised_here"] is True
    assert any("do not have a background of mean 0" in notice.sentence for notice in notices)


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("aberrations/P1/J78", "CTF scale factor .* is 0, expected about 1"),
        ("aberrations/P1/J79", "CTF scale factor"),
        ("counts/P1/J51", "holds 1 particle; expected thousands, at least 5"),
        ("counts/P1/J52", "holds 2 particles; expected thousands, at least 5"),
    ],
)
def test_cases_of_particles_that_say_nothing(
    shared_cases: Path, run: RunFiles, case: str, words: str
) -> None:
    settings = PrepareSettings(particles=shared_cases / "cryosparc" / case)
    with listening(lambda notice: None), pytest.raises(InputError, match=words):
        run_prepare(run, settings, Progress(io.StringIO()))
