"""Optimisation sets: as pairs and as tables, beside their particles, and what is refused."""

from pathlib import Path

import pytest
from tilt_projects import RELION, read

from gem_plugin.errors import InputError
from gem_plugin.particles.tilt_series.optimisation_set import optimisation_set_beside, read_optimisation_set


def test_a_table_of_one_row_is_read_as_well_as_pairs(own_project: Path) -> None:
    (own_project / RELION).write_text(
        "\ndata_\n\nloop_\n_rlnTomoParticlesFile #1\n_rlnTomoTomogramsFile #2\nparticles.star tomograms.star\n"
    )
    named = read_optimisation_set(own_project / RELION)
    assert named.particles == own_project / "relion5" / "particles.star"
    assert named.trajectories is None
    assert len(read(own_project / RELION)) == 12


@pytest.mark.parametrize(
    ("particles", "optimisation_set"),
    [
        ("run_data.star", "run_optimisation_set.star"),
        ("run_it025_data.star", "run_it025_optimisation_set.star"),
        ("export.star", "export_optimisation_set.star"),
        ("particles.star", "optimisation_set.star"),
    ],
)
def test_names_beside_the_particles(tmp_path: Path, particles: str, optimisation_set: str) -> None:
    (tmp_path / "run_it024_optimisation_set.star").touch()
    assert optimisation_set_beside(tmp_path / particles) is None
    (tmp_path / optimisation_set).touch()
    assert optimisation_set_beside(tmp_path / particles) == tmp_path / optimisation_set


def test_files_that_are_missing_are_named(own_project: Path) -> None:
    text = (own_project / RELION).read_text()
    (own_project / RELION).write_text(text.replace("tomograms.star", "Tomograms/job004/tomograms.star"))
    with pytest.raises(
        InputError, match=r"the file of the tomograms is missing: expected Tomograms/job004/tomograms"
    ):
        read(own_project / RELION)
    (own_project / RELION).write_text(text.replace("_rlnTomoTomogramsFile", "_rlnTomoManifoldsFile"))
    with pytest.raises(InputError, match="_rlnTomoTomogramsFile is empty"):
        read(own_project / RELION)


def test_the_set_of_other_particles_is_not_taken(own_project: Path) -> None:
    folder = own_project / "relion5"
    (folder / "some.star").write_text((folder / "particles.star").read_text())
    with pytest.raises(
        InputError, match=r"optimisation_set.star, beside .*some.star, belongs to other particles"
    ):
        read(folder / "some.star")


def test_names_start_from_the_project_folder_that_is_given(own_project: Path, tmp_path: Path) -> None:
    from gem_plugin.io.project_folder import ImageSearch

    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    moved = elsewhere / "optimisation_set.star"
    moved.write_text((own_project / RELION).read_text())
    with pytest.raises(InputError, match=r"the particle file is missing.*--project-folder"):
        read(moved)
    assert len(read(moved, search=ImageSearch(project_folder=own_project / "relion5"))) == 12
