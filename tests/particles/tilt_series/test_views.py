"""Views of tilt series: geometry of copies, shared images, what is one particle."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from tilt_complexes import ORDER, SYMMETRY, expanded_file, simulate_tilt_complex, tomograms_of
from tilt_projects import FORMS, RELION, SERIES, changed_star, read, truth_of

from gem_plugin.errors import InputError
from gem_plugin.gaussians.cloud import GaussianCloud
from gem_plugin.gaussians.simulated_images import simulate_images
from gem_plugin.imaging.symmetry import Symmetry, settings_of_symmetry
from gem_plugin.particles.tilt_series import TiltSeriesParticles
from gem_plugin.particles.tilt_series.images import TiltImageReader
from gem_plugin.particles.tilt_series.views import before_expansion, each_image_once, expand_tilt_series

C3 = settings_of_symmetry(SYMMETRY)[0]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images without noise, not multiplied by their CTF."""
    folder = tmp_path_factory.mktemp("complex") / "project"
    return simulate_tilt_complex(folder, raw_tilts=True)


def read_expanded(project: Path, form: str) -> TiltSeriesParticles:
    tomograms = tomograms_of(form)
    return read(expanded_file(project, form), tomograms=None if tomograms is None else project / tomograms)


def projections(project: Path, particles: TiltSeriesParticles, turned: bool = True) -> torch.Tensor:
    """What each image of each view shows, made of the true states of the subunits in that view."""
    truth, symmetry = truth_of(project), C3
    rows = particles.images.particle_indices
    copies, which = particles.symmetry_copies[rows], truth["which"][particles.particle_indices[rows]]
    operators = symmetry.operators
    clouds = []
    for copy, states in zip(copies.tolist(), which.tolist(), strict=True):
        # in view j the subunit at R_l of the map is that which was drawn for R_j R_l
        of_places = [np.abs(operators[copy] @ one - operators).sum(axis=(1, 2)).argmin() for one in operators]
        chosen = [states[place] for place in of_places] if turned else states
        clouds.append(np.concatenate([truth["xyz"][s] @ r.T for s, r in zip(chosen, operators, strict=True)]))
    positions = torch.from_numpy(np.stack(clouds)).float()
    weights = torch.from_numpy(np.tile(truth["weight"][0], ORDER)).float().expand(len(positions), -1)
    widths = torch.full((positions.shape[1],), float(truth["atom_width"]))
    images = particles.images
    return simulate_images(
        GaussianCloud(positions, weights, widths),
        torch.from_numpy(images.rotation_matrices),
        torch.from_numpy(images.shifts_in_angstroms),
        images.ctf_parameters(),
        particles.box_size,
        particles.pixel_size_in_angstroms,
    )


def images_of(particles: TiltSeriesParticles) -> torch.Tensor:
    with TiltImageReader(particles) as reader:
        return torch.from_numpy(reader.read(np.arange(len(particles.images))))


