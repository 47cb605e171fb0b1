"""JoinStar of expanded sets: rows that both files have, expanded beside not expanded, and what is written of them."""

import io
import subprocess
from pathlib import Path

import numpy as np
import pytest
from prepared_images import warnings_in
from symmetric_set import BOX, make_symmetric_set, particle_lines

from gem_plugin.errors import InputError
from gem_plugin.io.run.files import RunFiles
from gem_plugin.notices import listening
from gem_plugin.particles.prepared import load_prepared
from gem_plugin.progress import Progress
from gem_plugin.results.particle_file import open_particle_file
from gem_plugin.results.run import Run
from gem_plugin.results.state_particles import write_state_particles
from gem_plugin.steps.prepare.settings import PrepareSettings
from gem_plugin.steps.prepare.step import run_prepare

pytestmark = pytest.mark.relion
N_IMAGES, ORDER = 20, 3
QUIET = Progress(io.StringIO())


class Project:
    """A symmetric set, the same expanded by RELION, and RELION's join of any of its files."""

    def __init__(self, folder: Path, relion: Path) -> None:
        self.folder, self.relion = folder, relion
        self.data = make_symmetric_set(folder, "C3", N_IMAGES)
        self.expanded = folder / "expanded.star"
        self.call(
            "relion_particle_symmetry_expand",
            "--i",
            str(self.data.star),
            "--o",
            "expanded.star",
            "--sym",
            "C3",
        )

    def call(self, program: str, *options: str) -> None:
        command = [self.relion / program, *options]
        subprocess.run(command, cwd=self.folder, check=True, capture_output=True)

    def part(self, name: str, rows: np.ndarray) -> Path:
        """Some rows of the expanded file."""
        open_particle_file(self.expanded).write(self.folder / name, rows)
        return self.folder / name

    def joined(self, *stars: Path) -> Path:
        names = " ".join(star.name if star.parent == self.folder else str(star) for star in stars)
        self.call("relion_star_handler", "--combine", "--i", names, "--o", "joined.star")
        return self.folder / "joined.star"

    def prepared(self, star: Path, **settings: object) -> RunFiles:
        files = RunFiles(self.folder / f"run_{star.stem}")
        run_prepare(files, PrepareSettings(star, self.data.map, box=BOX, **settings), QUIET)  # type: ignore[arg-type]
        return files


@pytest.fixture
def project(tmp_path: Path, relion: Path) -> Project:
    return Project(tmp_path, relion)


def written_states(files: RunFiles, states: np.ndarray) -> list[list[str]]:
    write_state_particles(files.landscape.states, states, 2, Run(files).original, QUIET)
    return [particle_lines(files.landscape.states.particles(number, ".star")) for number in (1, 2)]


def test_halves_of_an_expanded_set_are_whole_again(project: Project) -> None:
    """Copies of one particle come from two files: they are views of one particle, in one half-set."""
    rows = np.arange(N_IMAGES * ORDER)
    star = project.joined(
        project.part("a.star", rows[rows % 2 == 0]), project.part("b.star", rows[rows % 2 == 1])
    )
    files = project.prepared(star)
    table = load_prepared(files).table
    assert table.counts == "20 images, 60 views"
    for particle in range(N_IMAGES):
        members = np.flatnonzero(table.particle_indices == particle)
        assert len(members) == ORDER
        assert len(set(table.image_names[members].tolist())) == 1
        assert len(set(table.half_sets[members].tolist())) == 1
    states = 1 + np.random.default_rng(0).integers(0, 2, len(table))
    lines = particle_lines(star)
    for number, written in enumerate(written_states(files, states), 1):
        assert written == [lines[row] for row in np.flatnonzero(states == number)]


def test_rows_that_both_files_have_are_counted_and_can_be_dropped(project: Project) -> None:
    star = project.joined(project.part("a.star", np.arange(36)), project.part("b.star", np.arange(30, 60)))
    with pytest.raises(
        InputError,
        match=r"6 of 66 rows show an image in the pose .* row 36 as row 30.*Do not remove duplicates in RELION",
    ):
        project.prepared(star)
    with listening(lambda notice: None) as notices:
        files = project.prepared(star, drop_duplicates=True)
    assert "6 of 66 rows" in warnings_in(notices)
    table = load_prepared(files).table
    kept = np.delete(np.arange(66), np.arange(36, 42))
    assert table.file_rows.tolist() == kept.tolist()
    states = 1 + np.arange(60) % 2
    lines = particle_lines(star)
    for number, written in enumerate(written_states(files, states), 1):
        assert written == [lines[row] for row in kept[states == number]]


def test_the_set_beside_its_own_expansion_shows_each_particle_once_too_often(project: Project) -> None:
    star = project.joined(project.data.star, project.expanded)
    with pytest.raises(InputError, match=r"20 of 80 rows show an image in the pose that an earlier row has"):
        project.prepared(star)
    with listening(lambda notice: None):
        files = project.prepared(star, drop_duplicates=True)
    assert load_prepared(files).table.counts == "20 images, 60 views"
