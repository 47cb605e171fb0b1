"""A run that starts from CryoSPARC files reads the same images as one that starts from their converted star file."""

import subprocess
import sys
from pathlib import Path

import mrcfile
import numpy as np
import pytest
from cryosparc_rows import make_rows, only_fields
from cryosparc_server.instance import Instance
from cryosparc_server.tiny_project import add_tiny_refinement

from gem_plugin.io.cryosparc.files import read_cs_rows, write_cs_rows, write_csg
from gem_plugin.io.cryosparc.jobs import read_cryosparc
from gem_plugin.io.run.files import RunFiles
from gem_plugin.particles.prepared import load_prepared
from gem_plugin.progress import Progress
from gem_plugin.results.written_particles import write_latents
from gem_plugin.steps.convert.settings import ConvertSettings
from gem_plugin.steps.convert.step import run_convert
from gem_plugin.steps.prepare.settings import PrepareSettings
from gem_plugin.steps.prepare.step import run_prepare


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with the finished job J42 (particles and passthrough apart), dark images, and a working folder."""
    rows, folder = make_rows(30), tmp_path / "project"
    write_cs_rows(folder / "J42" / "J42_011_particles.cs", only_fields(rows, "alignments3D", "ctf"))
    write_cs_rows(
        folder / "J42" / "J42_passthrough_particles.cs", only_fields(rows, "blob", "location")[::-1]
    )
    random = np.random.default_rng(3)
    for path in np.unique(rows["blob/path"]).tolist():
        stack = folder / path.decode()
        stack.parent.mkdir(parents=True, exist_ok=True)
        with mrcfile.new(stack) as mrc:
            mrc.set_data(random.normal(0, 2, size=(10, 32, 32)).astype(np.float32))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return folder


def prepared_from(particles: Path, name: str):
    run = RunFiles(Path(name))
    run_prepare(run, PrepareSettings(particles=particles, box=24), Progress())
    return load_prepared(run)


def test_job_directory_and_white_star_give_the_same_prepared_images(project: Path):
    run_convert(
        ConvertSettings(particles=project / "J42", out=Path("white.star"), stacks="white"), Progress()
    )
    from_job, from_star = prepared_from(project / "J42", "job"), prepared_from(Path("white.star"), "star")
    np.testing.assert_array_equal(from_job.images, from_star.images)
    np.testing.assert_allclose(from_job.table.rotation_matrices, from_star.table.rotation_matrices, atol=1e-6)
    np.testing.assert_allclose(
        from_job.table.shifts_in_angstroms, from_star.table.shifts_in_angstroms, atol=1e-5
    )
    assert from_job.table.half_sets.tolist() == from_star.table.half_sets.tolist()


def test_dark_images_become_positive_density(project: Path):
    prepared = prepared_from(project / "J42", "job")
    stack = mrcfile.read(project / "J7/extract/001_mic_1_particles.mrc")
    seen = np.corrcoef(prepared.images[12].ravel(), _cropped(-stack[2], 24).ravel())[0, 1]
    assert seen > 0.999


def _cropped(image: np.ndarray, size: int) -> np.ndarray:
    """Fourier-cropped by plain numpy."""
    spectrum = np.fft.fftshift(np.fft.fft2(image))
    start = image.shape[0] // 2 - size // 2
    cut = spectrum[start : start + size, start : start + size]
    return np.fft.ifft2(np.fft.ifftshift(cut)).real


def test_export_is_prepared_from_its_own_folder(project: Path, tmp_path: Path):
    rows = make_rows(30)
    rows["blob/path"] = np.char.add(b">", rows["blob/path"])
    export = tmp_path / "export" / "J42_particles"
    export.mkdir(parents=True)
    (export / "J7").symlink_to(project / "J7")
    write_cs_rows(export / "J42_particles_exported.cs", rows)
    write_csg(
        export / "J42_particles_exported.csg", "J42_particles_exported.cs", rows, "t", "d", "2026-01-01"
    )
    from_export, from_job = prepared_from(export, "export"), prepared_from(project / "J42", "job")
    np.testing.assert_array_equal(from_export.images, from_job.images)


def test_particles_with_latents_are_left_in_the_run(project: Path):
    prepared_from(project / "J42", "job")
    latents = np.random.default_rng(1).normal(size=(30, 2)).astype(np.float32)
    write_latents(RunFiles(Path("job")), latents)
    written = read_cs_rows(Path("job/particles.cs"))
    np.testing.assert_array_equal(written["components_mode_1/value"], latents[:, 1])
    assert written["uid"].tobytes() == make_rows(30)["uid"].tobytes()


@pytest.mark.slow
def test_whole_run_from_a_job_directory_leaves_states_to_import(tmp_path: Path):
    instance = Instance(tmp_path / "project")
    rows = add_tiny_refinement(instance)
    write_cs_rows(instance.folder / "J42" / "J42_011_particles.cs", only_fields(rows, "alignments3D", "ctf"))
    write_cs_rows(
        instance.folder / "J42" / "J42_passthrough_particles.cs", only_fields(rows, "blob", "location")
    )
    run = RunFiles(tmp_path / "run")
    inputs = ["--particles", instance.folder / "J42", "--map", instance.folder / "J42" / "J42_volume_map.mrc"]
    settings = ["--epochs", "2", "--box", "32", "-N", "20", "-M", "3", "-d", "32", "--out", run.root]
    subprocess.run([sys.executable, "-m", "gem_plugin", "run", *inputs, *settings], check=True, cwd=tmp_path)
    everything = read_cs_rows(run.root / "particles.cs")
    assert everything["uid"].tobytes() == rows["uid"].tobytes()
    np.testing.assert_array_equal(everything["components_mode_0/value"], np.load(run.latents)[:, 0])
    states = np.load(run.landscape.root / "particle_states.npy")
    for number in (1, 2, 3):
        group = read_cryosparc(run.landscape.root / "states" / f"state_{number:03d}.csg")
        for name in rows.dtype.names:
            np.testing.assert_array_equal(group.rows[name], rows[states == number][name])
