"""States there and back: RELION's own Select job takes them by class number, JoinStar joins them, Refine3D refines."""

from dataclasses import dataclass
from pathlib import Path

import mrcfile
import numpy as np
import pandas
import pytest
import starfile
from relion_job_fields import SHORT_REFINEMENT, executable, parameters
from relion_project_folder import RelionProject

from gem_plugin.progress import Progress
from gem_plugin.steps.simulate.settings import SimulateSettings
from gem_plugin.steps.simulate.step import run_simulate

pytestmark = [pytest.mark.relion, pytest.mark.slow]  # about 100 s on two shared cores
BOX, PIXEL_SIZE_IN_ANGSTROMS, N_PARTICLES, N_STATES = 32, 9.0, 160, 3
CLASSES = (1, 3)
ALL_PARTICLES, STATES = "landscape/full/particles.star", "landscape/full/states"
PARTICLES_NODE, REFERENCE_NODE = "Particles STAR file (.star)", "3D reference (.mrc)"
TINY_TRAINING = {"epochs": 2, "batch_size": 16, "anchors": 24, "qdim": 32, "encoder_box": 16, "n_basis": 6}


@dataclass(frozen=True)
class RoundTrip:
    """The project, and the folders of its finished jobs."""

    project: RelionProject
    full: str
    selected: tuple[str, ...]  # one Select job for each of CLASSES
    joined: str
    refined: str

    def particles(self, name: str) -> pandas.DataFrame:
        return starfile.read(self.project.folder / name, always_dict=True)["particles"]


@pytest.fixture(scope="module")
def trip(relion: Path, tmp_path_factory: pytest.TempPathFactory) -> RoundTrip:
    """Simulate, Import, our three jobs, two Select jobs, JoinStar, Refine3D."""
    project = RelionProject(tmp_path_factory.mktemp("round_trip"))
    landscape = _landscape_job(project)
    full = _full_landscape_job(project, landscape)
    selected = tuple(_select_job(project, full, number) for number in CLASSES)
    joined = _finished(
        project,
        "JoinStar",
        do_part="Yes",
        fn_part1=f"{selected[0]}particles.star",
        fn_part2=f"{selected[1]}particles.star",
    )
    refined = _refinement_job(project, joined, full)
    return RoundTrip(project, full, selected, joined, refined)


def _landscape_job(project: RelionProject) -> str:
    simulation = SimulateSettings(
        out=project.folder / "raw",
        n_particles=N_PARTICLES,
        box=BOX,
        pixel_size=PIXEL_SIZE_IN_ANGSTROMS,
        snr=0.2,
        stack_folder="raw",
    )
    run_simulate(simulation, Progress())
    particles = _import_job(project, "raw/particles.star", PARTICLES_NODE)
    reference = _import_job(project, "raw/consensus.mrc", REFERENCE_NODE)
    train = _finished(
        project,
        "External",
        fn_exe=executable("gem-external-train"),
        in_part=f"{particles}particles.star",
        in_3dref=f"{reference}consensus.mrc",
        nr_threads=2,
        **parameters(fit_images=320, ksample=5, pc=1, skip_umap="yes"),
        other_args=_flags(TINY_TRAINING),
    )
    return _finished(
        project,
        "External",
        fn_exe=executable("gem-external-landscape"),
        in_part=f"{train}particles.star",
        nr_threads=2,
        **parameters(sketch_size=40, n_states=N_STATES, plot_dim=2, skip_umap="yes"),
    )


def _full_landscape_job(project: RelionProject, landscape: str) -> str:
    return _finished(
        project,
        "External",
        fn_exe=executable("gem-external-landscape-full"),
        in_part=f"{landscape}particles_with_states.star",
        nr_threads=2,
        **parameters(n_states=N_STATES, maps_per_state=3, path_points=0, bootstrap=2, skip_umap="yes"),
        other_args="--leiden no",
    )


def _import_job(project: RelionProject, name: str, node_type: str) -> str:
    options = {"do_raw": "No", "do_other": "Yes", "fn_in_other": name, "node_type": node_type}
    return _finished(project, "Import", **options)


def _select_job(project: RelionProject, full: str, class_number: int) -> str:
    return _finished(
        project,
        "Select",
        fn_data=f"{full}{ALL_PARTICLES}",
        do_select_values="Yes",
        select_label="rlnClassNumber",
        select_minval=class_number,
        select_maxval=class_number,
    )


def _refinement_job(project: RelionProject, joined: str, full: str) -> str:
    """Refine3D from the map of a state, with local searches, until it converges by itself (some eight iterations)."""
    return _finished(
        project,
        "Refine3D",
        **SHORT_REFINEMENT,
        fn_img=f"{joined}join_particles.star",
        fn_ref=f"{full}{STATES}/state_001_reference.mrc",
        ref_correct_greyscale="Yes",
        nr_mpi=3,
        sampling="7.5 degrees",
        auto_local_sampling="7.5 degrees",
        other_args="--sigma_ang 3",
    )


def _flags(options: dict[str, int]) -> str:
    return " ".join(f"--{name.replace('_', '-')} {value}" for name, value in options.items())


def _finished(project: RelionProject, kind: str, **options: object) -> str:
    job = project.add_job(kind, **options)
    assert project.run_job(job, seconds=120) == "finished", project.output_of(job)[-3000:]
    return job


def test_relion_selects_a_state_by_its_class_number(trip: RoundTrip) -> None:
    everything = trip.particles(f"{trip.full}{ALL_PARTICLES}")
    assert len(everything) == N_PARTICLES
    for job, number in zip(trip.selected, CLASSES, strict=True):
        assert trip.project.nodes(job)["particles.star"] == 3
        assert trip.project.nodes(trip.full)[ALL_PARTICLES] == 3
        chosen = trip.particles(f"{job}particles.star")
        ours = trip.particles(f"{trip.full}{STATES}/state_{number:03d}.star")
        assert 0 < len(chosen) < N_PARTICLES
        assert (chosen["rlnClassNumber"] == number).all()
        assert set(chosen["rlnImageName"]) == set(ours["rlnImageName"])


def test_components_survive_select_and_join(trip: RoundTrip) -> None:
    everything = trip.particles(f"{trip.full}{ALL_PARTICLES}").set_index("rlnImageName")
    joined = trip.particles(f"{trip.joined}join_particles.star").set_index("rlnImageName")
    expected = everything[everything["rlnClassNumber"].isin(CLASSES)]
    assert sorted(joined.index) == sorted(expected.index)
    components = ["gemVolumePC1", "gemVolumePC2"]
    assert (everything[components].to_numpy(float).std(axis=0) > 0).all()
    np.testing.assert_allclose(
        joined[components].to_numpy(float),
        expected.loc[joined.index, components].to_numpy(float),
        rtol=1e-4,
        atol=2e-6,
    )


def test_refine3d_takes_the_joined_states_and_the_map_of_a_state(trip: RoundTrip) -> None:
    joined = trip.particles(f"{trip.joined}join_particles.star")
    refined = trip.particles(f"{trip.refined}run_data.star")
    assert sorted(refined["rlnImageName"]) == sorted(joined["rlnImageName"])
    assert (trip.project.folder / trip.refined / "run_it001_half2_model.star").is_file()
    volume = mrcfile.read(trip.project.folder / trip.refined / "run_class001.mrc")
    assert volume.shape == (BOX, BOX, BOX)
    assert volume.std() > 0
