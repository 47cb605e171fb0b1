"""prepare on tilt series: the same particles from every form, levels of their noise, what is refused."""

import io
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pytest
import torch
from tilt_projects import FORMS, RELION, SERIES, changed_star, copied, simulate_small, truth_of

from gem_plugin.errors import InputError
from gem_plugin.heterogeneity.observations import MatchedBatch
from gem_plugin.io.mrc.maps import write_map
from gem_plugin.io.run.files import RunFiles
from gem_plugin.notices import listening
from gem_plugin.particles.prepared import PreparedData, PreparedTilts, load_prepared
from gem_plugin.progress import Progress
from gem_plugin.steps.prepare.settings import PrepareSettings
from gem_plugin.steps.prepare.step import run_prepare
from gem_plugin.steps.train.images import observations_of


@pytest.fixture(scope="module")
def noisy_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 particles of at most 16 tilts with much noise."""
    changes = {"n_particles": 60, "snr": 0.02, "tilt_step": 6.0, "raw_tilts": False}
    return simulate_small(tmp_path_factory.mktemp("noisy") / "project", **changes)


def prepared(folder: Path, star: Path, **settings: Any) -> tuple[PreparedTilts, dict, list[str]]:
    data, numbers, notices = prepared_data(folder, star, **settings)
    assert data.tilts is not None
    return data.tilts, numbers, notices


def prepared_data(folder: Path, star: Path, **settings: Any) -> tuple[PreparedData, dict, list[str]]:
    run = RunFiles(folder)
    with listening(lambda notice: None) as heard:
        numbers = run_prepare(run, PrepareSettings(particles=star, **settings), Progress(io.StringIO()))
    return load_prepared(run), numbers, [notice.sentence for notice in heard]


@pytest.mark.parametrize("form", FORMS)
def test_levels_are_those_of_the_noise(noisy_project, tmp_path, form):
    found, numbers, _ = prepared(tmp_path, noisy_project / form)
    truth = truth_of(noisy_project)
    assert numbers["particles"] == 60
    assert numbers["tilt_images"] == len(truth["image_particles"]) == len(found.images)
    images = found.particles.images
    order = np.lexsort((images.doses, images.particle_indices))
    order_of_truth = np.lexsort((truth["image_doses"], truth["image_particles"]))
    expected = truth["image_noise_deviations"][order_of_truth] ** 2
    ratios = found.noise_levels[order] / (expected / expected.mean())
    assert ratios.std() < 0.12  # 20 particles a tomogram: each tilt has some 3000 values
    assert abs(ratios.mean() - 1) < 0.06


def matched(folder: Path, project: Path) -> dict[str, MatchedBatch]:
    """Images and filters of all particles, by form, each with its own noise."""
    return {
        form: observations_of(prepared_data(folder / form.partition("/")[0], project / form)[0]).batch(
            torch.arange(60)
        )
        for form in FORMS
    }


def of_molecule(batch: MatchedBatch, radius: int = 10) -> torch.Tensor:
    """Matched images to 51 Angstrom (5 of 32 shells) where the molecule is."""
    offsets = torch.arange(32) - 16
    is_inside = offsets[:, None] ** 2 + offsets[None, :] ** 2 < radius**2
    spectra = torch.fft.rfft2(batch.images)
    rings = (torch.fft.fftfreq(32, 1 / 32)[:, None] ** 2 + torch.arange(17)[None, :] ** 2).sqrt()
    images = torch.fft.irfft2(spectra * ((rings > 0) & (rings < 6)), s=(32, 32))
    return images[:, is_inside].flatten()


def agreement(first: torch.Tensor, second: torch.Tensor) -> float:
    return float((first * second).sum() / (first.norm() * second.norm()))


def test_the_forms_give_one_likelihood(noisy_project, tmp_path):
    """Premultiplied stacks and raw image series where the molecule is.

    At the border the order of cutting and CTF matters: noise that the CTF brings in from outside the box is in a stack, and that
    which it takes out of the box is not in the product of a raw image. Over the whole image the agreement is 0.967 for that, and
    0.993 where the CTF moves nothing (defocus 100 to 200 Angstrom).
    """
    found = matched(tmp_path, noisy_project)
    relion, warptools, series = (found[form] for form in FORMS)
    assert agreement(of_molecule(warptools), of_molecule(series)) > 0.98
    assert agreement(of_molecule(relion, 8), of_molecule(series, 8)) > 0.96  # whose circle has a soft edge
    for one in (relion, warptools):
        filters = [batch.filters[:, :, :8].flatten() for batch in (one, series)]
        assert agreement(*filters) > 0.99


def test_raw_stacks_are_the_images_of_the_series(tmp_path):
    """The same pixels: every row, level of the noise and filter must be the same, whatever the order in the files."""
    changes = {"n_particles": 60, "snr": 0.02, "tilt_step": 6.0, "raw_tilts": True, "tilt_form": "all"}
    found = matched(tmp_path, simulate_small(tmp_path / "project", **changes))
    _, warptools, series = (found[form] for form in FORMS)
    torch.testing.assert_close(warptools.rotation_matrices, series.rotation_matrices, atol=1e-4, rtol=0)
    assert agreement(warptools.images.flatten(), series.images.flatten()) > 0.9999
    assert agreement(warptools.filters.flatten(), series.filters.flatten()) > 0.9999


def test_dark_particles_are_inverted_and_cropping_keeps_the_pose(tilt_project, tmp_path):
    data = prepared_data(tmp_path / "light", tilt_project / SERIES, box=24)[0]
    light = data.tilts
    assert light is not None
    dark = prepared(tmp_path / "dark", tilt_project / SERIES, box=24, invert_contrast=True)[0]
    np.testing.assert_allclose(light.images, -dark.images)
    assert data.table.box_size == 24
    assert data.table.pixel_size_in_angstroms == pytest.approx(8 * 32 / 24)
    assert light.particles.pixel_size_in_angstroms == 8


def test_unusable_images_weigh_nothing_and_particles_without_others_are_excluded(noisy_project, tmp_path):
    project = copied(noisy_project, tmp_path)
    with mrcfile.open(project / "relion5/Subtomograms/TS_01/1_stack2d.mrcs", "r+") as stack:
        stack.data[:] = np.nan
    with mrcfile.open(project / "relion5/Subtomograms/TS_01/2_stack2d.mrcs", "r+") as stack:
        stack.data[0] = 0
    data, numbers, notices = prepared_data(tmp_path / "run", project / RELION)
    found = data.tilts
    assert found is not None
    assert np.flatnonzero(~data.is_used).tolist() == [0]
    assert numbers["excluded_particles"] == 1
    is_out = np.isinf(found.noise_levels)
    assert is_out.sum() == found.particles.image_counts[0] + 1 == numbers["unusable_tilt_images"]
    assert any("first particle TS_01/1, image 1 of" in text or "particle TS_01/1" in text for text in notices)
    observations = observations_of(data)
    batch = observations.batch(torch.tensor([0, 1]))
    assert torch.isfinite(batch.images).all()
    assert batch.filters[: found.particles.image_counts[0]].abs().max() == 0


def test_lowest_doses_can_be_chosen(tilt_project, tmp_path):
    found, numbers, _ = prepared(tmp_path, tilt_project / RELION, max_tilts=5, max_dose=40.0)
    assert numbers["tilts_per_particle"].endswith("to 5")
    assert found.particles.images.doses.max() <= 40


@pytest.mark.parametrize(
    ("star", "settings", "words"),
    [
        (RELION, {"normalise": "always"}, "holds tilt series, with which --normalise has no effect"),
        (RELION, {"symmetry": "C2"}, "--symmetry C2 needs --map, the map of the symmetric refinement"),
        (RELION, {"box": 31}, "expected an even number"),
        (SERIES, {"grouping_column": "rlnNoSuchColumn"}, "rlnNoSuchColumn"),
        (RELION, {"particle_diameter": 250.0}, "leaves no ring of noise around a molecule of 250 A"),
    ],
)
def test_what_has_no_effect_or_no_sense_is_refused(tilt_project, tmp_path, star, settings, words):
    with pytest.raises(InputError, match=words):
        prepared(tmp_path, tilt_project / star, **settings)


def test_settings_of_tilt_series_are_refused_for_single_particles(tmp_path):
    star = tmp_path / "particles.star"
    star.write_text("data_\n\nloop_\n_rlnImageName #1\n1@a.mrcs\n")
    with pytest.raises(InputError, match="holds single particles, with which --max-dose has no effect"):
        run_prepare(
            RunFiles(tmp_path / "run"),
            PrepareSettings(particles=star, max_dose=50.0),
            Progress(io.StringIO()),
        )


def test_rows_of_the_tilt_series_in_another_order_change_nothing(tilt_project, tmp_path):
    usual = prepared(tmp_path / "usual", tilt_project / SERIES)[0]
    project = copied(tilt_project, tmp_path)
    with changed_star(project / SERIES) as blocks:
        for name, block in blocks.items():
            blocks[name] = block.sample(frac=1, random_state=0)
    mixed = prepared(tmp_path / "mixed", project / SERIES)[0]
    order = [mixed.particles.names.tolist().index(name) for name in usual.particles.names.tolist()]
    images = mixed.particles.images_of(np.array(order))
    np.testing.assert_allclose(
        np.asarray(usual.images), np.asarray(mixed.images)[images], rtol=1e-4, atol=1e-5
    )
    np.testing.assert_allclose(usual.noise_levels, mixed.noise_levels[images], rtol=1e-4)


def test_a_map_of_the_binned_images_says_that_their_file_is_of_the_unbinned_ones(tilt_project, tmp_path):
    write_map(tmp_path / "map.mrc", np.random.default_rng(0).random((32, 32, 32), np.float32), 16.0)
    with pytest.raises(
        InputError, match=r"16 A per voxel, but .* gives the images 8 A per pixel.*--pixel-size 16"
    ):
        prepared(tmp_path / "run", tilt_project / SERIES, map=tmp_path / "map.mrc")
    data = prepared_data(tmp_path / "run", tilt_project / SERIES, map=tmp_path / "map.mrc", pixel_size=16.0)[
        0
    ]
    assert data.table.pixel_size_in_angstroms == 16
