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


def test_the_forms_give_one_likelihood(noisy_project, tmp_path):
    """Matched images and filters at low frequency of premultiplied stacks and of raw image series, each with its own noise."""
    batches = []
    for form in (FORMS[1], SERIES):
        found = prepared_data(tmp_path / form.partition("/")[0], noisy_project / form)[0]
        observations = observations_of(found)
        batches.append(observations.batch(torch.arange(60)))
    images = [torch.fft.rfft2(batch.images)[:, :6, 1:6].flatten() for batch in batches]
    correlation = (images[0].conj() * images[1]).real.sum() / (images[0].norm() * images[1].norm())
    assert correlation > 0.95  # images cut before the CTF differ at their edges from those cut after it
    filters = [batch.filters[:, :, :8].flatten() for batch in batches]
    assert (filters[0] * filters[1]).sum() / (filters[0].norm() * filters[1].norm()) > 0.99


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
        (RELION, {"symmetry": "C2"}, "holds tilt series, with which --symmetry has no effect"),
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
