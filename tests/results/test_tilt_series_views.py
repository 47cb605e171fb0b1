"""Views of tilt series written and read again: chosen views with their poses and numbers, particles in their original ones."""

from pathlib import Path

import numpy as np
import pytest
import starfile
from tilt_complexes import expanded_file, prepared_run, run_of_views, simulate_tilt_complex, tomograms_of
from tilt_poses import check_is_moved, leave_changes
from tilt_projects import FORMS, RELION, SERIES, copied, read

from gem_plugin.errors import InputError
from gem_plugin.particles.prepared import load_prepared
from gem_plugin.particles.tilt_series import TiltSeriesParticles, write_subset
from gem_plugin.progress import Progress
from gem_plugin.results.run import Run
from gem_plugin.results.tilt_series_views import TiltSeriesViews
from gem_plugin.results.unexpanded import particles_of_views
from gem_plugin.results.written_particles import write_refined_particles
from gem_plugin.steps.select.settings import SelectSettings
from gem_plugin.steps.select.step import run_select

CHOSEN = np.array([20, 1, 3, 5, 4, 35])  # views of the particles 0, 1, 6 and 11


@pytest.fixture(scope="module")
def complex_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return simulate_tilt_complex(tmp_path_factory.mktemp("complex") / "project")


@pytest.fixture
def project(complex_project: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    return copied(complex_project, tmp_path)


def views_of(run: Run) -> TiltSeriesParticles:
    tilts = load_prepared(run.files).tilts
    assert tilts is not None
    return tilts.particles


def assert_same_views(found: TiltSeriesParticles, expected: TiltSeriesParticles) -> None:
    assert found.names.tolist() == expected.names.tolist()
    for name in ("particle_indices", "half_sets", "class_numbers"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
    np.testing.assert_allclose(found.rotation_matrices, expected.rotation_matrices, atol=1e-4)
    np.testing.assert_array_equal(found.images.image_indices, expected.images.image_indices)
    np.testing.assert_array_equal(found.images.slice_indices, expected.images.slice_indices)
    for name in ("rotation_matrices", "shifts_in_angstroms", "defocus_u_in_angstroms", "doses"):
        np.testing.assert_allclose(getattr(found.images, name), getattr(expected.images, name), atol=1e-4)


@pytest.mark.parametrize("form", FORMS)
def test_chosen_views_read_as_themselves(project, tmp_path, form):
    run = run_of_views(project, form, tmp_path / "run")
    file = run.original
    assert isinstance(file, TiltSeriesViews)
    target = file.path.parent / "chosen.star"
    latents = np.arange(72, dtype=np.float32).reshape(36, 2) / 7
    written = file.write(target, CHOSEN, file.latent_columns(latents))
    assert written == file.files_of(target)
    again = read(written[-1])
    assert_same_views(again, views_of(run).take(np.sort(CHOSEN)))
    block = next(
        block for block in starfile.read(target, always_dict=True).values() if "rlnImageName" in block
    )
    labels = [label for label in block if not str(label).startswith("gem")]
    source = starfile.read(file.path, always_dict=True)
    before = next(block for block in source.values() if "rlnImageName" in block)
    assert labels == list(before)
    expected_copies = (np.sort(CHOSEN) % 3)[again.images.particle_indices]
    if form == SERIES:
        assert sorted(block["gemSymmetryCopy"]) == sorted(expected_copies.tolist())
    else:
        assert block["gemSymmetryCopy"].tolist() == (np.sort(CHOSEN) % 3).tolist()
        np.testing.assert_allclose(block["gemLatent2"], latents[np.sort(CHOSEN), 1], rtol=1e-6)


@pytest.mark.parametrize("form", FORMS)
def test_all_views_are_those_of_the_run_and_originals_are_verbatim(project, tmp_path, form):
    run = run_of_views(project, form, tmp_path / "run")
    written = run.original.write(run.original.path.parent / "all.star")
    assert_same_views(read(written[-1]), views_of(run))
    lines = written[0].read_text().splitlines()
    copies = [line for line in lines if ".mrcs" in line]
    originals = [line.rsplit(maxsplit=1)[0] for line in copies if line.split()[-1] == "0"]
    before = [line.rstrip() for line in run.original.path.read_text().splitlines() if ".mrcs" in line]
    assert originals == before
    assert len(copies) == 3 * len(before)


@pytest.mark.parametrize("form", FORMS)
def test_particles_are_written_in_their_original_poses(project, tmp_path, form):
    run = run_of_views(project, form, tmp_path / "run")
    chosen = particles_of_views(run, CHOSEN)
    assert chosen.are_original
    written = chosen.file.write(run.original.path.parent / "unexpanded.star", chosen.rows)
    again, source = read(written[-1]), read(project / form)
    expected = source.take(np.array([0, 1, 6, 11]))
    assert again.names.tolist() == expected.names.tolist()
    np.testing.assert_array_equal(again.images.rotation_matrices, expected.images.rotation_matrices)


@pytest.mark.parametrize("form", FORMS)
def test_a_subset_of_an_expanded_file_is_the_chosen_views(project, tmp_path, form):
    """Expanded by another program; every row and column verbatim."""
    tomograms = tomograms_of(form)
    given = {} if tomograms is None else {"tomograms": project / tomograms}
    star = expanded_file(project, form)
    run = prepared_run(tmp_path / "run", particles=star, **given)
    numbers = np.arange(36)
    written = run.original.write(star.with_name("chosen.star"), CHOSEN, {"_gemNumber": numbers})
    again = read(written[-1])
    expected = views_of(run).take(np.sort(CHOSEN))
    assert_same_views(again, expected)
    lines = {line.rstrip() for line in star.read_text().splitlines()}
    rows = [line.rsplit(maxsplit=1) for line in written[0].read_text().splitlines() if ".mrcs" in line]
    assert len(rows) == (len(expected.images) if form == SERIES else 6)
    assert {row.rstrip() for row, _ in rows} <= lines
    assert {int(number) for _, number in rows} == set(CHOSEN.tolist())
    if form == SERIES:
        write_subset(views_of(run), CHOSEN, star.with_name("subset.star"))
        assert_same_views(read(star.with_name("subset.star")), expected)
    of_particles = particles_of_views(run, CHOSEN)
    assert of_particles.rows.tolist() == [0, 3, 18, 33]


def test_columns_are_those_of_the_views(project, tmp_path):
    run = run_of_views(project, RELION, tmp_path / "run")
    file = run.original
    assert len(file) == 36
    assert file.column("gemSymmetryCopy").tolist() == [0, 1, 2] * 12
    turned = file.column("rlnAngleRot").reshape(12, 3)
    np.testing.assert_allclose((turned[:, 1] - turned[:, 0]) % 360, 240, atol=1e-6)
    assert file.values("rlnTomoName").tolist() == views_of(run).tomograms.tolist()
    assert {"particle", "image", "symmetry_copy", "tomogram"} <= set(run.columns)
    assert run.column("symmetry_copy").tolist() == [0, 1, 2] * 12
    with pytest.raises(InputError, match="has no column _rlnNothing"):
        file.column("rlnNothing")


def test_select_takes_views_and_particles(project, tmp_path):
    run = run_of_views(project, SERIES, tmp_path / "run")
    progress = Progress()
    out = project / "image_series" / "some.star"
    summary = run_select(run.files, SelectSettings(where=["symmetry_copy eq 1"], out=out), progress)
    assert (summary["particles"], summary["of"]) == (12, 36)
    found = read(out)
    assert_same_views(found, views_of(run).take(np.arange(12) * 3 + 1))
    settings = SelectSettings(
        where=["particle lt 4"], unexpanded=True, min_subunits=3, out=out, overwrite=True
    )
    summary = run_select(run.files, settings, progress)
    assert (summary["particles"], summary["of"]) == (4, 12)
    assert read(out).names.tolist() == read(project / SERIES).names[:4].tolist()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("is_chosen", [False, True])
@pytest.mark.parametrize("is_expanded_before", [False, True])
def test_refined_poses_of_views_read_again_as_the_moved_images(project, form, is_chosen, is_expanded_before):
    """Every view is moved about its own axes, from the pose of its copy."""
    folder = (project / form).parent / "run"
    if is_expanded_before:
        path, tomograms = expanded_file(project, form), tomograms_of(form)
        settings = {} if tomograms is None else {"tomograms": project / tomograms}
        run = prepared_run(folder, particles=path, map=project / "consensus.mrc", **settings)
    else:
        run = run_of_views(project, form, folder)
    given = views_of(run)
    poses = leave_changes(run.files, len(given))
    if is_chosen:
        target = run.original.path.parent / "chosen.star"
        run_select(
            run.files, SelectSettings(where=("row ge 20",), out=target, refined_poses=True), Progress()
        )
        written, rows = run.original.files_of(target), np.arange(20, len(given))
    else:
        written, rows = write_refined_particles(run.files), np.arange(len(given))
    again = read(written[-1])
    check_is_moved(again, given.take(rows), poses.take(rows))
