"""Star files from tomography are known by their first lines, and single particles without reading the whole file."""

import pytest
from tilt_projects import FORMS

from gem_plugin.io.star import tomography
from gem_plugin.io.star.tomography import is_from_tomography

SINGLE = (
    "data_optics\n\nloop_\n_rlnOpticsGroup #1\n1\n\ndata_particles\n\nloop_\n_rlnImageName #1\n1@a.mrcs\n"
)
GROUPED = (
    "data_\n\nloop_\n_rlnImageName #1\n_rlnGroupName #2\n_rlnMicrographName #3\n_rlnCtfScalefactor #4\n"
    + "".join(f"{row}@a.mrcs group{row % 3} mic{row} {{}}\n" for row in range(1, 13))
)


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_known(tilt_project, form):
    assert is_from_tomography(tilt_project / form)


def test_particle_files_beside_an_optimisation_set_are_known(tilt_project):
    assert is_from_tomography(tilt_project / "relion5/particles.star")
    assert is_from_tomography(tilt_project / "warptools/particles.star")


def test_single_particles_are_not_read_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(tomography, "read_star_document", None)
    path = tmp_path / "single.star"
    path.write_text(SINGLE)
    assert not is_from_tomography(path)


@pytest.mark.parametrize(("b_factors", "is_series"), [("dose", True), ("positive", False), ("one", False)])
def test_files_without_micrographs_are_known_by_doses_in_their_b_factors(tmp_path, b_factors, is_series):
    values = {
        "dose": [-12.0 * (row // 3) for row in range(12)],
        "positive": list(range(12)),
        "one": [-5.0] * 12,
    }
    header = "data_\n\nloop_\n_rlnImageName #1\n_rlnGroupName #2\n_rlnCtfBfactor #3\n"
    rows = "".join(
        f"{row + 1}@a.mrcs group{row % 3} {value}\n" for row, value in enumerate(values[b_factors])
    )
    path = tmp_path / "doses.star"
    path.write_text(header + rows)
    assert is_from_tomography(path) is is_series


@pytest.mark.parametrize(("scales", "is_series"), [("1.0", False), ("varying", True)])
def test_groups_with_scales_that_fall_are_tilt_series(tmp_path, scales, is_series):
    values = ["1.0"] * 12 if scales == "1.0" else [f"{1 - row / 30:.3f}" for row in range(12)]
    path = tmp_path / "grouped.star"
    path.write_text(GROUPED.format(*values))
    assert is_from_tomography(path) is is_series
