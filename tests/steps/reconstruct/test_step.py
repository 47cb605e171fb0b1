"""Maps from the particles themselves: states, latent points, and the consensus with the motion undone."""

import io
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from moving_particles import BOX, PIXEL_SIZE_IN_ANGSTROMS, arm_source_of, make_moving_run, map_at
from scipy.spatial.transform import Rotation

from gem_plugin.errors import InputError
from gem_plugin.imaging.fourier import fourier_shell_correlation
from gem_plugin.io.mrc.maps import read_map
from gem_plugin.io.run.files import RunFiles
from gem_plugin.particles.prepared import load_prepared
from gem_plugin.particles.table import ParticleTable
from gem_plugin.progress import Progress
from gem_plugin.reports.first_page.contents import FirstPage
from gem_plugin.reports.report_page import report_text
from gem_plugin.results.csv_tables import read_map_table
from gem_plugin.results.run import Run
from gem_plugin.steps.reconstruct.half_maps import back_project, half_sets_of
from gem_plugin.steps.reconstruct.settings import ReconstructSettings
from gem_plugin.steps.reconstruct.step import run_reconstruct


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFiles:
    return make_moving_run(tmp_path_factory.mktemp("moving") / "run")[0]


@pytest.fixture(scope="module")
def table(run: RunFiles) -> dict[str, dict[str, float]]:
    run_reconstruct(run, ReconstructSettings(local_resolution=True, local_window=64), Progress())
    return read_map_table(run.root / "reconstruct/maps.csv")


def correlation(first: np.ndarray, second: np.ndarray, shells: int = 8) -> float:
    return float(fourier_shell_correlation(torch.as_tensor(first), torch.as_tensor(second))[1:shells].mean())


def test_each_state_gets_the_map_of_its_own_particles(run: RunFiles, table: dict) -> None:
    for number, angle in ((1, 0.0), (2, np.pi / 2)):
        volume = read_map(run.root / f"reconstruct/state_{number:03d}.mrc").volume
        assert correlation(volume, map_at(angle)) > correlation(volume, map_at(np.pi / 2 - angle)) + 0.05
    assert table["all"]["particles"] == 600
    assert table["state_001"]["particles"] == 400
    assert 8 <= table["state_001"]["resolution_in_angstroms"] < 40
    header = (run.root / "reconstruct/state_001_fsc.csv").read_text().splitlines()[0]
    assert header.endswith("unmasked,masked,phase_randomised,corrected,decoded_against_reconstructed")


def test_one_empty_half_set_is_no_division(run: RunFiles) -> None:
    prepared = load_prepared(run)
    given = np.ones(len(prepared.table), dtype=np.int8)
    halves = half_sets_of(replace(prepared, table=replace(prepared.table, half_sets=given)), seed=0)
    assert set(halves.tolist()) == {0, 1}


def test_a_real_state_stands_out_and_a_random_subset_does_not(table: dict) -> None:
    assert table["state_001"]["difference_z_score"] > 4
    assert table["state_002"]["difference_z_score"] > 4
    assert table["state_002"]["decoded_difference_agreement"] > 0.3
    assert abs(table["random_subset"]["difference_z_score"]) < 3


def test_local_resolution_is_a_map_in_its_mask_and_a_row_in_the_table(run: RunFiles, table: dict) -> None:
    found = read_map(run.root / "reconstruct/all_local_resolution.mrc")
    mask = read_map(run.root / "reconstruct/all_mask.mrc").volume
    assert found.pixel_size_in_angstroms == PIXEL_SIZE_IN_ANGSTROMS
    assert ((found.volume > 0) == (mask > 0.5)).all()
    row = table["all"]
    best, median, worst = (row[f"local_resolution_{share}_percent_in_angstroms"] for share in (5, 50, 95))
    assert 2 * PIXEL_SIZE_IN_ANGSTROMS <= best < median < worst <= 64
    assert (row["local_resolution_threshold"], row["local_resolution_window_in_angstroms"]) == (0.5, 64.0)
    assert not (run.root / "reconstruct/random_subset_local_resolution.mrc").exists()
    assert (run.figures / "local_resolution_of_states.png").is_file()


def test_the_report_shows_what_was_reconstructed(run: RunFiles, table: dict) -> None:
    page = report_text(FirstPage(Run(run)), [])
    assert "<h3>States, all particles, and a random subset</h3>" in page
    assert f"<td>{table['all']['resolution_in_angstroms']:g}</td>" in page
    assert "local resolution, median (Å)" in page


def test_options_of_the_local_resolution_alone_are_refused(run: RunFiles) -> None:
    with pytest.raises(InputError, match="--local-window has no effect without --local-resolution"):
        run_reconstruct(run, ReconstructSettings(local_window=40), Progress())


def test_around_a_latent_point_the_particles_of_that_point_count(run: RunFiles, tmp_path: Path) -> None:
    (tmp_path / "z.txt").write_text("0 1\n")
    numbers = run_reconstruct(run, ReconstructSettings(z_values=tmp_path / "z.txt"), Progress())
    assert 100 <= numbers["particles_used"][0] <= 300  # 200 have the arm there
    volume = read_map(run.root / "reconstruct/point_001.mrc").volume
    assert correlation(volume, map_at(np.pi / 2)) > correlation(volume, map_at(0.0)) + 0.05
    assert (run.root / "reconstruct/neighbourhoods.csv").read_text().count("\n") == 3


