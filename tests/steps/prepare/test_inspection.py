"""Joined sets: images of some stacks or optics groups that are not normalised, or dark, among others that are."""

import io
from pathlib import Path

import numpy as np
import pytest
from prepared_images import prepared, prepared_with_notices, warnings_in
from relion_projects import RelionProject, noisy_images

from gem_plugin.io.mrc.stacks import write_stack
from gem_plugin.io.run.files import RunFiles
from gem_plugin.notices import NOTE, listening
from gem_plugin.progress import Progress
from gem_plugin.steps.prepare import step as prepare
from gem_plugin.steps.prepare.settings import PrepareSettings
from gem_plugin.steps.prepare.step import run_prepare


@pytest.fixture
def run(tmp_path: Path) -> RunFiles:
    return RunFiles(tmp_path / "run")


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


@pytest.mark.parametrize("pixel_size", [2.5, 3.0])
def test_normalised_images_of_coarser_pixels_are_not_said_to_be_off(
    tmp_path: Path, run: RunFiles, pixel_size: float
) -> None:
    """On the grid of finer pixels they lack noise beyond their own Nyquist frequency, which is no fault of theirs."""
    project = RelionProject(tmp_path / "project", n_particles=200, box_size=32)
    project.optics[0]["_rlnImageSize"] = "32"
    coarser = {"_rlnOpticsGroup": "2", "_rlnImagePixelSize": f"{pixel_size}", "_rlnImageSize": "26"}
    project.optics.append({**project.optics[0], **coarser})
    project.columns["_rlnOpticsGroup"] = ["1", "2"] * 100
    project.write_star()
    project.write_stacks(np.repeat(noisy_images(100, 32), 2, axis=0))
    with write_stack(project.folder / "Extract/job004/mic1.mrcs", pixel_size) as writer:
        writer.append(noisy_images(100, 26))
    data, notices = prepared_with_notices(project, run)
    said = " ".join(notice.sentence for notice in notices)
    assert "do not have a background" not in said
    assert f"images have pixels of {pixel_size:.4g} A and hold no finer detail" in said
    background = np.array(data.images)[:, prepare.background_mask(data.images.shape[1], 12).numpy()]
    of_first, of_second = background[::2].std(), background[1::2].std()
    assert of_first == pytest.approx(1, abs=0.05)
    assert of_second == pytest.approx(1, abs=0.05)
    spoilt = 3 * noisy_images(100, 26) + 10
    with write_stack(project.folder / "Extract/job004/mic1.mrcs", pixel_size) as writer:
        writer.append(spoilt)
    _, notices = prepared_with_notices(project, run)
    assert "(optics group 2; stack Extract/job004/mic1.mrcs) do not have a background" in " ".join(
        notice.sentence for notice in notices
    )
