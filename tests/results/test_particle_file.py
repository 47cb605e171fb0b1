"""One interface to the particles, whatever program wrote them: the same claims for both."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from cryosparc_rows import make_rows
from small_star_run import HEADER

from gem_plugin.errors import InputError
from gem_plugin.io.cryosparc.files import read_cs_rows, write_cs_rows
from gem_plugin.io.run.files import RunFiles
from gem_plugin.results.particle_file import ParticleFile, find_particle_file, open_particle_file, program_of

N = 6
NAMES = np.array([f"{number:06d}@stack.mrcs" for number in range(1, N + 1)], dtype=object)


def star_file(folder: Path) -> tuple[ParticleFile, Callable[[Path], list[float]]]:
    """The file holds the rows backwards; defocus tells them apart."""
    rows = [
        f"{name} {1 + number % 2} 1 {1000 * number} 9 3.0 1 2 3 0.5 -0.25\n"
        for number, name in enumerate(NAMES, start=1)
    ]
    path = folder / "particles.star"
    path.write_text(HEADER + "".join(reversed(rows)))

    def read(written: Path) -> list[float]:
        return open_particle_file(written).column("rlnDefocusU").tolist()

    return open_particle_file(path, NAMES), read


def cs_file(folder: Path) -> tuple[ParticleFile, Callable[[Path], list[float]]]:
    rows = make_rows(N)
    rows["ctf/df1_A"] = 1000 * np.arange(1, N + 1)
    names = rows["uid"].astype(str).astype(object)
    path = folder / "J42_001_particles.cs"
    write_cs_rows(path, rows[::-1])

    def read(written: Path) -> list[float]:
        return read_cs_rows(written)["ctf/df1_A"].tolist()

    return open_particle_file(path, names), read


KINDS = [pytest.param(star_file, "rlnDefocusU", id="star"), pytest.param(cs_file, "ctf/df1_A", id="cs")]


@pytest.mark.parametrize(("make", "defocus"), KINDS)
def test_columns_are_in_the_order_of_the_run(tmp_path: Path, make: Callable, defocus: str) -> None:
    file, _ = make(tmp_path)
    assert len(file) == N
    assert file.column(defocus).tolist() == [1000, 2000, 3000, 4000, 5000, 6000]
    with pytest.raises(InputError, match=f"has no column .*Did you mean .*{defocus}"):
        file.column(defocus + "x")


@pytest.mark.parametrize(("make", "defocus"), KINDS)
def test_chosen_rows_are_those_of_the_run(tmp_path: Path, make: Callable, defocus: str) -> None:
    file, read = make(tmp_path)
    written = file.write(tmp_path / f"subset{file.suffix}", np.array([1, 4]))
    assert sorted(read(written[0])) == [2000, 5000]
    assert all(path.is_file() for path in written)


@pytest.mark.parametrize(("make", "defocus"), KINDS)
def test_latents_go_to_their_particles(tmp_path: Path, make: Callable, defocus: str) -> None:
    file, read = make(tmp_path)
    latents = np.arange(2 * N, dtype=np.float32).reshape(N, 2) / 7
    for rows in (None, np.array([0, 3, 5])):
        (written, *_) = file.write(tmp_path / f"latents{file.suffix}", rows, file.latent_columns(latents))
        kept = np.arange(N) if rows is None else rows
        order = np.argsort(read(written))
        again = open_particle_file(written)
        for axis in range(2):
            label = f"gemLatent{axis + 1}" if file.suffix == ".star" else f"components_mode_{axis}/value"
            np.testing.assert_allclose(again.column(label)[order], latents[kept, axis], rtol=2e-7)
    with pytest.raises(InputError, match="The run has 6 particles, but latents of 5"):
        file.latent_columns(latents[:5])


@pytest.mark.parametrize(("make", "defocus"), KINDS)
def test_particles_that_are_no_longer_there_are_named(tmp_path: Path, make: Callable, defocus: str) -> None:
    file, _ = make(tmp_path)
    missing = open_particle_file(file.path, np.array([*file.recorded.names, "999"], dtype=object))
    with pytest.raises(InputError, match="lacks 1 of the 7 particles of the run, first 999"):
        missing.column(defocus)


@pytest.mark.parametrize(("make", "defocus"), KINDS)
def test_a_name_of_the_other_program_is_refused(tmp_path: Path, make: Callable, defocus: str) -> None:
    file, _ = make(tmp_path)
    other = ".cs" if file.suffix == ".star" else ".star"
    with pytest.raises(
        InputError, match=f"these particles are {file.program}'s; expected a name that ends in"
    ):
        file.write(tmp_path / f"subset{other}", np.array([0]))
    assert not (tmp_path / f"subset{other}").exists()
    commands = {".star": "write-star", ".cs": "write-cs"}
    file.check_is_written_by(commands[file.suffix], RunFiles(tmp_path))
    with pytest.raises(InputError, match=f"Use `gem-em {commands[file.suffix]}"):
        file.check_is_written_by(commands[other], RunFiles(tmp_path))


def test_class_numbers_and_coordinates_are_written_for_relion_only(tmp_path: Path) -> None:
    states, coordinates = np.array([1, 2, 0, 1, 2, 2]), np.arange(12.0).reshape(6, 2)
    star, _ = star_file(tmp_path)
    assert star.write_classes(tmp_path / "classes.star", states, coordinates, RunFiles(tmp_path))
    again = open_particle_file(tmp_path / "classes.star", NAMES)
    np.testing.assert_array_equal(again.column("rlnClassNumber"), states)
    np.testing.assert_array_equal(again.column("gemVolumePC2"), coordinates[:, 1])
    cs, _ = cs_file(tmp_path)
    assert not cs.write_classes(tmp_path / "classes.cs", states, coordinates, RunFiles(tmp_path))


def test_nothing_is_read_before_it_is_asked_for(tmp_path: Path) -> None:
    assert open_particle_file(tmp_path / "absent.star").suffix == ".star"
    with pytest.raises(InputError, match="There is no file"):
        find_particle_file(tmp_path / "absent.star")
    assert program_of(Path("a.star")) == "RELION"
    assert program_of(Path("a.csg")) == "CryoSPARC"
    assert program_of(Path("a.mrcs")) is None


def half_sets_of(path: Path) -> list[float] | None:
    file = open_particle_file(path)
    return file.column("rlnRandomSubset").tolist() if "_rlnRandomSubset" in file.labels else None


def star_with_half_sets(folder: Path, half_sets: list[int]) -> ParticleFile:
    rows = [f"{name} {half} 1 9 9 3.0 1 2 3 0.5 -0.25\n" for name, half in zip(NAMES, half_sets)]
    (folder / "halves.star").write_text(HEADER + "".join(rows))
    return open_particle_file(folder / "halves.star", NAMES)


@pytest.mark.parametrize("with_latents", [False, True])
def test_particles_of_one_half_set_are_written_without_half_sets(tmp_path: Path, with_latents: bool) -> None:
    """RELION's auto-refine ends with an error where one half-set is empty."""
    file = star_with_half_sets(tmp_path, [1, 2, 1, 2, 2, 1])
    columns = file.latent_columns(np.arange(6.0).reshape(6, 1)) if with_latents else None
    with pytest.warns(
        UserWarning, match=r"half.star: all 3 particles are of half-set 2, so rlnRandomSubset is left out"
    ):
        file.write(tmp_path / "half.star", np.array([1, 3, 4]), columns)
    written = open_particle_file(tmp_path / "half.star")
    assert half_sets_of(tmp_path / "half.star") is None
    assert written.column("rlnOriginYAngst").tolist() == [-0.25] * 3
    assert "_rlnOpticsGroup #2" in (tmp_path / "half.star").read_text()
    if with_latents:
        assert written.column("gemLatent1").tolist() == [1, 3, 4]


def test_particles_of_both_half_sets_keep_them(tmp_path: Path) -> None:
    file = star_with_half_sets(tmp_path, [1, 2, 1, 2, 2, 1])
    file.write(tmp_path / "both.star", np.array([0, 1, 2]))
    assert half_sets_of(tmp_path / "both.star") == [1, 2, 1]


@pytest.mark.parametrize(("make", "defocus"), KINDS)
def test_values_are_those_of_the_file_in_the_order_of_the_run(
    tmp_path: Path, make: Callable, defocus: str
) -> None:
    file, _ = make(tmp_path)
    values = file.values(defocus)
    assert len(values) == N
    np.testing.assert_array_equal(values.astype(np.float64), file.column(defocus))
    with pytest.raises(InputError, match="has no column"):
        file.values(defocus + "x")