def test_with_the_motion_undone_the_arm_gains(run: RunFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    latents = np.load(run.latents)
    monkeypatch.setattr(Run, "decoder", lambda *_: arm_source_of(latents))
    numbers = run_reconstruct(run, ReconstructSettings(deformed=True, parts=4), Progress())
    rows = read_map_table(run.root / "reconstruct/deformed.csv")
    gained = "mean_fsc_of_moving_region"
    assert rows["deformed"][gained] > rows["undeformed"][gained]
    shown = latents[numbers["conformation_of_particle"]]
    truth = map_at(float(np.arctan2(shown[1], shown[0])))
    mobile = read_map(run.root / "reconstruct/moving_region_mask.mrc").volume
    maps = [read_map(run.root / f"reconstruct/{name}.mrc").volume for name in ("deformed", "undeformed")]
    wrong = [1 - correlation(volume * mobile, truth * mobile) for volume in maps]
    assert wrong[0] < 0.3 * wrong[1]


def test_two_kinds_of_maps_at_once_are_refused(run: RunFiles, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--z-values and --deformed ask for different maps"):
        run_reconstruct(run, ReconstructSettings(z_values=tmp_path / "z", deformed=True), Progress())


def test_a_state_without_a_half_is_left_out_and_named(run: RunFiles, tmp_path: Path) -> None:
    states = np.ones(600, int)
    states[7] = 2
    np.save(tmp_path / "states.npy", states)
    said = io.StringIO()
    copy = RunFiles(tmp_path / "run")
    shutil.copytree(run.root, copy.root)
    settings = ReconstructSettings(particle_states=tmp_path / "states.npy")
    assert run_reconstruct(copy, settings, Progress(said))["states"] == 1
    assert "State 2 gets no map: all its particles (1) are in one half-set" in said.getvalue()
    assert list(read_map_table(copy.root / "reconstruct/maps.csv")) == ["all", "state_001", "random_subset"]
    np.save(tmp_path / "states.npy", (states == 2).astype(int))
    with pytest.raises(InputError, match="No state has particles in both half-sets"):
        run_reconstruct(copy, settings, Progress(said))


def test_states_of_other_particles_are_refused(run: RunFiles, tmp_path: Path) -> None:
    np.save(tmp_path / "states.npy", np.ones(5, int))
    with pytest.raises(InputError, match="expected 600 whole numbers"):
        run_reconstruct(run, ReconstructSettings(particle_states=tmp_path / "states.npy"), Progress())
    (tmp_path / "cut.npy").write_bytes((tmp_path / "states.npy").read_bytes()[:60])
    with pytest.raises(InputError, match="holds no plain array"):
        run_reconstruct(run, ReconstructSettings(particle_states=tmp_path / "cut.npy"), Progress())


@pytest.mark.relion
def test_relion_reconstruct_makes_the_same_map(run: RunFiles, relion: Path, tmp_path: Path) -> None:
    prepared = load_prepared(run)
    rows = np.arange(len(prepared.table))
    nobody_apart = np.zeros(len(rows), dtype=int)
    ours = back_project(prepared, rows, nobody_apart, torch.device("cpu"), Progress(), "all").volume(0)
    (tmp_path / "p.mrcs").write_bytes(run.prepared_images.read_bytes())
    (tmp_path / "p.star").write_text(star_of(prepared.table))
    command = [str(relion / "relion_reconstruct"), "--i", "p.star", "--o", "relion.mrc", "--ctf"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    theirs = torch.from_numpy(read_map(tmp_path / "relion.mrc").volume)
    axis = torch.arange(BOX) - BOX // 2.0
    radius = torch.sqrt(axis[:, None, None] ** 2 + axis[None, :, None] ** 2 + axis[None, None, :] ** 2)
    ball = ((BOX / 2 - 3 - radius) / 3 + 0.5).clamp(0, 1)  # corners of the box hold only noise, and differ
    agreement = fourier_shell_correlation(theirs * ball, ours * ball)
    assert float(agreement[1 : round(BOX / 2 / 1.5) + 1].min()) > 0.99


def star_of(table: ParticleTable) -> str:
    """The table as RELION 3.1 reads it."""
    matrices = np.swapaxes(table.rotation_matrices, 1, 2).astype(np.float64)
    angles = Rotation.from_matrix(matrices).as_euler("ZYZ", degrees=True)
    names = (
        "OpticsGroupName OpticsGroup Voltage SphericalAberration AmplitudeContrast ImagePixelSize ImageSize"
    )
    optics = f"opticsGroup1 1 300 2.7 0.1 {PIXEL_SIZE_IN_ANGSTROMS} {BOX} 2"
    lines = ["# version 30001", "", "data_optics", "", "loop_"]
    lines += [*(f"_rln{name}" for name in [*names.split(), "ImageDimensionality"]), optics, ""]
    labels = "ImageName OpticsGroup AngleRot AngleTilt AnglePsi OriginXAngst OriginYAngst DefocusU DefocusV"
    lines += ["data_particles", "", "loop_", *(f"_rln{name}" for name in [*labels.split(), "DefocusAngle"])]
    for row in range(len(table)):
        numbers = [*angles[row], *table.shifts_in_angstroms[row], table.defocus_u_in_angstroms[row]]
        numbers += [table.defocus_v_in_angstroms[row], table.defocus_angle_in_degrees[row]]
        lines.append(f"{row + 1:06d}@p.mrcs 1 " + " ".join(f"{float(one):.5f}" for one in numbers))
    return "\n".join(lines) + "\n"
