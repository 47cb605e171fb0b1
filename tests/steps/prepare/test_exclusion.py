"""Particles that cannot be used are left out with the reason, up to a tenth of the set; sets that say nothing are refused."""

import io
from pathlib import Path

import numpy as np
import pytest
from prepared_images import assert_refused, prepared, prepared_with_notices, warnings_in
from relion_projects import RelionProject, noisy_images

from gem_plugin.errors import InputError
from gem_plugin.io.run.excluded import read_excluded
from gem_plugin.io.run.files import RunFiles
from gem_plugin.notices import listening
from gem_plugin.progress import Progress
from gem_plugin.steps.prepare.settings import PrepareSettings
from gem_plugin.steps.prepare.step import run_prepare


@pytest.fixture
def run(tmp_path: Path) -> RunFiles:
    return RunFiles(tmp_path / "run")


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
    assert "1 of 20 particles is left out of training, states and populations" in warnings_in(notices)
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