def correlations(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    inside = slice(4, -4)
    one, other = (images[:, inside, inside].flatten(1) for images in (first, second))
    return torch.stack([torch.corrcoef(torch.stack(pair))[0, 1] for pair in zip(one, other, strict=True)])


@pytest.mark.parametrize("form", [FORMS[1], SERIES])
def test_projections_of_the_truth_in_the_views_are_the_images(project: Path, form: str) -> None:
    """Of all three subunits, each in its own state, the one of the view in the first place."""
    views = expand_tilt_series(read(project / form), C3)
    images = images_of(views)
    assert correlations(projections(project, views), images).min() > 0.99
    unlike = np.isin(views.images.particle_indices, np.flatnonzero(views.symmetry_copies > 0))
    differing = np.ptp(truth_of(project)["which"], axis=1) > 0
    unlike &= differing[views.particle_indices[views.images.particle_indices]]
    assert unlike.sum() > 50
    assert correlations(projections(project, views, turned=False), images)[unlike].median() < 0.98


@pytest.mark.parametrize("form", FORMS)
def test_a_file_that_was_expanded_reads_as_the_expansion_here(project: Path, form: str) -> None:
    here, there = expand_tilt_series(read(project / form), C3), read_expanded(project, form)
    assert there.names.tolist() == here.names.tolist()
    assert there.counts == here.counts
    assert there.counts.startswith("12 particles")
    assert there.counts.endswith("36 views")
    for name in ("particle_indices", "half_sets", "tomograms"):
        np.testing.assert_array_equal(getattr(there, name), getattr(here, name))
    np.testing.assert_allclose(there.rotation_matrices, here.rotation_matrices, atol=1e-5)
    for name in ("image_indices", "particle_indices", "slice_indices", "tilt_numbers"):
        if not (form == SERIES and name == "tilt_numbers"):
            np.testing.assert_array_equal(getattr(there.images, name), getattr(here.images, name))
    for name in (
        "rotation_matrices",
        "shifts_in_angstroms",
        "defocus_u_in_angstroms",
        "doses",
        "scale_factor",
    ):
        np.testing.assert_allclose(
            getattr(there.images, name), getattr(here.images, name), atol=2e-5, rtol=1e-6
        )


@pytest.mark.relion
@pytest.mark.parametrize("form", FORMS)
def test_relions_expansion_is_read(project: Path, form: str, relion: Path) -> None:
    import subprocess

    star = (project / form).parent / "particles.star"
    target = star.with_name("by_relion.star")
    options = ["--i", str(star), "--o", str(target), "--sym", SYMMETRY]
    subprocess.run([relion / "relion_particle_symmetry_expand", *options], check=True, capture_output=True)
    tomograms = tomograms_of(form)
    there = read(target, tomograms=None if tomograms is None else project / tomograms)
    here = expand_tilt_series(read(project / form), C3)
    np.testing.assert_array_equal(there.particle_indices, here.particle_indices)
    order = np.arange(36).reshape(12, 3)[:, [0, 2, 1]].reshape(-1)  # RELION turns the other way round
    there = there.take(order)
    np.testing.assert_array_equal(there.images.image_indices, here.images.image_indices)
    np.testing.assert_allclose(there.images.rotation_matrices, here.images.rotation_matrices, atol=1e-4)


def test_views_share_images_and_lowest_doses_are_those_of_each(project: Path) -> None:
    particles = read(project / RELION, max_tilts=4)
    views = expand_tilt_series(particles, C3)
    assert views.n_images == len(particles.images) == 48
    assert len(views.images) == 3 * 48
    once = each_image_once(views)
    np.testing.assert_array_equal(once.images.rotation_matrices, particles.images.rotation_matrices)
    np.testing.assert_array_equal(once.images.image_indices, np.arange(48))
    again = before_expansion(views)
    assert len(again.symmetry) == 1
    np.testing.assert_array_equal(again.images.rotation_matrices, particles.images.rotation_matrices)
    some = views.take(np.array([4, 5, 0]))
    assert some.particle_indices.tolist() == [0, 0, 1]
    assert some.images.image_indices.tolist() == [0, 1, 2, 3] * 2 + [4, 5, 6, 7]


def test_c1_changes_nothing(project: Path) -> None:
    particles = read(project / RELION)
    assert expand_tilt_series(particles, Symmetry()) is particles
    assert each_image_once(particles) is particles


@settings(max_examples=30, deadline=None)
@given(name=st.sampled_from(["C6", "D7", "T", "O", "I1"]), seed=st.integers(0, 1000))
def test_every_view_shows_a_symmetric_point_set_alike(name: str, seed: int) -> None:
    """Points that have the symmetry project to the same places in all views of an image; a point without it to those of its copies."""
    symmetry = settings_of_symmetry(name)[0]
    generator = np.random.default_rng(seed)
    particles = _made_up(generator)
    views = expand_tilt_series(particles, symmetry)
    order = len(symmetry)
    assert len(views) == order * len(particles)
    assert views.symmetry_copies.tolist() == list(range(order)) * len(particles)
    point = generator.normal(size=3)
    orbit = symmetry.operators @ point
    for row in generator.integers(0, len(views.images), 5):
        source = views.images.image_indices[row]
        copy = views.symmetry_copies[views.images.particle_indices[row]]
        before = particles.images.rotation_matrices[source].astype(np.float64)
        after = views.images.rotation_matrices[row].astype(np.float64)
        np.testing.assert_allclose(after @ point, before @ orbit[copy], atol=1e-5)
        distances = np.linalg.norm((orbit @ after.T)[:, None] - (orbit @ before.T)[None], axis=2)
        assert distances.min(axis=1).max() < 1e-5  # the same set of places
        # poses of a particle and its images stay related by the tilt of the stage
        of_view = views.rotation_matrices[views.images.particle_indices[row]].astype(np.float64)
        of_particle = particles.rotation_matrices[particles.images.particle_indices[source]]
        np.testing.assert_allclose(after @ of_view.T, before @ of_particle.T, atol=1e-5)
        np.testing.assert_array_equal(
            views.images.shifts_in_angstroms[row], particles.images.shifts_in_angstroms[source]
        )


def _made_up(generator: np.random.Generator) -> TiltSeriesParticles:
    """Three particles of two to four images in any poses."""
    from gem_plugin.particles.tilt_series.table import TiltImages, TiltSeriesForm

    owners = np.repeat(np.arange(3), generator.integers(2, 5, 3))
    m, numbers = len(owners), np.zeros(len(owners), np.float32)
    names = np.array(["a", "b", "c"], dtype=object)
    poses = Rotation.random(3, rng=generator).as_matrix()
    tilts = Rotation.random(m, rng=generator).as_matrix()
    of_images = {
        name: numbers
        for name in TiltImages.__dataclass_fields__
        if name not in ("image_indices", "particle_indices", "stack_names")
    }
    of_images |= {
        "rotation_matrices": (tilts @ poses[owners]).astype(np.float32),
        "shifts_in_angstroms": generator.normal(size=(m, 2)).astype(np.float32),
        "slice_indices": np.arange(m),
    }
    images = TiltImages(particle_indices=owners, stack_names=names[owners], **of_images)
    nothing = np.zeros((3, 3))
    return TiltSeriesParticles(
        names, names, nothing, nothing, poses.astype(np.float32), nothing, np.ones(3, np.int8), np.zeros(3, np.int64),
        np.zeros(3, np.int64), np.arange(3), images, 8, 1.0, TiltSeriesForm.RELION, Path("a.star"),
        {name: Path(name) for name in names.tolist()},
    )  # fmt: skip


def test_rows_that_share_some_images_only_are_refused(own_project: Path) -> None:
    """A group of an image series that takes one image of another."""
    with changed_star(own_project / SERIES) as blocks:
        names, groups = blocks[""]["rlnImageName"], blocks[""]["rlnGroupName"]
        other = int(np.flatnonzero(groups != groups[0])[0])
        blocks[""].loc[other, "rlnImageName"] = names[0]
    with pytest.raises(
        InputError, match=r"TS_01_2 \(row \d+\) shares some tilt images with TS_01_1 \(row 0\)"
    ):
        read(own_project / SERIES)
