"""Files for ChimeraX: they name what exists, and Gaussians lie where the map has its density."""

import re
from pathlib import Path

import gemmi
import numpy as np
import pytest
from arm_model import arm_source, ring_latents
from tiny_run import make_tiny_run

from gem_plugin.io.array_files import write_array, write_numbers
from gem_plugin.io.mrc.maps import read_map
from gem_plugin.io.run.files import RunFiles
from gem_plugin.landscape.sketch import sketch_from_rows
from gem_plugin.results.kept_products import KeptProducts
from gem_plugin.results.run import Run
from gem_plugin.results.sketch import Sketch
from gem_plugin.steps.report import chimerax as motion_step


def write_all(run: RunFiles) -> list[Path]:
    return motion_step.write_chimerax(Run(run), KeptProducts(run, run.figures))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFiles:
    """The run of the turning arm, as if its model were on disk."""
    run = make_tiny_run(tmp_path_factory.mktemp("run"))
    write_numbers(run.analyze.component_folder(1) / "z_values.txt", np.array([[1.0, 0.0], [0.0, 1.0]]))
    run.checkpoint.touch()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Run, "decoder", lambda *_: arm_source(ring_latents(300)))
        write_all(run)
    return run


def test_scripts_open_files_that_exist(run: RunFiles) -> None:
    scripts = sorted(run.chimerax.root.glob("*.cxc"))
    names = {path.name for path in scripts}
    assert {"states.cxc", "arrows.cxc", "colour_by_motion.cxc", "gaussians_pc1.cxc"} <= names
    opened = [
        path.parent / name
        for path in scripts
        for name in re.findall(r'^open "([^"]+)"', path.read_text(), re.M)
    ]
    assert len(opened) >= len(scripts)
    assert [path for path in opened if not path.is_file()] == []


def test_pseudo_atoms_lie_in_the_density(run: RunFiles) -> None:
    structure = gemmi.read_structure(str(run.chimerax.root / "gaussians_pc1.pdb"))
    assert len(structure) == 2
    density = read_map(run.chimerax.root / "mean.mrc")
    atoms = np.array([row.atom.pos.tolist() for row in structure[0].all()])
    places = np.round(atoms / density.pixel_size_in_angstroms).astype(int)
    body = density.volume[places[:60, 2], places[:60, 1], places[:60, 0]]  # the ball does not move
    assert body.min() > 0.01 * density.volume.max()
    assert body.mean() > 20 * density.volume.mean()


def test_the_arm_is_what_moves(run: RunFiles) -> None:
    motion = Run(run).motion
    assert motion is not None
    assert motion.displacement_in_angstroms[:60].max() < 1e-3
    along = np.linspace(10, 32, 30)
    np.testing.assert_allclose(motion.displacement_in_angstroms[60:], along, rtol=0.05)
    structure = gemmi.read_structure(str(run.chimerax.root / "gaussians_pc1.pdb"))
    factors = np.array([row.atom.b_iso for row in structure[0].all()])
    np.testing.assert_allclose(factors, motion.displacement_in_angstroms, atol=0.006)


def test_map_of_motion_is_the_motion_where_density_is_and_zero_elsewhere(run: RunFiles) -> None:
    values, density = (
        read_map(run.chimerax.root / "motion.mrc").volume,
        read_map(run.chimerax.root / "mean.mrc").volume,
    )
    assert values[density < 0.01 * density.max()].max() == 0
    assert 10 < values.max() <= 32.5


def test_arrows_are_numbers_that_chimerax_reads(run: RunFiles) -> None:
    arrows = [line.split() for line in (run.chimerax.root / "motion_arrows.bild").read_text().splitlines()]
    lengths = [len(words) for words in arrows if words[0] == ".arrow"]
    assert len(lengths) == 90
    assert set(lengths) == {10}


def test_a_run_without_model_gets_scripts_of_its_maps_only(tmp_path: Path) -> None:
    run = make_tiny_run(tmp_path)
    written = write_all(run)
    expected = {"states", "states_overlay", "morph_latent_component_1", "movie", "figure"}
    assert {path.stem for path in written} == expected


def test_without_analyze_the_gaussians_follow_the_first_volume_component(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A RELION job of the landscape alone: the maps of its sketch lie along the component, the Gaussians follow them."""
    run = make_tiny_run(tmp_path)
    for path in sorted(run.analyze.root.rglob("*.mrc")):
        path.unlink()
    latents = ring_latents(300)
    write_array(run.latents, latents)
    sketch = sketch_from_rows(latents, np.arange(60))
    angles = np.arctan2(latents[:60, 1], latents[:60, 0])
    files = run.landscape
    Sketch(sketch.rows, sketch.labels).save(files, latents)
    write_array(files.volume_pca_scores, np.stack([angles, np.zeros(60)], axis=1))
    run.checkpoint.touch()
    monkeypatch.setattr(Run, "decoder", lambda *_: arm_source(ring_latents(300)))
    write_all(run)
    structure = gemmi.read_structure(str(run.chimerax.root / "gaussians_volume_component_1.pdb"))
    assert len(structure) == motion_step.POINTS_OF_TRAJECTORY
    tips = np.array([[row.atom.pos.tolist() for row in model.all()][-1] for model in structure])
    steps = np.linalg.norm(np.diff(tips, axis=0), axis=1)
    assert steps.min() > 1, "the tip of the arm moves in every step"
    assert (run.chimerax.root / "gaussians_volume_component_1.cxc").is_file()


def test_motion_of_particles_in_groups_is_that_of_single_ones(
    run: RunFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = arm_source(ring_latents(300))
    together = motion_step.write_motion(run, source)
    monkeypatch.setattr(motion_step, "PARTICLES_AT_A_TIME", 1)
    alone = motion_step.write_motion(run, source)
    np.testing.assert_array_equal(together.parts, alone.parts)
    np.testing.assert_allclose(together.displacement_in_angstroms, alone.displacement_in_angstroms, atol=1e-4)
    np.testing.assert_allclose(together.amplitudes, alone.amplitudes, rtol=1e-5)
