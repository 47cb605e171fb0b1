"""External jobs on a symmetric refinement, real steps and real RELION: expanded here by --symmetry, or by RELION itself."""

import io
from dataclasses import dataclass
from pathlib import Path

import mrcfile
import numpy as np
import pytest
import starfile
from relion_job_fields import executable, parameters
from relion_project_folder import RelionProject
from symmetric_set import make_symmetric_set, particle_lines

from gem_plugin.io.run.files import RunFiles
from gem_plugin.progress import Progress
from gem_plugin.results.csv_tables import read_text_rows
from gem_plugin.steps.prepare.settings import PrepareSettings
from gem_plugin.steps.prepare.step import run_prepare

pytestmark = pytest.mark.relion
N_IMAGES, ORDER, N_STATES = 60, 3, 2
TRAINING = {"epochs": 1, "fit_images": 200, "anchors": 24, "n_basis": 4, "encoder_box": 16}
TRAINING |= {"skip_umap": "yes", "ksample": 2, "pc": 1, "batch_size": 60}
LANDSCAPE = {"sketch_size": 12, "n_states": N_STATES, "skip_umap": "yes", "plot_dim": 0}


@dataclass(frozen=True)
class Jobs:
    """Finished train and landscape jobs."""

    project: RelionProject
    input: Path  # the star file that the training was given
    train: str
    landscape: str
    is_expanded_here: bool

    @property
    def landscape_folder(self) -> Path:
        return self.project.folder / self.landscape

    def finish(self, name: str, particles: str | None = None, **options: object) -> str:
        return finish(self.project, name, {} if particles is None else {"in_part": particles}, options)


def finish(project: RelionProject, name: str, inputs: dict[str, object], options: dict[str, object]) -> str:
    job = project.add_job(
        "External", fn_exe=executable(f"gem-external-{name}"), **inputs, **parameters(**options)
    )
    assert project.run_job(job, seconds=200) == "finished", project.output_of(job)[-3000:]
    return job


@pytest.fixture(scope="module", params=["here", "by RELION"])
def jobs(request: pytest.FixtureRequest, relion: Path, tmp_path_factory: pytest.TempPathFactory) -> Jobs:
    folder = tmp_path_factory.mktemp("project")
    data, project = make_symmetric_set(folder, "C3", N_IMAGES), RelionProject(folder)
    star = data.star.relative_to(folder)
    symmetry = {"symmetry": "C3"}
    if request.param != "here":
        given = ["--i", str(star), "--o", "expanded.star", "--sym", "C3"]
        project.run_program("relion_particle_symmetry_expand", *given)
        star, symmetry = Path("expanded.star"), {}
    inputs = {"in_part": star, "in_3dref": data.map.relative_to(folder)}
    train = finish(project, "train", inputs, {**symmetry, **TRAINING})
    landscape = finish(project, "landscape", {"in_part": f"{train}particles.star"}, LANDSCAPE)
    return Jobs(project, folder / star, train, landscape, request.param == "here")


def particles_of(star: Path) -> dict:
    return starfile.read(star, always_dict=True)["particles"]


def test_the_train_job_offers_one_row_a_view(jobs: Jobs) -> None:
    assert jobs.project.nodes(jobs.train) == {"particles.star": 3, "consensus_map.mrc": 6, "logfile.pdf": 13}
    printed = jobs.project.output_of(jobs.train)
    assert ("Symmetry C3: 60 particles are used in 3 views each" in printed) == jobs.is_expanded_here
    assert ("Particles: 60 images, 180 views" in printed) == (not jobs.is_expanded_here)
    rows = particles_of(jobs.project.folder / jobs.train / "particles.star")
    assert len(rows) == N_IMAGES * ORDER
    assert rows["rlnImageName"].value_counts().tolist() == [ORDER] * N_IMAGES
    assert np.isfinite(rows[["gemLatent1", "gemLatent2"]].to_numpy(float)).all()
    assert ("gemSymmetryCopy" in rows) == jobs.is_expanded_here


def test_the_landscape_job_offers_views_of_every_state_and_the_subunits(jobs: Jobs) -> None:
    states = [f"landscape/states/state_{number:03d}" for number in range(1, N_STATES + 1)]
    stars = dict.fromkeys((f"{state}.star" for state in states), 3)
    references = dict.fromkeys((f"{state}_reference.mrc" for state in states), 6)
    everything = {"particles_with_states.star": 3, "logfile.pdf": 13}
    assert jobs.project.nodes(jobs.landscape) == {**stars, **references, **everything}
    labels = np.load(jobs.landscape_folder / "landscape/particle_states.npy").reshape(N_IMAGES, ORDER)
    for number, star in enumerate(stars, 1):
        assert len(particles_of(jobs.landscape_folder / star)) == (labels == number).sum()
    everything_as_classes = particles_of(jobs.landscape_folder / "landscape/particles.star")
    assert len(everything_as_classes) == N_IMAGES * ORDER
    subunits = read_text_rows(jobs.landscape_folder / "landscape/subunits.csv")
    assert len(subunits) == N_IMAGES
    for number in range(1, N_STATES + 1):
        counted = [int(row[f"state_{number}"]) for row in subunits]
        assert counted == (labels == number).sum(axis=1).tolist()
    assert "Subunits of each particle" in (jobs.landscape_folder / "report.html").read_text()


def test_relion_reconstructs_the_views_of_a_state_with_their_own_poses(jobs: Jobs) -> None:
    state = jobs.landscape_folder / "landscape/states/state_001.star"
    jobs.project.run_program("relion_reconstruct", "--i", str(state), "--o", "state.mrc", "--ctf")
    assert mrcfile.read(jobs.project.folder / "state.mrc").std() > 0
    rows = particles_of(state)
    assert not rows.duplicated(["rlnImageName", "rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi"]).any()


def test_unexpanded_selections_are_original_rows_with_enough_subunits(jobs: Jobs) -> None:
    options = {"states": 1, "unexpanded": "yes", "min_subunits": 2, "run": jobs.landscape}
    select = jobs.finish("select", **options)
    assert jobs.project.nodes(select) == {"particles.star": 3}
    labels = np.load(jobs.landscape_folder / "landscape/particle_states.npy").reshape(N_IMAGES, ORDER)
    chosen = np.flatnonzero((labels == 1).sum(axis=1) >= 2)
    lines = particle_lines(jobs.input)
    originals = lines if jobs.is_expanded_here else lines[::ORDER]
    written = particle_lines(jobs.project.folder / select / "particles.star")
    assert written == [originals[row] for row in chosen]
    output = ["--i", f"{select}particles.star", "--o", "whole.mrc", "--ctf", "--sym", "C3"]
    jobs.project.run_program("relion_reconstruct", *output)


def test_views_that_are_selected_are_an_expanded_set_that_a_next_run_reads(
    jobs: Jobs, tmp_path: Path
) -> None:
    select = jobs.finish("select", states=1, run=jobs.landscape)
    labels = np.load(jobs.landscape_folder / "landscape/particle_states.npy").reshape(N_IMAGES, ORDER)
    written = jobs.project.folder / select / "particles.star"
    settings = PrepareSettings(particles=written, project_folder=jobs.project.folder)
    numbers = run_prepare(RunFiles(tmp_path / "run"), settings, Progress(io.StringIO()))
    assert numbers["particles"] == (labels == 1).sum()
    assert numbers["images"] == (labels == 1).any(axis=1).sum()
