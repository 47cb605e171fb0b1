"""The same particles as .star and as .cs give the same projections and the same CTFs."""

from pathlib import Path

import numpy as np
import pytest
import starfile
import torch
from cryosparc_rows import make_rows, with_fields
from scipy.spatial.transform import Rotation

from gem_plugin.gaussians.cloud import GaussianCloud
from gem_plugin.gaussians.projection import project_gaussians
from gem_plugin.imaging.ctf import ctf_half_spectra
from gem_plugin.imaging.fourier import shift_images
from gem_plugin.io.cryosparc.files import read_cs_rows, write_cs_rows
from gem_plugin.io.project_folder import ImageSearch
from gem_plugin.particles import ParticleTable
from gem_plugin.particles.ctf_parameters import ctf_parameters_of
from gem_plugin.results.particle_file import read_particles

BOX_SIZE = 48


def images_of(table: ParticleTable) -> torch.Tensor:  # (n, box, box)
    """A lopsided cloud of 40 Gaussians as each particle's pose and shift show it."""
    random = torch.Generator().manual_seed(5)
    reach = 0.3 * BOX_SIZE * table.pixel_size_in_angstroms
    positions = (torch.rand((40, 3), generator=random) - 0.3) * reach
    widths = torch.full((40,), 1.2 * table.pixel_size_in_angstroms)
    cloud = GaussianCloud(positions, torch.rand(40, generator=random), widths)
    matrices = torch.from_numpy(table.rotation_matrices)
    images = project_gaussians(cloud, matrices, BOX_SIZE, table.pixel_size_in_angstroms)
    return shift_images(images, -torch.from_numpy(table.shifts_in_angstroms) / table.pixel_size_in_angstroms)


def ctfs_of(table: ParticleTable) -> torch.Tensor:  # (n, box, box // 2 + 1)
    parameters = ctf_parameters_of(table)
    return ctf_half_spectra(parameters, BOX_SIZE, table.pixel_size_in_angstroms)


def assert_tables_agree(first: ParticleTable, second: ParticleTable) -> None:
    images = images_of(first)
    torch.testing.assert_close(images, images_of(second), rtol=0, atol=2e-4 * float(images.max()))
    torch.testing.assert_close(ctfs_of(first), ctfs_of(second), rtol=0, atol=2e-3)
    assert first.half_sets.tolist() == second.half_sets.tolist()
    assert first.slice_indices.tolist() == second.slice_indices.tolist()
    assert first.box_size == second.box_size


def star_written_by_hand(rows: np.ndarray, path: Path) -> None:
    """RELION 3.1 columns from the published formulas, not through our converter."""
    angles = Rotation.from_rotvec(rows["alignments3D/pose"].astype(float)).as_euler("ZYZ", degrees=True)
    origins = rows["alignments3D/shift"] * rows["alignments3D/psize_A"][:, None]
    particles = {
        "rlnImageName": [f"{i + 1:06d}@{p.decode()}s" for i, p in zip(rows["blob/idx"], rows["blob/path"])],
        "rlnAngleRot": angles[:, 0],
        "rlnAngleTilt": angles[:, 1],
        "rlnAnglePsi": angles[:, 2],
        "rlnOriginXAngst": origins[:, 0],
        "rlnOriginYAngst": origins[:, 1],
        "rlnDefocusU": rows["ctf/df1_A"],
        "rlnDefocusV": rows["ctf/df2_A"],
        "rlnDefocusAngle": np.degrees(rows["ctf/df_angle_rad"]),
        "rlnPhaseShift": np.degrees(rows["ctf/phase_shift_rad"]),
        "rlnCtfScalefactor": rows["alignments3D/alpha"],
        "rlnRandomSubset": rows["alignments3D/split"] + 1,
        "rlnOpticsGroup": rows["ctf/exp_group_id"],
    }
    groups = np.unique(rows["ctf/exp_group_id"])
    optics = {
        "rlnOpticsGroup": groups,
        "rlnVoltage": 300.0,
        "rlnSphericalAberration": 2.7,
        "rlnAmplitudeContrast": 0.1,
        "rlnImagePixelSize": float(rows["blob/psize_A"][0]),
        "rlnImageSize": int(rows["blob/shape"][0, 0]),
        "rlnImageDimensionality": 2,
    }
    pandas = pytest.importorskip("pandas")
    starfile.write({"optics": pandas.DataFrame(optics), "particles": pandas.DataFrame(particles)}, path)


def test_made_up_particles_agree(tmp_path: Path):
    rows = make_rows(30, seed=9, box_size=BOX_SIZE)
    write_cs_rows(tmp_path / "particles.cs", rows)
    star_written_by_hand(rows, tmp_path / "particles.star")
    assert_tables_agree(
        read_particles(tmp_path / "particles.cs"), read_particles(tmp_path / "particles.star")
    )


def test_disagreement_would_be_seen(tmp_path: Path):
    """The comparison itself is sharp: a transposed pose, or a shift of the other sign, fails it."""
    rows = make_rows(30, seed=9, box_size=BOX_SIZE)
    write_cs_rows(tmp_path / "particles.cs", rows)
    for wrong in (
        {"alignments3D/pose": -rows["alignments3D/pose"]},
        {"alignments3D/shift": -rows["alignments3D/shift"]},
    ):
        star_written_by_hand(with_fields(rows, wrong), tmp_path / "particles.star")
        with pytest.raises(AssertionError):
            assert_tables_agree(
                read_particles(tmp_path / "particles.cs"), read_particles(tmp_path / "particles.star")
            )


def test_real_pair_agrees_once_both_have_the_same_poses(shared_data: Path, tmp_path: Path):
    """EMPIAR-10076: seven particles that came as .star and as .cs; they have a CTF, the poses are made up here."""
    original = read_cs_rows(shared_data / "real" / "empiar_10076_7.cs")
    made_up = make_rows(len(original))
    names = [name for name in made_up.dtype.names if name.startswith("alignments3D/")]
    columns = {name: made_up[name] for name in names}
    columns["alignments3D/alpha"] = np.ones(len(original), dtype=np.float32)
    columns["alignments3D/psize_A"] = original["blob/psize_A"]
    rows = with_fields(original, columns)
    write_cs_rows(tmp_path / "seven.cs", rows)

    star = starfile.read(shared_data / "real" / "empiar_10076_7.star")
    angles = Rotation.from_rotvec(rows["alignments3D/pose"].astype(float)).as_euler("ZYZ", degrees=True)
    star["rlnAngleRot"], star["rlnAngleTilt"], star["rlnAnglePsi"] = angles.T
    star["rlnOriginX"], star["rlnOriginY"] = rows["alignments3D/shift"].T  # pixels, as RELION 3.0 has them
    star["rlnRandomSubset"] = rows["alignments3D/split"] + 1
    starfile.write(star, tmp_path / "seven.star")

    from_star = read_particles(tmp_path / "seven.star", ImageSearch(shared_data / "real"))
    from_cs = read_particles(tmp_path / "seven.cs")
    assert_tables_agree(from_star, from_cs)
    assert from_cs.contrast_sign.tolist() == [-1.0] * 7  # only CryoSPARC says that these images are dark
