"""Samples of tilt series become one set: the same poses, doses and stacks, whatever program made them; and what cannot be joined."""

from pathlib import Path

import numpy as np
import pytest
from tilt_projects import FORMS, RELION, SERIES, WARPTOOLS, changed_star, copied, read, simulate_small

from gem_plugin.errors import InputError
from gem_plugin.io.run.files import RunFiles
from gem_plugin.notices import listening
from gem_plugin.particles.tilt_series import TiltSeriesOptions
from gem_plugin.progress import Progress
from gem_plugin.results.joined_particles import JoinedParticles
from gem_plugin.results.joined_tilt_series import join_tilt_series
from gem_plugin.results.run import Run
from gem_plugin.results.samples import Samples
from gem_plugin.steps.prepare.settings import PrepareSettings
from gem_plugin.steps.prepare.step import run_prepare

OF_IMAGES = ("rotation_matrices", "shifts_in_angstroms", "defocus_u_in_angstroms", "doses", "scale_factor")


@pytest.fixture(scope="module")
def other_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Other particles with the same names, in a project of their own; its path has a blank."""
    return simulate_small(tmp_path_factory.mktemp("other") / "my project", seed=1)


def joined(folder: Path, *files: Path) -> JoinedParticles:
    samples = [f"{name}={path}" for name, path in zip(("apo", "atp"), files, strict=True)]
    with listening(lambda notice: None):
        return join_tilt_series(RunFiles(folder / "my run"), samples, TiltSeriesOptions())


@pytest.mark.parametrize("form", FORMS)
def test_the_joined_particles_are_those_of_both(tilt_project, other_project, tmp_path, form):
    found = joined(tmp_path, tilt_project / form, other_project / form)
    together = read(found.path)
    assert found.samples.names == ("apo", "atp")
    for number, project in enumerate((tilt_project, other_project), start=1):
        own = read(project / form)
        is_own = found.samples.numbers[together.file_rows] == number
        part = together.take(np.flatnonzero(is_own))
        assert part.names.tolist() == [f"{found.samples.names[number - 1]}_{name}" for name in own.names]
        assert part.image_counts.tolist() == own.image_counts.tolist()
        for name in OF_IMAGES:
            np.testing.assert_allclose(
                getattr(part.images, name), getattr(own.images, name), rtol=1e-5, atol=1e-4
            )
        for one, of in ((part, together), (own, own)):
            assert set(one.stack_paths) <= set(of.stack_paths)
        paths = [part.stack_paths[name].resolve() for name in part.images.stack_names.tolist()]
        assert paths == [own.stack_paths[name].resolve() for name in own.images.stack_names.tolist()]
    assert len(set(together.tomograms.tolist())) == 6


def test_prepare_knows_the_sample_of_every_particle_and_chosen_ones_are_written(
    tilt_project, other_project, tmp_path
):
    files = RunFiles(tmp_path / "my run")
    samples = (f"apo={tilt_project / RELION}", f"atp={other_project / RELION}")
    with listening(lambda notice: None):
        numbers = run_prepare(files, PrepareSettings(samples=samples), Progress())
    assert (numbers["samples"], numbers["particles"], numbers["tomograms"]) == (2, 24, 6)
    saved = Samples.load(files.prepared_samples, "prepare")
    assert saved.texts.tolist() == ["apo"] * 12 + ["atp"] * 12
    written = Run(files).original.write(tmp_path / "chosen" / "particles.star", np.array([3, 20]))
    again = read(written[1])
    assert [name.split("_")[0] for name in again.names.tolist()] == ["apo", "atp"]
    with listening(lambda notice: None):
        alone = run_prepare(files, PrepareSettings(particles=tilt_project / RELION), Progress())
    assert "samples" not in alone
    assert not files.prepared_samples.exists()


def test_what_cannot_be_joined_is_refused(tilt_project, other_project, tmp_path):
    with pytest.raises(
        InputError, match=r"RELION 5 2D stacks, .* WarpTools 2D stacks; expected samples of one"
    ):
        joined(tmp_path, tilt_project / RELION, other_project / WARPTOOLS)
    project = copied(tilt_project, tmp_path)
    with changed_star(project / SERIES) as blocks:
        blocks[""]["rlnDetectorPixelSize"] = 9.0
    with pytest.raises(
        InputError, match=r"32 pixels of 8 A, .* 32 pixels of 9 A; expected one box and pixel"
    ):
        joined(tmp_path, tilt_project / SERIES, project / SERIES)
    single = tmp_path / "single.star"
    single.write_text("data_\n\nloop_\n_rlnImageName #1\n1@a.mrcs\n")
    samples = (f"apo={tilt_project / RELION}", f"atp={single}")
    with pytest.raises(
        InputError, match=r"holds tilt series, .*single.star does not; expected samples of one"
    ):
        run_prepare(RunFiles(tmp_path / "run"), PrepareSettings(samples=samples), Progress())
    samples = (f"apo={tilt_project / RELION}", f"atp={other_project / RELION}")
    tomograms = tilt_project / "relion5" / "tomograms.star"
    with pytest.raises(InputError, match="--tomograms is for one particle file"):
        run_prepare(
            RunFiles(tmp_path / "run"), PrepareSettings(samples=samples, tomograms=tomograms), Progress()
        )
