"""Symmetry expansion of tilt series in prepare, and files that were expanded elsewhere: images once, views of one particle together."""

import io
from pathlib import Path

import mrcfile
import numpy as np
import pytest
import torch
from tilt_complexes import (
    SYMMETRY,
    expanded_file,
    prepared_run,
    run_of_views,
    simulate_tilt_complex,
    tomograms_of,
)
from tilt_projects import FORMS, RELION, SERIES, WARPTOOLS, changed_star, copied, read, read_with_notices

from gem_plugin.errors import InputError
from gem_plugin.imaging.symmetry import settings_of_symmetry
from gem_plugin.notices import listening
from gem_plugin.particles.prepared import PreparedData, load_prepared
from gem_plugin.progress import Progress
from gem_plugin.results.run import Run
from gem_plugin.steps.prepare.settings import PrepareSettings
from gem_plugin.steps.prepare.step import run_prepare
from gem_plugin.steps.prepare.tilt_views import settle_tilt_views
from gem_plugin.steps.train.images import observations_of
from gem_plugin.steps.train.single_images import open_single_images

C3 = settings_of_symmetry(SYMMETRY)[0]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("complex") / "project"
    return simulate_tilt_complex(folder, snr=0.5)


@pytest.fixture
def own_project(project: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    return copied(project, tmp_path)


def of_expanded(project: Path, form: str, folder: Path, **settings: object) -> Run:
    tomograms = tomograms_of(form)
    given = {} if tomograms is None else {"tomograms": project / tomograms}
    return prepared_run(folder, particles=expanded_file(project, form), **given, **settings)


def data_of(run: Run) -> PreparedData:
    return load_prepared(run.files)


@pytest.mark.parametrize("form", FORMS)
def test_every_view_owns_the_images_of_its_particle_which_are_there_once(project, tmp_path, form):
    run = run_of_views(project, form, tmp_path / "run")
    data, single = data_of(run), data_of(prepared_run(tmp_path / "single", particles=project / form))
    assert data.tilts is not None
    assert single.tilts is not None
    of_views, before = data.tilts.particles, single.tilts.particles
    with mrcfile.mmap(run.files.prepared_images) as stack:
        assert len(stack.data) == len(before.images) == len(of_views.images) / 3
    assert run.particles.counts == "12 images, 36 views"
    assert run.particles.particle_indices.tolist() == np.repeat(np.arange(12), 3).tolist()
    np.testing.assert_array_equal(run.particles.half_sets, np.repeat(before.half_sets, 3))
    for view in (0, 1, 2, 20):
        rows, source = of_views.images_of(np.array([view])), before.images_of(np.array([view // 3]))
        np.testing.assert_array_equal(data.tilts.images[rows], single.tilts.images[source])
        np.testing.assert_array_equal(data.tilts.noise_levels[rows], single.tilts.noise_levels[source])
        expected = before.images.rotation_matrices[source] @ C3.operators[view % 3]
        np.testing.assert_allclose(of_views.images.rotation_matrices[rows], expected, atol=1e-6)
        np.testing.assert_array_equal(data.images[view], single.images[view // 3])


@pytest.mark.parametrize("form", FORMS)
def test_an_expanded_file_is_prepared_as_symmetry_does_it(project, tmp_path, form):
    here = data_of(run_of_views(project, form, tmp_path / "here"))
    there = data_of(of_expanded(project, form, tmp_path / "there"))
    assert here.tilts is not None
    assert there.tilts is not None
    assert there.table.counts == here.table.counts
    np.testing.assert_array_equal(there.table.particle_indices, here.table.particle_indices)
    np.testing.assert_array_equal(there.table.image_indices, here.table.image_indices)
    batches = [observations_of(data).batch(torch.arange(36)) for data in (here, there)]
    for name in ("images", "filters", "rotation_matrices"):
        first, second = (getattr(batch, name) for batch in batches)
        torch.testing.assert_close(first, second, atol=2e-4, rtol=1e-4)


def test_training_keeps_views_together_and_each_matched_image_once(project, tmp_path):
    run = run_of_views(project, RELION, tmp_path / "run")
    observations = observations_of(data_of(run))
    assert len(observations) == 36
    np.testing.assert_array_equal(observations.particle_indices, run.particles.particle_indices)
    n_images = data_of(run).tilts.particles.n_images
    assert observations.n_matched == n_images
    from_disk = observations.batch(torch.tensor([4, 30]))
    observations.keep_in_memory()
    in_memory = observations.batch(torch.tensor([4, 30]))
    torch.testing.assert_close(in_memory.images, from_disk.images)
    single = open_single_images(run.files)
    assert len(single.observations) == 3 * n_images
    assert single.observations.particle_indices.max() == 11


def test_what_is_expanded_already_is_not_expanded_again(project, tmp_path):
    for form in (RELION, SERIES):
        with pytest.raises(InputError, match="is expanded by symmetry already: 36 rows show 12 particles"):
            of_expanded(project, form, tmp_path / "run", symmetry=SYMMETRY, map=project / "consensus.mrc")


def test_a_symmetry_that_the_map_has_not_is_refused(project, tmp_path):
    with pytest.raises(InputError, match=r"--symmetry C4: the map .* does not have it"):
        prepared_run(tmp_path, particles=project / RELION, map=project / "consensus.mrc", symmetry="C4")


@pytest.mark.parametrize("form", [RELION, WARPTOOLS, SERIES])
def test_rows_in_one_pose_are_refused_or_left_out(own_project, tmp_path, form):
    star = (own_project / form).parent / "particles.star"
    with changed_star(star) as blocks:
        name = "particles" if "particles" in blocks else ""
        block = blocks[name]
        chosen = block["rlnGroupName"] == block["rlnGroupName"][0] if form == SERIES else block.index == 0
        again = block[chosen]
        blocks[name] = type(block)([*block.to_dict("records"), *again.to_dict("records")])
    with pytest.raises(InputError, match=r"1 of 13 rows show an image in the pose that an earlier row has"):
        prepared_run(tmp_path / "run", particles=own_project / form)
    run = prepared_run(tmp_path / "run", particles=own_project / form, drop_duplicates=True)
    assert len(run.particles) == 12
    assert run.particles.file_rows.tolist() == read(own_project / form).file_rows[:12].tolist()


def test_views_in_both_half_sets_are_dealt_out_anew(project):
    particles, _ = read_with_notices(
        expanded_file(project, RELION), tomograms=project / "relion5" / "tomograms.star"
    )
    mixed = np.tile(np.array([1, 2, 1], np.int8), 12)
    object.__setattr__(particles, "half_sets", mixed)
    with listening(lambda notice: None) as heard:
        settled = settle_tilt_views(particles, drop_duplicates=False)
    assert any("have views in both half-sets" in notice.sentence for notice in heard)
    of_particles = settled.half_sets.reshape(12, 3)
    assert (of_particles == of_particles[:, :1]).all()
    assert sorted(of_particles[:, 0].tolist()) == [1] * 6 + [2] * 6


def test_particles_without_usable_images_are_excluded_in_all_views(own_project, tmp_path):
    path = own_project / "relion5" / "Subtomograms" / "TS_01" / "2_stack2d.mrcs"
    with mrcfile.open(path, "r+") as stack:
        stack.data[:] = np.nan
    said: list[str] = []
    settings = PrepareSettings(
        particles=own_project / RELION, map=own_project / "consensus.mrc", symmetry=SYMMETRY, box=32
    )
    run = Run(tmp_path / "run")
    with listening(lambda notice: said.append(notice.sentence)):
        run_prepare(run.files, settings, Progress(io.StringIO()))
    assert Run(tmp_path / "run").excluded.rows.tolist() == [3, 4, 5]
    assert any("1 of 12 particles have no other and are left out" in text for text in said)
