"""The real thing: from a RELION refinement to states that RELION takes back, all through relion_pipeliner."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pandas
import pytest
import starfile
import torch
from relion_job_fields import SHORT_REFINEMENT, executable, parameters
from relion_project_folder import RelionProject

from gem_plugin.imaging.fourier import fourier_shell_correlation
from gem_plugin.imaging.resolution import RESOLUTION_FSC, resolution_in_angstroms
from gem_plugin.progress import Progress
from gem_plugin.steps.simulate.settings import SimulateSettings
from gem_plugin.steps.simulate.step import run_simulate

pytestmark = pytest.mark.relion
BOX, PIXEL_SIZE_IN_ANGSTROMS, WORKING_BOX, N_PARTICLES, N_STATES = 48, 6.0, 32, 300, 3
SIDE_IN_ANGSTROMS = BOX * PIXEL_SIZE_IN_ANGSTROMS  # of the box, and of the working box
COARSE_SHELLS = 7


@dataclass(frozen=True)
class Jobs:
    """The finished jobs of one project."""

    project: RelionProject
    refine: str
    train: str
    landscape: str

    def path(self, name: str) -> Path:
        return self.project.folder / name


@pytest.fixture(scope="module")
def jobs(relion: Path, tmp_path_factory: pytest.TempPathFactory) -> Jobs:
    """Simulate, Import, Refine3D, then our train and landscape jobs."""
    project = RelionProject(tmp_path_factory.mktemp("project"))
    simulation = SimulateSettings(
        out=project.folder / "raw",
        n_particles=N_PARTICLES,
        box=BOX,
        pixel_size=PIXEL_SIZE_IN_ANGSTROMS,
        snr=0.1,
        stack_folder="raw",
    )
    run_simulate(simulation, Progress())
    particles = _finish(
        project,
        "Import",
        do_raw="No",
        do_other="Yes",
        fn_in_other="raw/particles.star",
        node_type="Particles STAR file (.star)",
    )
    reference = _finish(
        project,
        "Import",
        do_raw="No",
        do_other="Yes",
        fn_in_other="raw/consensus.mrc",
        node_type="3D reference (.mrc)",
    )
    refine = _finish(
        project,
        "Refine3D",
        **SHORT_REFINEMENT,
        fn_img=f"{particles}particles.star",
        fn_ref=f"{reference}consensus.mrc",
        ref_correct_greyscale="Yes",
        nr_mpi=3,
        sampling="7.5 degrees",
        auto_local_sampling="7.5 degrees",
        auto_faster="Yes",
        other_args="--sigma_ang 3",
    )
    train = _finish(
        project,
        "External",
        fn_exe=executable("gem-external-train"),
        in_part=f"{refine}run_data.star",
        in_3dref=f"{refine}run_class001.mrc",
        nr_threads=2,
        **parameters(box=WORKING_BOX, epochs=10, fit_images=3000, ksample=5, pc=1, skip_umap="yes"),
    )
    landscape = _finish(
        project,
        "External",
        fn_exe=executable("gem-external-landscape"),
        in_part=f"{train}particles.star",
        nr_threads=2,
        **parameters(sketch_size=40, n_states=N_STATES, plot_dim=2, skip_umap="yes"),
    )
    return Jobs(project, refine, train, landscape)


def _finish(project: RelionProject, kind: str, **options: object) -> str:
    job = project.add_job(kind, **options)
    assert project.run_job(job, seconds=300) == "finished", project.output_of(job)[-3000:]
    return job


def particle_names(path: Path) -> list[str]:
    return starfile.read(path, always_dict=True)["particles"]["rlnImageName"].tolist()


def test_train_job_offers_all_particles_with_latents(jobs: Jobs) -> None:
    offered = {"particles.star": 3, "consensus_map.mrc": 6, "logfile.pdf": 13}
    if (jobs.path(jobs.train) / "refined_poses.npz").is_file():
        offered["particles_refined.star"] = 3
    assert jobs.project.nodes(jobs.train) == offered
    particles = starfile.read(jobs.path(jobs.train) / "particles.star", always_dict=True)["particles"]
    assert particles["rlnImageName"].tolist() == particle_names(jobs.path(jobs.refine) / "run_data.star")
    latents = particles[["gemLatent1", "gemLatent2"]].to_numpy(dtype=float)
    assert np.isfinite(latents).all()
    assert latents.std() > 0


def test_run_out_says_the_time_left_in_plain_lines(jobs: Jobs) -> None:
    printed = (jobs.path(jobs.train) / "run.out").read_text()
    assert "\r" not in printed
    assert "left" in printed


def test_landscape_job_offers_the_particles_and_the_reference_of_every_state(jobs: Jobs) -> None:
    states = [f"landscape/states/state_{number:03d}" for number in range(1, N_STATES + 1)]
    stars = dict.fromkeys((f"{state}.star" for state in states), 3)
    references = dict.fromkeys((f"{state}_reference.mrc" for state in states), 6)
    everything = {"particles_with_states.star": 3, "logfile.pdf": 13}
    assert jobs.project.nodes(jobs.landscape) == {**stars, **references, **everything}
    names = [name for star in stars for name in particle_names(jobs.path(jobs.landscape) / star)]
    is_outlier = np.load(jobs.path(jobs.train) / "outliers.npy") > 0.5
    everyone = np.array(particle_names(jobs.path(jobs.refine) / "run_data.star"))
    assert sorted(names) == sorted(everyone[~is_outlier])
    assert is_outlier.mean() < 0.05


def test_references_are_in_the_box_of_the_particles(jobs: Jobs) -> None:
    with mrcfile.open(jobs.path(jobs.landscape) / "landscape/states/state_001_reference.mrc") as reference:
        assert reference.data.shape == (BOX, BOX, BOX)
        assert reference.voxel_size.x == pytest.approx(PIXEL_SIZE_IN_ANGSTROMS)
    with mrcfile.open(jobs.path(jobs.landscape) / "landscape/states/state_001_mean.mrc") as mean:
        assert mean.data.shape == (WORKING_BOX, WORKING_BOX, WORKING_BOX)


def test_relion_reconstructs_a_state_by_half_sets(jobs: Jobs) -> None:
    star = f"{jobs.landscape}landscape/states/state_001.star"
    for half in ("1", "2"):
        jobs.project.run_program(
            "relion_reconstruct", "--i", star, "--o", f"half{half}.mrc", "--ctf", "--subset", half
        )
    halves = [torch.from_numpy(mrcfile.read(jobs.path(f"half{half}.mrc")).copy()) for half in ("1", "2")]
    assert (
        fourier_shell_correlation(*halves)[1:COARSE_SHELLS].mean() > 0.5
    )  # to 48 A, with about 50 particles each


def test_relion_refines_a_state_from_its_own_reference(jobs: Jobs) -> None:
    state = f"{jobs.landscape}landscape/states/state_002"
    classes = _finish(
        jobs.project,
        "Class3D",
        **SHORT_REFINEMENT,
        fn_img=f"{state}.star",
        fn_ref=f"{state}_reference.mrc",
        ref_correct_greyscale="Yes",
        nr_iter=1,
        nr_classes=1,
        nr_mpi=1,
        sampling="7.5 degrees",
        do_local_ang_searches="Yes",
        sigma_angles=5,
    )
    refined = jobs.path(classes) / "run_it001_data.star"
    assert sorted(particle_names(refined)) == sorted(particle_names(jobs.path(f"{state}.star")))
    assert mrcfile.read(jobs.path(classes) / "run_it001_class001.mrc").std() > 0


def test_half_maps_of_a_state_go_into_postprocess(jobs: Jobs) -> None:
    options = parameters(local_resolution="yes")
    particles = f"{jobs.landscape}particles_with_states.star"
    program = executable("gem-external-reconstruct")
    job = _finish(jobs.project, "External", fn_exe=program, in_part=particles, nr_threads=2, **options)
    nodes = jobs.project.nodes(job)
    assert nodes["reconstruct/state_001_half1.mrc"] == 10
    assert nodes["reconstruct/state_001_local_resolution.mrc"] == 12
    assert nodes["logfile.pdf"] == 13
    half, mask = (f"{job}reconstruct/all{ending}.mrc" for ending in ("_half1", "_mask"))
    sharpened = _finish(jobs.project, "PostProcess", fn_in=half, fn_mask=mask, do_auto_bfac="No")
    assert mrcfile.read(jobs.path(sharpened) / "postprocess.mrc").std() > 0
    blocks = starfile.read(jobs.path(sharpened) / "postprocess.star", always_dict=True)
    folder = jobs.path(job) / "reconstruct"
    maps = pandas.read_csv(folder / "maps.csv", index_col="map")
    check_resolution(
        pandas.read_csv(folder / "all_fsc.csv"), maps.loc["all", "resolution_in_angstroms"], blocks
    )


def check_resolution(ours: pandas.DataFrame, resolution: float, theirs: dict[str, Any]) -> None:
    """The curves are RELION's, and so is the rule by which a resolution is read from one.

    The two resolutions need not agree: RELION replaces phases by others each time it runs, and where few particles leave the
    curve near 0.143 for several shells, chance decides between them.
    """
    curves = theirs["fsc"].iloc[: len(ours)]
    masked = curves["rlnFourierShellCorrelationMaskedMaps"].to_numpy()
    assert np.abs(masked - ours["masked"].to_numpy()).max() < 0.03
    corrected = curves["rlnFourierShellCorrelationCorrected"].to_numpy()
    is_clear = masked > 0.6  # there, phases count for at most a tenth
    assert is_clear.sum() > COARSE_SHELLS
    assert np.abs(corrected - ours["corrected"].to_numpy())[is_clear].max() < 0.1
    assert read_from(ours["corrected"]) == pytest.approx(resolution, rel=0.01)
    beyond_the_last_shell_above = 1 / read_from(corrected) - 1 / theirs["general"]["rlnFinalResolution"]
    one_shell = 1 / SIDE_IN_ANGSTROMS
    assert -0.01 * one_shell < beyond_the_last_shell_above < 1.01 * one_shell  # RELION does not interpolate


def read_from(curve: Any) -> float:
    values = torch.tensor(np.asarray(curve))
    return resolution_in_angstroms(values, RESOLUTION_FSC, WORKING_BOX, SIDE_IN_ANGSTROMS / WORKING_BOX)


def test_select_job_joins_states_for_relion(jobs: Jobs) -> None:
    options = parameters(states="1,3", run=jobs.landscape)
    select = _finish(jobs.project, "External", fn_exe=executable("gem-external-select"), **options)
    assert jobs.project.nodes(select)["particles.star"] == 3
    wanted = [
        particle_names(jobs.path(jobs.landscape) / f"landscape/states/state_{n:03d}.star") for n in (1, 3)
    ]
    assert sorted(particle_names(jobs.path(select) / "particles.star")) == sorted(wanted[0] + wanted[1])
    jobs.project.run_program(
        "relion_reconstruct", "--i", f"{select}particles.star", "--o", "joined.mrc", "--ctf"
    )


def test_states_that_do_not_exist_fail_with_a_sentence(jobs: Jobs) -> None:
    options = parameters(states="1,99", run=jobs.landscape)
    job = jobs.project.add_job("External", fn_exe=executable("gem-external-select"), **options)
    assert jobs.project.run_job(job) == "failed"
    assert "There is no state 99" in jobs.project.output_of(job)


def test_continue_keeps_the_finished_steps(jobs: Jobs) -> None:
    assert jobs.project.run_job(jobs.landscape) == "finished"
    assert "landscape: already done with these settings, kept" in jobs.project.output_of(jobs.landscape)
