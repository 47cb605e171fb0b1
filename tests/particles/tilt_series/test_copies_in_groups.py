"""Which rows of a group of an image series are one view: by the number of the copy, by their order, or refused."""

from pathlib import Path

import numpy as np
import pytest
import starfile
from tilt_complexes import expanded_file, simulate_tilt_complex
from tilt_projects import SERIES, copied, read

from gem_plugin.errors import InputError
from gem_plugin.particles.tilt_series.copies_in_groups import numbered_by_first_row


@pytest.fixture(scope="module")
def complex_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("complex") / "project"
    return simulate_tilt_complex(folder, tilt_form="image-series")


@pytest.fixture
def project(complex_project: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    return copied(complex_project, tmp_path)


def changed(star: Path, change) -> Path:
    """The file with other rows."""
    starfile.write({"": change(starfile.read(star))}, star, overwrite=True, float_format="%.9f")
    return star


def test_an_order_that_differs_between_images_is_refused(project: Path) -> None:
    star = expanded_file(project, SERIES, shuffled=True)
    with pytest.raises(InputError, match="are several for each of its images, but not in one order"):
        read(star)


def test_the_number_of_the_copy_says_which_rows_are_one_view(project: Path) -> None:
    usual = read(expanded_file(project, SERIES))
    star = expanded_file(project, SERIES)

    def shuffled_with_numbers(rows):
        rows["gemSymmetryCopy"] = np.tile(np.arange(3), len(rows) // 3)
        return rows.sample(frac=1, random_state=0)

    found = read(changed(star, shuffled_with_numbers))
    assert found.counts == usual.counts
    of_name = {name: usual.rotation_matrices[usual.names == name] for name in usual.names.tolist()}
    for name in usual.names.tolist()[::3]:
        rows = np.flatnonzero(found.names == name)
        traces = np.einsum("ikl,jkl->ij", found.rotation_matrices[rows], of_name[name])
        assert sorted(traces.argmax(axis=1).tolist()) == [0, 1, 2]
        for row, other in zip(rows, np.flatnonzero(usual.names == name)[traces.argmax(axis=1)], strict=True):
            here, there = (one.images_of(np.array([k])) for one, k in ((found, row), (usual, other)))
            np.testing.assert_allclose(
                found.images.rotation_matrices[here], usual.images.rotation_matrices[there], atol=1e-4
            )


def test_a_view_that_lacks_an_image_is_refused(project: Path) -> None:
    star = changed(expanded_file(project, SERIES), lambda rows: rows.drop(index=4))
    with pytest.raises(
        InputError, match=r"is also that of row \d+; expected one row per tilt image, or as many"
    ):
        read(star)


def test_groups_of_their_own_are_views_by_their_images(project: Path) -> None:
    usual = read(expanded_file(project, SERIES))
    star = expanded_file(project, SERIES)

    def renamed(rows):
        copies = np.tile(np.arange(3), len(rows) // 3)
        rows["rlnGroupName"] = [f"{name}_c{copy}" for name, copy in zip(rows["rlnGroupName"], copies)]
        return rows

    found = read(changed(star, renamed))
    assert len(set(found.names.tolist())) == 36
    np.testing.assert_array_equal(found.particle_indices, usual.particle_indices)
    np.testing.assert_allclose(found.images.rotation_matrices, usual.images.rotation_matrices, atol=1e-6)


def test_numbers_follow_the_first_rows() -> None:
    groups = np.array(["b", "b", "a", "b", "b", "a"], dtype=object)
    names, first, which = numbered_by_first_row(groups, np.array([0, 1, 0, 0, 1, 0]))
    assert names.tolist() == ["b", "b", "a"]
    assert first.tolist() == [0, 1, 2]
    assert which.tolist() == [0, 1, 2, 0, 1, 2]
