"""What is drawn again together: micrographs of star and cs files, else image stacks, else particles with their views."""

import dataclasses
from pathlib import Path

import numpy as np
from small_star_run import write_run

from gem_plugin.particles.table import ParticleTable
from gem_plugin.results.micrographs import groups_of_particles
from gem_plugin.results.particle_file import CryosparcParticleFile, open_particle_file
from gem_plugin.results.run import Run

N = 60


def with_micrographs(folder: Path, n_micrographs: int) -> Run:
    """Row i of the run, whose file is in the opposite order, is of micrograph i % n_micrographs."""
    files, _ = write_run(folder, N)
    star = folder / "particles.star"
    lines = []
    for line in star.read_text().splitlines():
        if line.startswith("_rlnOriginYAngst"):
            line += "\n_rlnMicrographName #12"
        elif "@" in line:
            line += f" mic{(int(line[:6]) - 1) % n_micrographs}.mrc"
        lines.append(line)
    star.write_text("\n".join(lines) + "\n")
    return Run(files)


def groups(run: Run, table: ParticleTable | None = None):
    return groups_of_particles(table or run.particles, run.original, np.ones(N, bool))


def test_micrographs_of_a_star_file_in_the_order_of_the_run(tmp_path: Path) -> None:
    found = groups(with_micrographs(tmp_path, 12))
    assert found.kind == "micrographs"
    np.testing.assert_array_equal(found.numbers, np.arange(N) % 12)


def test_few_micrographs_are_not_drawn(tmp_path: Path) -> None:
    found = groups(with_micrographs(tmp_path, 9))
    assert found.kind == "particles"
    np.testing.assert_array_equal(found.numbers, np.arange(N))


def test_only_micrographs_of_rows_that_count_are_counted(tmp_path: Path) -> None:
    run = with_micrographs(tmp_path, 12)
    counted = np.arange(N) % 12 < 9
    assert groups_of_particles(run.particles, run.original, counted).kind == "particles"


def test_stacks_where_there_are_no_micrographs(tmp_path: Path) -> None:
    files, _ = write_run(tmp_path, N)
    run = Run(files)
    assert run.original.micrographs is None
    stacks = np.array([f"stack{row // 4}.mrcs" for row in range(N)], dtype=object)
    found = groups(run, dataclasses.replace(run.particles, stack_names=stacks))
    assert found.kind == "image stacks"
    np.testing.assert_array_equal(found.numbers, np.arange(N) // 4)


def test_views_of_one_particle_are_drawn_together(tmp_path: Path) -> None:
    files, _ = write_run(tmp_path, N)
    run = Run(files)
    found = groups(run, dataclasses.replace(run.particles, particle_indices=np.arange(N) // 3))
    assert found.kind == "particles"
    np.testing.assert_array_equal(found.numbers, np.arange(N) // 3)


def test_micrographs_of_a_cryosparc_file(tmp_path: Path) -> None:
    rows = np.zeros(
        4, [("uid", "<u8"), ("blob/path", "S9"), ("blob/idx", "<u4"), ("location/micrograph_uid", "<u8")]
    )
    rows["uid"], rows["location/micrograph_uid"] = [1, 2, 3, 4], [7, 9, 7, 8]
    with open(tmp_path / "particles.cs", "wb") as handle:
        np.save(handle, rows)
    particles = open_particle_file(tmp_path / "particles.cs")
    assert isinstance(particles, CryosparcParticleFile)
    found = particles.micrographs
    assert found is not None
    np.testing.assert_array_equal(found, [7, 9, 7, 8])
