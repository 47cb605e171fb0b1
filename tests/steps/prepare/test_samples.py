"""prepare --samples: one set of all images, with the sample of every row as a column of the run."""

from pathlib import Path

import numpy as np
import pytest
from relion_projects import RelionProject
from symmetric_project import prepared_run

from gem_plugin.errors import InputError
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.manifest import input_files
from gem_plugin.pipeline.settings_of_steps import check_needed_settings
from gem_plugin.pipeline.step_table import STEPS
from gem_plugin.results.run import Run
from gem_plugin.results.samples import Samples
from gem_plugin.steps.prepare.samples import save_samples
from gem_plugin.steps.prepare.settings import PrepareSettings


@pytest.fixture
def projects(tmp_path: Path) -> list[RelionProject]:
    return [RelionProject(tmp_path / name, n_particles=40).write() for name in ("one", "two")]


def test_images_of_all_samples_are_prepared_and_numbered(
    tmp_path: Path, projects: list[RelionProject]
) -> None:
    samples = (f"apo={projects[0].star}", f"atp={projects[1].star}")
    run = prepared_run(tmp_path / "RUN", samples=samples, box=16)
    assert run.column("sample").tolist() == [1] * 40 + [2] * 40
    assert run.particle_column("sample").label == "sample (1 apo, 2 atp; 0 none)"
    assert len(run.images().images) == 80
    alone = prepared_run(tmp_path / "alone", particles=projects[1].star, box=16)
    np.testing.assert_allclose(run.images().images[40:], alone.images().images, atol=1e-5)
    written = tmp_path / "subset.star"
    run.original.write(written, np.array([0, 79]))
    assert [line.split()[-1] for line in written.read_text().splitlines() if "@" in line] == ["apo", "atp"]
    again = prepared_run(tmp_path / "RUN", particles=projects[0].star, box=16)
    assert "sample" not in again.columns


def test_particles_and_samples_exclude_each_other_and_one_is_needed() -> None:
    both = PrepareSettings(particles=Path("a.star"), samples=("a=a.star", "b=b.star"))
    with pytest.raises(InputError, match="either --particles or --samples, not both"):
        STEPS["prepare"].check_settings(both)
    check_needed_settings(["prepare"], {"samples": ("a=a.star", "b=b.star")})
    with pytest.raises(InputError, match="--particles is missing"):
        check_needed_settings(["prepare"], {})


def test_files_of_samples_are_recorded_as_inputs(projects: list[RelionProject]) -> None:
    settings = PrepareSettings(samples=(f"apo={projects[0].star}", f"atp={projects[1].star}"))
    assert input_files(settings) == {"samples:apo": projects[0].star, "samples:atp": projects[1].star}


def test_views_have_the_sample_of_their_row(tmp_path: Path) -> None:
    run = RunFiles(tmp_path)
    numbers = save_samples(run, Samples("samples", ("A", "B"), np.array([1, 2, 2])), np.array([0, 0, 2, 2]))
    assert numbers == {"samples": 2}
    assert Samples.load(run.prepared_samples, "").numbers.tolist() == [1, 1, 2, 2]
    assert save_samples(run, None, np.arange(3)) == {}
    assert not run.prepared_samples.exists()
    assert Run(run).files.prepared_samples == run.prepared_samples
