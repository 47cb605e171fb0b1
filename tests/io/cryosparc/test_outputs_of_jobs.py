"""Job folders of 3D classification, heterogeneous refinement, 3D Variability and Particle Sets: one output of several, by its file."""

from pathlib import Path

import numpy as np
import pytest
from cryosparc_rows import make_rows, only_fields, with_fields

from gem_plugin.errors import InputError
from gem_plugin.io.cryosparc.files import read_cs_rows, write_cs_rows
from gem_plugin.io.cryosparc.groups import latent_fields, rows_with_fields, write_particle_group
from gem_plugin.io.cryosparc.jobs import read_cryosparc
from gem_plugin.particles.from_cryosparc import read_cryosparc_particles

EXPANSION = {"sym_expand/src_uid": "<u8", "sym_expand/idx": "<u4"}


def expanded_rows(n_rows: int = 12) -> np.ndarray:
    """Rows as Symmetry Expansion leaves them: three views of each particle."""
    numbers = np.arange(n_rows)
    values = {
        "sym_expand/src_uid": (numbers // 3 + 1000).astype("<u8"),
        "sym_expand/idx": (numbers % 3).astype("<u4"),
    }
    return with_fields(make_rows(n_rows), values)


def write_output(folder: Path, file: str, passthrough: str, rows: np.ndarray) -> Path:
    """An output as a job leaves it: what it changed, and the rest in a passthrough file with its rows in another order."""
    slots = {name.split("/")[0] for name in rows.dtype.names or ()} - {"uid"}
    own = [slot for slot in slots if slot == "alignments3D" or slot.startswith("components_")]
    write_cs_rows(folder / file, only_fields(rows, *own))
    write_cs_rows(folder / passthrough, only_fields(rows[::-1], *(slots - set(own))))
    return folder / file


@pytest.mark.parametrize(
    ("file", "passthrough"),
    [
        ("J61_00042_particles_class_2.cs", "J61_passthrough_particles_class_2.cs"),
        ("J61_class_02_00042_particles.cs", "J61_passthrough_particles_class_2.cs"),
        ("cryosparc_P3_J61_class_02_00042_particles.cs", "P3_J61_passthrough_particles_class_2.cs"),
        ("J61_particles_all_classes.cs", "J61_passthrough_particles_all_classes.cs"),
        ("J61_particles_cluster_0.cs", "J61_passthrough_particles_cluster_0.cs"),
        ("J61_split_0.cs", "J61_passthrough_split_0.cs"),
        ("J61_remainder.cs", "J61_passthrough_remainder.cs"),
        ("J61_004_particles.cs", "J61_passthrough_particles.cs"),
    ],
)
def test_an_output_is_joined_with_its_own_passthrough_file(
    tmp_path: Path, file: str, passthrough: str
) -> None:
    """Another output of the job, with other particles, lies beside it."""
    rows = expanded_rows()
    job = tmp_path / "P3" / "J61"
    path = write_output(job, file, passthrough, rows)
    other = make_rows(5)
    other["uid"] += 77
    write_output(job, "J61_00042_particles_class_7.cs", "J61_passthrough_particles_class_7.cs", other)
    joined = read_cryosparc(path)
    assert set(joined.rows.dtype.names) == set(rows.dtype.names)
    for name in rows.dtype.names:
        np.testing.assert_array_equal(joined.rows[name], rows[name], err_msg=name)
    table = read_cryosparc_particles(path)
    assert len(table) == 12
    assert len(np.unique(table.particle_indices)) == 4  # of which three views each


def test_a_folder_with_several_outputs_asks_for_one(tmp_path: Path) -> None:
    rows, job = expanded_rows(), tmp_path / "J61"
    for number in (0, 1):
        write_output(
            job, f"J61_0042_particles_class_{number}.cs", f"J61_passthrough_particles_class_{number}.cs", rows
        )
    with pytest.raises(
        InputError, match=r"J61_0042_particles_class_0\.cs, J61_0042_particles_class_1\.cs.* name the \.cs"
    ):
        read_cryosparc(job)


def test_components_of_variability_and_the_expansion_stay_in_a_subset(tmp_path: Path) -> None:
    """A local refinement or 3D Variability of expanded particles: a written subset has sym_expand and every other field."""
    rows = rows_with_fields(expanded_rows(), latent_fields(np.ones((12, 2), dtype=np.float32)))
    path = write_output(tmp_path / "J61", "J61_particles.cs", "J61_passthrough_particles.cs", rows)
    chosen = np.array([7, 2, 3])
    particles = read_cryosparc(path)
    write_particle_group(tmp_path / "subset.cs", particles, chosen, "t", "d", None)
    subset = read_cs_rows(tmp_path / "subset.cs")
    for name in (*EXPANSION, "uid", "alignments3D/pose", "blob/path"):
        np.testing.assert_array_equal(subset[name], rows[chosen][name], err_msg=name)
    again = read_cryosparc_particles(tmp_path / "subset.cs")
    assert len(np.unique(again.particle_indices)) == 3  # rows 7, 2 and 3 are of the particles 2, 0 and 1
