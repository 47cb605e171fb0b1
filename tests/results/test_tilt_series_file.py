"""Particles of tilt series as a particle file: columns by particle, subsets with their optimisation set, latents in all forms."""

from pathlib import Path

import numpy as np
import pytest
import starfile
from tilt_projects import FORMS, RELION, SERIES, WARPTOOLS, changed_star, copied, read

from gem_plugin.errors import InputError
from gem_plugin.io.project_folder import ImageSearch
from gem_plugin.io.run.files import RunFiles
from gem_plugin.particles.tilt_series.saved import save_tilt_series, table_of_particles
from gem_plugin.results.original_file import open_original
from gem_plugin.results.tilt_series_file import TiltSeriesParticleFile


@pytest.mark.parametrize("form", FORMS)
def test_a_subset_with_latents_reads_as_the_chosen_particles(tilt_project, tmp_path, form):
    project = copied(tilt_project, tmp_path)
    particles = read(project / form)
    file = TiltSeriesParticleFile(particles)
    latents = np.arange(24, dtype=np.float32).reshape(12, 2) / 7
    rows = np.array([1, 4, 8])
    target = particles.path.parent / "chosen.star"
    written = file.write(target, rows, file.latent_columns(latents))
    assert written == file.files_of(target)
    again = read(written[-1])
    assert again.names.tolist() == particles.names[rows].tolist()
    assert again.image_counts.tolist() == particles.image_counts[rows].tolist()
    np.testing.assert_array_equal(
        again.images.rotation_matrices, particles.images.rotation_matrices[particles.images_of(rows)]
    )
    columns = TiltSeriesParticleFile(again).column("gemLatent2")
    np.testing.assert_allclose(columns, latents[rows, 1], rtol=1e-6)


@pytest.mark.parametrize("form", [RELION, WARPTOOLS])
def test_rows_keep_their_own_values_whatever_order_they_are_chosen_in(tilt_project, tmp_path, form):
    project = copied(tilt_project, tmp_path)
    file = TiltSeriesParticleFile(read(project / form))
    target = file.path.parent / "chosen.star"
    file.write(target, np.array([8, 1]), {"_gemNumber": np.arange(12)})
    block = starfile.read(target, always_dict=True)["particles"]
    names = file.particles.names
    assert dict(zip(block["rlnTomoParticleName"], block["gemNumber"])) == {names[8]: 8, names[1]: 1}


def test_plain_subsets_keep_every_row_verbatim(tilt_project, tmp_path):
    project = copied(tilt_project, tmp_path)
    for form in (RELION, SERIES):
        file = TiltSeriesParticleFile(read(project / form))
        target = file.path.parent / "same.star"
        file.write(target)
        assert target.read_bytes() == file.path.read_bytes()


def test_outside_a_project_names_start_from_the_project_of_the_input(tilt_project, tmp_path):
    project = copied(tilt_project, tmp_path)
    file = TiltSeriesParticleFile(read(project / RELION))
    written = file.write(tmp_path / "elsewhere" / "chosen.star", np.array([2, 3]))
    search = ImageSearch(project_folder=project / "relion5")
    again = read(written[-1], search=search)
    assert again.names.tolist() == file.particles.names[[2, 3]].tolist()


def test_columns_and_tomograms_are_those_of_the_particles(tilt_project):
    for form in FORMS:
        file = TiltSeriesParticleFile(read(tilt_project / form))
        assert len(file) == 12
        assert file.program == "RELION"
        assert set(file.micrographs.tolist()) == set(file.particles.tomograms.tolist())
        np.testing.assert_array_equal(file.column("rlnRandomSubset"), file.particles.half_sets)
        assert file.values("rlnRandomSubset").shape == (12,)
        table = file.read_table()
        assert table.image_names.tolist() == file.particles.names.tolist()


def test_a_changed_file_is_refused_and_a_reordered_one_is_understood(tilt_project, tmp_path):
    project = copied(tilt_project, tmp_path)
    file = TiltSeriesParticleFile(read(project / RELION))
    with changed_star(project / "relion5/particles.star") as blocks:
        blocks["particles"] = blocks["particles"].iloc[::-1]
    np.testing.assert_array_equal(file.column("rlnRandomSubset"), file.particles.half_sets)
    shorter = TiltSeriesParticleFile(file.particles)
    with changed_star(project / "relion5/particles.star") as blocks:
        blocks["particles"] = blocks["particles"].iloc[:5]
    with pytest.raises(InputError, match="lacks 7 of the 12 particles of the run"):
        shorter.column("rlnRandomSubset")
    with pytest.raises(InputError, match=r"lacks 7"):
        shorter.write(tmp_path / "x.star", np.array([0]))


def test_a_run_of_tilt_series_opens_its_particles(tilt_project, tmp_path):
    run = RunFiles(tmp_path / "run")
    particles = read(tilt_project / SERIES)
    run.prepared_tilt_series.parent.mkdir(parents=True)
    save_tilt_series(run.prepared_tilt_series, particles, np.ones(len(particles.images), np.float32))
    original = open_original(run, table_of_particles(particles), Path("anything.star"))
    assert isinstance(original, TiltSeriesParticleFile)
    assert original.path == particles.path.absolute()
    assert [path.name for path in original.files_of(tmp_path / "a.star")] == ["a.star"]
