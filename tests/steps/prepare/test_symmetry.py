"""prepare --symmetry: images once, one row for each view, and refusals before any work."""

import io
from pathlib import Path

import numpy as np
import pytest
from symmetric_project import BOX, cryosparc_project, relion_project

from gem_plugin.errors import InputError
from gem_plugin.imaging.symmetry import symmetry_operators
from gem_plugin.io.mrc.stacks import open_stack
from gem_plugin.io.run.files import RunFiles
from gem_plugin.notices import listening
from gem_plugin.particles.prepared import load_prepared
from gem_plugin.progress import Progress
from gem_plugin.results.run import Run
from gem_plugin.steps.prepare.settings import PrepareSettings
from gem_plugin.steps.prepare.step import run_prepare

QUIET = Progress(io.StringIO())


def prepared(run: RunFiles, **settings: object) -> dict:
    return run_prepare(run, PrepareSettings(box=BOX, **settings), QUIET)  # type: ignore[arg-type]


def test_each_image_is_prepared_once_and_seen_in_every_view(tmp_path: Path) -> None:
    project, run = relion_project(tmp_path / "project"), RunFiles(tmp_path / "run")
    summary = prepared(run, particles=project.star, map=project.map, symmetry="C3")
    assert (summary["symmetry"], summary["images"], summary["views"]) == ("C3", 6, 18)
    assert summary["physical_particles"] == 6
    assert open_stack(run.prepared_images).shape == (6, BOX, BOX)
    data = load_prepared(run)
    assert data.images.shape == (18, BOX, BOX)
    np.testing.assert_array_equal(data.images[np.array([3])], data.images[np.array([5])])
    assert data.table.particle_indices.tolist() == np.repeat(np.arange(6), 3).tolist()
    without = RunFiles(tmp_path / "without")
    prepared(without, particles=project.star, map=project.map)
    plain = load_prepared(without)
    np.testing.assert_array_equal(np.asarray(plain.images), open_stack(run.prepared_images))
    operators = symmetry_operators("C3")
    expected = plain.table.rotation_matrices[:, None] @ operators[None]
    np.testing.assert_allclose(data.table.rotation_matrices, expected.reshape(-1, 3, 3), atol=1e-6)


@pytest.mark.relion
@pytest.mark.parametrize("name", ["C3", "D2", "T"])
def test_views_are_those_of_relion(name: str, relion: Path, tmp_path: Path) -> None:
    """Particle by particle the same poses as relion_particle_symmetry_expand, the original first."""
    import subprocess

    from gem_plugin.particles.from_relion import read_relion_particles

    project, run = relion_project(tmp_path / "project", name), RunFiles(tmp_path / "run")
    prepared(run, particles=project.star, map=project.map, symmetry=name)
    expand = ["--i", project.star, "--o", "expanded.star", "--sym", name]
    subprocess.run(
        [relion / "relion_particle_symmetry_expand", *expand], cwd=tmp_path, check=True, capture_output=True
    )
    theirs, ours = read_relion_particles(tmp_path / "expanded.star"), load_prepared(run).table
    assert theirs.image_names.tolist() == ours.image_names.tolist()
    order = len(symmetry_operators(name))
    for start in range(0, len(ours), order):
        found = ours.rotation_matrices[start : start + order]
        expected = theirs.rotation_matrices[start : start + order]
        np.testing.assert_allclose(found[0], expected[0], atol=1e-5)
        distances = np.abs(found[:, None] - expected[None]).max(axis=(2, 3))
        assert distances.min(axis=1).max() < 1e-4
        assert distances.min(axis=0).max() < 1e-4


def test_excluded_particles_are_excluded_in_all_views(tmp_path: Path) -> None:
    project, run = relion_project(tmp_path / "project", n_particles=20), RunFiles(tmp_path / "run")
    project.columns["_rlnCtfScalefactor"] = ["1"] * 4 + ["0"] + ["1"] * 15
    project.write_star()
    said: list[str] = []
    with listening(lambda notice: said.append(notice.sentence)):
        summary = prepared(run, particles=project.star, map=project.map, symmetry="C3")
    assert Run(run).excluded.rows.tolist() == [12, 13, 14]
    assert summary["particles"] == 60
    assert any("1 of 20 particles" in sentence for sentence in said)


def test_c1_changes_nothing(tmp_path: Path) -> None:
    project, run = relion_project(tmp_path / "project"), RunFiles(tmp_path / "run")
    assert "symmetry" not in prepared(run, particles=project.star, map=project.map, symmetry="c1")
    assert len(Run(run).particles) == 6


def test_axes_of_cryosparc_are_taken_from_its_map(tmp_path: Path) -> None:
    """D3 has its 2-fold axis along y there."""
    source, volume, _ = cryosparc_project(tmp_path / "project", "D3")
    run = RunFiles(tmp_path / "run")
    with listening(lambda notice: None):
        summary = prepared(run, particles=source, map=volume, symmetry="D3")
    assert summary["symmetry"] == "D3 with a 2-fold axis along y"
    assert len(Run(run).particles) == 20 * 6


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"symmetry": "X3"}, "--symmetry is 'X3'; expected Cn, Dn, T, O"),
        ({"symmetry": "C3", "map": None}, "--symmetry C3 needs --map"),
        ({"symmetry": "C4"}, r"--symmetry C4: .*does not have it.*It has C3 .*--symmetry C3\."),
    ],
)
def test_wrong_symmetries_are_refused(settings: dict, message: str, tmp_path: Path) -> None:
    project, run = relion_project(tmp_path / "project"), RunFiles(tmp_path / "run")
    with pytest.raises(InputError, match=message):
        prepared(run, **{"particles": project.star, "map": project.map, **settings})
    assert not run.prepared_images.is_file()


def test_expanded_files_are_not_expanded_again(tmp_path: Path) -> None:
    project, run = relion_project(tmp_path / "project"), RunFiles(tmp_path / "run")
    prepared(run, particles=project.star, map=project.map, symmetry="C3")
    expanded = tmp_path / "project" / "expanded.star"
    Run(run).original.write(expanded)
    with pytest.raises(
        InputError, match=r"expanded by symmetry already: 18 rows show 6 particles\. Leave --symmetry out"
    ):
        prepared(RunFiles(tmp_path / "again"), particles=expanded, map=project.map, symmetry="C3")
    summary = prepared(RunFiles(tmp_path / "as_it_is"), particles=expanded, map=project.map)
    assert (summary["images"], summary["views"]) == (6, 18)


def test_one_copy_of_each_particle_is_an_expanded_file_too(tmp_path: Path) -> None:
    """The column says so, though no image comes twice."""
    project, run = relion_project(tmp_path / "project"), RunFiles(tmp_path / "run")
    prepared(run, particles=project.star, map=project.map, symmetry="C3")
    chosen = tmp_path / "project" / "chosen.star"
    with listening(lambda notice: None):
        Run(run).original.write(chosen, np.arange(1, 18, 3))
    with pytest.raises(InputError, match="expanded by symmetry already"):
        prepared(RunFiles(tmp_path / "again"), particles=chosen, map=project.map, symmetry="C3")
