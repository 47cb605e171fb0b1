"""Particles of tilt series from every form: the truth of the simulation, whatever the order of rows, and what is refused."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from tilt_projects import FORMS, RELION, SERIES, WARPTOOLS, changed_star, read, read_with_notices, truth_of

from gem_plugin.errors import InputError
from gem_plugin.particles.tilt_series import TiltImages, TiltSeriesParticles
from gem_plugin.particles.tilt_series.images import TiltImageReader

TOLERANCES = {  # of what star files hold as text
    "rotation_matrices": 1e-5,
    "shifts_in_angstroms": 1e-4,
    "defocus_u_in_angstroms": 0.05,
    "defocus_v_in_angstroms": 0.05,
    "defocus_angle_in_degrees": 1e-3,
    "doses": 1e-3,
}


@pytest.mark.parametrize("form", FORMS)
def test_poses_shifts_and_ctfs_of_all_images_are_the_truth(tilt_project: Path, form: str) -> None:
    particles, truth = read(tilt_project / form), truth_of(tilt_project)
    np.testing.assert_array_equal(particles.images.particle_indices, truth["image_particles"])
    for name, tolerance in TOLERANCES.items():
        np.testing.assert_allclose(getattr(particles.images, name), truth[f"image_{name}"], atol=tolerance)
    np.testing.assert_allclose(particles.images.scale_factor, truth["image_scale_factors"], atol=1e-6)
    assert (particles.box_size, particles.pixel_size_in_angstroms) == (32, 8.0)
    assert particles.half_sets.tolist() == truth["half_sets"].tolist()
    assert {name.replace("/", "_") for name in particles.names} == {
        name.replace("/", "_") for name in truth["names"]
    }


@pytest.mark.parametrize("form", [RELION, WARPTOOLS])
def test_particles_lie_and_point_in_the_tomogram_as_in_truth(tilt_project: Path, form: str) -> None:
    particles, truth = read(tilt_project / form), truth_of(tilt_project)
    np.testing.assert_allclose(particles.coordinates_in_angstroms, truth["positions_in_angstroms"], atol=1e-3)
    np.testing.assert_allclose(particles.rotation_matrices, truth["rotation_matrices"], atol=1e-5)
    assert np.ptp(particles.coordinates_in_angstroms[:, 2]) > 500  # so that depth matters
    assert set(truth["hands"].tolist()) == {-1, 1}


def test_shared_images_are_the_same_in_all_forms(tilt_project: Path) -> None:
    """WarpTools' stacks hold hidden tilts too, RELION's do not; the inside of the circle is one image."""
    values = {}
    for form in (RELION, WARPTOOLS):
        particles = read(tilt_project / form)
        with TiltImageReader(particles) as reader:
            values[form] = reader.read(np.arange(len(particles.images)))[:, 10:22, 10:22]
    difference = values[RELION] - values[WARPTOOLS]
    difference -= difference.mean(axis=(1, 2), keepdims=True)  # the level outside the circle is taken off
    assert np.abs(difference).max() < 1e-3 * values[WARPTOOLS].std()


@pytest.mark.parametrize("form", FORMS)
def test_the_order_of_rows_changes_nothing(own_project: Path, form: str) -> None:
    before = read(own_project / form)
    with TiltImageReader(before) as reader:
        images_before = reader.read(np.arange(len(before.images)))
    _shuffle(own_project, form)
    after = read(own_project / form)
    order = [after.names.tolist().index(name) for name in before.names]
    after = after.take(np.array(order))
    for name in set(_names(TiltImages)) - {"tilt_numbers", "slice_indices", "file_rows"}:
        np.testing.assert_array_equal(getattr(after.images, name), getattr(before.images, name), err_msg=name)
    with TiltImageReader(after) as reader:
        np.testing.assert_array_equal(reader.read(np.arange(len(after.images))), images_before)


def _names(kind: type) -> list[str]:
    return [field.name for field in dataclasses.fields(kind)]


def _shuffle(project: Path, form: str) -> None:
    """Rows of particles and of tilts in another order; slices and flags follow the tilts."""
    import mrcfile

    generator = np.random.default_rng(1)
    if form == SERIES:
        with changed_star(project / form) as blocks:
            blocks[""] = blocks[""].sample(frac=1, random_state=3)
        return
    folder, orders = (project / form).parent, {}
    tables = (
        [*(folder / "tilt_series").glob("*.star")]
        if form == RELION
        else [folder / "particles_tomograms.star"]
    )
    for table in tables:
        with changed_star(table) as blocks:
            for name in set(blocks) - {"global"}:
                orders[name] = generator.permutation(len(blocks[name]))
                blocks[name] = blocks[name].iloc[orders[name]]
    with changed_star(folder / "particles.star") as blocks:
        table = blocks["particles"]
        for row in table.index:
            order = orders[table.loc[row, "rlnTomoName"]]
            flags = np.array(table.loc[row, "rlnTomoVisibleFrames"].strip("[]").split(","), dtype=int)
            table.loc[row, "rlnTomoVisibleFrames"] = "[" + ",".join(map(str, flags[order])) + "]"
            path = folder / table.loc[row, "rlnImageName"]
            stored = mrcfile.read(path)
            slices = np.cumsum(flags) - 1 if form == RELION else np.arange(len(flags))
            kept = order[flags[order] == 1] if form == RELION else order
            with mrcfile.new(path, overwrite=True) as stack:
                stack.set_data(stored[slices[kept]])
        blocks["particles"] = table.sample(frac=1, random_state=5)


def test_particles_alone_take_the_optimisation_set_beside_them(tilt_project: Path) -> None:
    for form in (RELION, WARPTOOLS):
        alone = read((tilt_project / form).with_name("particles.star"))
        assert len(alone.images) == len(read(tilt_project / form).images)
        assert alone.tomograms_path is not None


def test_particles_with_tomograms_that_are_given(own_project: Path) -> None:
    folder = own_project / "relion5"
    (folder / "optimisation_set.star").unlink()
    with pytest.raises(
        InputError, match=r"particles.star: the tilts .* no optimisation set lies beside it. Give"
    ):
        read(folder / "particles.star")
    assert len(read(folder / "particles.star", tomograms=folder / "tomograms.star")) == 12


def test_a_tilt_series_that_is_missing_is_named(own_project: Path) -> None:
    (own_project / "relion5" / "tilt_series" / "TS_02.star").unlink()
    with pytest.raises(
        InputError, match=r"the tilt series of TS_02 is missing: expected tilt_series/TS_02.star"
    ):
        read(own_project / RELION)


def test_volumes_are_refused_with_the_way_to_stacks(own_project: Path) -> None:
    with changed_star(own_project / "relion5" / "particles.star") as blocks:
        blocks["optics"]["rlnImageDimensionality"] = 3
    with pytest.raises(InputError, match=r"3D pseudo-subtomograms; expected 2D stacks.*--stack2d.*--2d"):
        read(own_project / RELION)


def test_one_particle_with_one_tilt(own_project: Path) -> None:
    particles = read(own_project / RELION, max_tilts=1).take(np.array([4]))
    assert particles.image_counts.tolist() == [1]
    assert particles.counts == "1 particles with 1 tilt image each (1 images)"
    with TiltImageReader(particles) as reader:
        assert reader.read(np.arange(1)).shape == (1, 32, 32)


def test_a_particle_without_visible_tilts_is_left_out_and_counted(own_project: Path) -> None:
    import mrcfile

    with changed_star(own_project / "relion5" / "particles.star") as blocks:
        table = blocks["particles"]
        table.loc[2, "rlnTomoVisibleFrames"] = "[" + ",".join("0" * 31) + "]"
        with mrcfile.new(own_project / "relion5" / table.loc[2, "rlnImageName"], overwrite=True) as stack:
            stack.set_data(np.zeros((31, 32, 32), np.float32))
    particles, sentences = read_with_notices(own_project / RELION)
    assert len(particles) == 11
    assert particles.file_rows.tolist() == [0, 1, *range(3, 12)]
    assert any("1 of 12 particles have no tilt image left" in sentence for sentence in sentences)


def test_wrong_limits_are_refused(tilt_project: Path) -> None:
    with pytest.raises(InputError, match="The largest number of tilts is 0; expected at least 1"):
        read(tilt_project / RELION, max_tilts=0)
    with pytest.raises(InputError, match="The largest dose is -1; expected 0 or more"):
        read(tilt_project / RELION, max_dose=-1)
    with pytest.raises(InputError, match="names its tomograms itself"):
        read(tilt_project / RELION, tomograms=tilt_project / "relion5" / "tomograms.star")
    with pytest.raises(InputError, match="gives its pixel size"):
        read(tilt_project / "relion5" / "particles.star", pixel_size_in_angstroms=8.0)


def test_single_particles_are_no_tilt_series(tmp_path: Path) -> None:
    from relion_projects import RelionProject

    star = RelionProject(tmp_path).write_star()
    with pytest.raises(InputError, match=r"there is no column _rlnGroupName.*grouping column"):
        read(star)


def test_taking_particles_takes_their_images(tilt_project: Path) -> None:
    particles: TiltSeriesParticles = read(tilt_project / RELION)
    taken = particles.take(np.array([7, 2]))
    assert taken.names.tolist() == particles.names[[7, 2]].tolist()
    assert taken.image_counts.tolist() == particles.image_counts[[7, 2]].tolist()
    first = particles.first_images
    expected = particles.images.doses[first[7] : first[8]]
    np.testing.assert_array_equal(taken.images.doses[: len(expected)], expected)
    assert set(taken.stack_paths) == set(taken.images.stack_names)
    assert len(particles.images_of(np.array([], dtype=int))) == 0
