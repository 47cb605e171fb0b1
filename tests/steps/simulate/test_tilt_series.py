"""gem-em simulate --tilt-series: what it writes is the truth that it says, in every form, and settings are not silently unused."""

from pathlib import Path

import mrcfile
import numpy as np
import pytest
import starfile
from tilt_projects import RELION, SERIES, SMALL, correlation, read, simulate_small, truth_of

from gem_plugin.errors import InputError
from gem_plugin.io.mrc.maps import read_map
from gem_plugin.particles.tilt_series.images import TiltImageReader
from gem_plugin.progress import Progress
from gem_plugin.results.particle_file import read_particles
from gem_plugin.steps.simulate import tilt_series
from gem_plugin.steps.simulate.settings import SimulateSettings
from gem_plugin.steps.simulate.step import run_simulate
from gem_plugin.steps.simulate.tilt_truth import tilts_as_taken


@pytest.fixture(scope="module")
def noisy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two conformations, noise, and the defaults of the geometry."""
    return simulate_small(
        tmp_path_factory.mktemp("noisy") / "project",
        n_particles=30,
        conformations=2,
        turn_to=90.0,
        snr=0.1,
        tilt_to=60.0,
        subtomogram_angles=False,
    )


def test_the_files_are_those_of_the_programs(noisy: Path) -> None:
    relion = noisy / "relion5"
    optics = starfile.read(relion / "particles.star", always_dict=True)["optics"]
    assert optics["rlnOpticsGroupName"].tolist() == ["TS_01", "TS_02", "TS_03"]
    assert (optics["rlnImagePixelSize"] == 4 * optics["rlnTomoTiltSeriesPixelSize"]).all()
    general = starfile.read(relion / "particles.star", always_dict=True)["general"]
    assert int(general["rlnTomoSubTomosAre2DStacks"]) == 1
    by_dose, by_angle, matrices = (
        starfile.read(relion / "tilt_series" / f"TS_0{number}.star") for number in (1, 2, 3)
    )
    assert by_dose["rlnMicrographPreExposure"].is_monotonic_increasing
    assert by_angle["rlnTomoYTilt"].is_monotonic_increasing
    assert not by_angle["rlnMicrographPreExposure"].is_monotonic_increasing
    assert "rlnTomoProjX" in matrices
    assert "rlnTomoYTilt" not in matrices
    assert all((relion / "tilt_series" / f"TS_0{number}.mrc").is_file() for number in (1, 2, 3))
    tomograms = starfile.read(noisy / "warptools" / "particles_tomograms.star", always_dict=True)
    assert set(tomograms) == {"global", *(f"TS_0{number}.tomostar" for number in (1, 2, 3))}


def test_hidden_tilts_are_absent_from_relions_stacks_and_faint_in_those_of_warptools(noisy: Path) -> None:
    table = starfile.read(noisy / "relion5" / "particles.star", always_dict=True)["particles"]
    warptools = starfile.read(noisy / "warptools" / "particles.star", always_dict=True)["particles"]
    for row in (0, 14, 29):
        flags = np.array(table["rlnTomoVisibleFrames"][row].strip("[]").split(","), int)
        assert mrcfile.read(noisy / "relion5" / table["rlnImageName"][row]).shape == (flags.sum(), 32, 32)
        flags = np.array(warptools["rlnTomoVisibleFrames"][row].strip("[]").split(","), int)
        stack = mrcfile.read(noisy / "warptools" / warptools["rlnImageName"][row])
        assert stack.shape == (41, 32, 32)
        assert (stack.std(axis=(1, 2))[flags == 0] < 1e-3).all()
        assert (stack.std(axis=(1, 2))[flags == 1] > 0.05).all()


def test_labels_are_one_a_particle_and_counts_are_those_that_were_asked_for(noisy: Path) -> None:
    truth = truth_of(noisy)
    assert np.bincount(truth["which"]).tolist() == [15, 15]
    counts = np.bincount(truth["image_particles"])
    assert len(counts) == 30
    assert 6 <= counts.min() < 20 < counts.max() <= 41


def test_all_tilts_where_that_is_asked_for(tmp_path: Path) -> None:
    project = simulate_small(tmp_path / "all", fewest_tilts=100, tilt_form="image-series", tilt_step=5.0)
    assert (read(project / SERIES).image_counts == 19).all()
    assert not (project / "relion5").exists()


def test_noise_rises_with_the_tilt_and_differs_by_tomogram(noisy: Path) -> None:
    particles, truth = read(noisy / SERIES), truth_of(noisy)
    with TiltImageReader(particles) as reader:
        images = reader.read(np.arange(len(particles.images)))
    corners = np.concatenate([images[:, :6, :6], images[:, -6:, -6:]], axis=1)
    expected = truth["image_noise_deviations"]
    ratio = corners.std(axis=(1, 2)) / expected
    assert 0.9 < np.median(ratio) < 1.1
    assert expected.max() > 1.7 * expected.min()
    of_tomograms = [
        np.median(expected[truth["tomograms"][truth["image_particles"]] == name])
        for name in ("TS_01", "TS_02", "TS_03")
    ]
    assert np.ptp(of_tomograms) > 0.02


@pytest.mark.parametrize(
    "tilts",
    [{}, {"n_particles": 250, "tilt_to": 60.0, "tilt_step": 30.0, "fewest_tilts": 5, "dose_per_tilt": 20.0}],
    ids=["some tilts hidden", "every fifth image is of the same tilt"],
)
def test_the_ratio_of_signal_to_noise_is_that_of_an_image_on_average(
    tilts: dict[str, float], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tilt_series, "IMAGES_FOR_SIGNAL", 250)
    settings = {"tilt_form": "image-series", "n_particles": 30, **tilts}
    clean, noisy = (
        simulate_small(tmp_path / name, snr=snr, **settings) for name, snr in (("c", 0.0), ("n", 0.5))
    )
    images = {}
    for project in (clean, noisy):
        particles = read(project / SERIES)
        with TiltImageReader(particles) as reader:
            images[project] = reader.read(np.arange(len(particles.images)))
    scale = (images[clean] * images[noisy]).sum() / (images[clean] ** 2).sum()
    noise = images[noisy] - scale * images[clean]
    assert (scale * images[clean]).var(axis=(1, 2)).mean() / noise.var() == pytest.approx(0.5, rel=0.1)


def test_the_consensus_is_that_of_the_images(tilt_project_of_40: Path) -> None:
    import torch

    volume = torch.from_numpy(read_map(tilt_project_of_40 / "consensus.mrc").volume)
    assert correlation(volume, tilt_project_of_40)[1:12].min() > 0.95


@pytest.fixture(scope="module")
def tilt_project_of_40(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return simulate_small(
        tmp_path_factory.mktemp("forty") / "project",
        n_particles=40,
        fewest_tilts=20,
        tilt_form="image-series",
    )


def test_pose_errors_are_in_all_files_and_not_in_the_truth(tmp_path: Path) -> None:
    project = simulate_small(tmp_path / "errors", pose_error=4.0)
    truth = truth_of(project)["image_rotation_matrices"]
    angles = []
    for form in (RELION, "warptools/particles_optimisation_set.star", SERIES):
        between = read(project / form).images.rotation_matrices @ truth.transpose(0, 2, 1)
        angles.append(np.degrees(np.arccos(np.clip((np.trace(between, axis1=1, axis2=2) - 1) / 2, -1, 1))))
    assert 3 < np.sqrt((angles[0] ** 2).mean()) < 11  # sqrt(3) x 4 degrees, of 12 particles
    np.testing.assert_allclose(angles[1], angles[0], atol=0.01)
    np.testing.assert_allclose(angles[2], angles[0], atol=0.01)


def test_the_same_seed_gives_the_same_files(tmp_path: Path, noisy: Path) -> None:
    changes = {"tilt_form": "relion5", "snr": 0.1}
    first, second = (simulate_small(tmp_path / name, **changes) for name in ("first", "second"))
    other = simulate_small(tmp_path / "other", seed=1, **changes)
    name = "relion5/Subtomograms/TS_02/2_stack2d.mrcs"
    data = [mrcfile.read(project / name) for project in (first, second)]
    np.testing.assert_array_equal(data[0], data[1])
    assert (first / "relion5/particles.star").read_text() != (other / "relion5/particles.star").read_text()


def test_tilts_are_taken_from_both_sides_outwards() -> None:
    assert tilts_as_taken(12, 3).tolist() == [0, 3, 6, -3, -6, 9, 12, -9, -12]
    assert len(tilts_as_taken(60, 3)) == 41
    assert tilts_as_taken(45, 3)[-1] == -45


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"tilt_series": False, "float16": True}, r"--float16 is for tilt series; add --tilt-series"),
        ({"tilt_series": False, "tomograms": 2}, r"--tomograms is for tilt series"),
        ({"stack_folder": "Extract"}, r"--stack-folder is for single particles"),
        ({"tomograms": 50}, r"--tomograms is 50 for 12 particles"),
        ({"tilt_to": 89.0}, r"--tilt-to is 89.0; expected 1 to 80"),
    ],
)
def test_settings_that_cannot_be_meant(tmp_path: Path, changes: dict[str, object], words: str) -> None:
    subtomograms = (
        {"subtomogram_angles": False, "tilt_to": 60.0} if changes.get("tilt_series") is False else {}
    )
    settings = SimulateSettings(**{**SMALL, "out": tmp_path / "out", **subtomograms, **changes})
    with pytest.raises(InputError, match=words):
        run_simulate(settings, Progress())
    assert not (tmp_path / "out").exists()


def test_files_that_are_there_are_not_lost(noisy: Path) -> None:
    with pytest.raises(
        InputError, match=r"holds optimisation_set.star, particles.star, tomograms.star and .*--overwrite"
    ):
        simulate_small(noisy)


@pytest.mark.parametrize("name", ["relion5/particles.star", RELION, "warptools/particles.star", SERIES])
def test_the_reader_of_single_particles_refuses_them(noisy: Path, name: str) -> None:
    with pytest.raises(InputError, match="is from tomography"):
        read_particles(noisy / name)
