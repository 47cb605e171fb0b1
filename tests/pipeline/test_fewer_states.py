"""Steps done again with fewer states, maps or components leave no file of the time before."""

import io
from pathlib import Path

import numpy as np
import pytest
from explorer_run import explorer_source, make_explorer_run

from gem_plugin.adapters.relion.run_nodes import nodes_of_run
from gem_plugin.io.mrc.maps import write_map
from gem_plugin.io.run.files import RunFiles
from gem_plugin.pipeline.run_steps import run_step
from gem_plugin.pipeline.step_table import STEPS
from gem_plugin.progress import Progress
from gem_plugin.settings import settings_from_values

FEW = {"sketch_size": 30, "skip_umap": True, "pc_dim": 3}
ALL = {"skip_umap": True, "bootstrap": 2}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFiles:
    return make_explorer_run(tmp_path_factory.mktemp("run"))


@pytest.fixture
def do(run: RunFiles, monkeypatch: pytest.MonkeyPatch):
    source = explorer_source()
    monkeypatch.setattr("gem_plugin.steps.landscape.step.decoder_of", lambda *_: source)
    monkeypatch.setattr("gem_plugin.steps.landscape_full.step.open_decoder", lambda *_: source)
    monkeypatch.setattr("gem_plugin.results.run.Run.decoder", lambda *_: source)

    def do(name: str, **values: object) -> str:
        said = io.StringIO()
        run_step(STEPS[name], run, settings_from_values(STEPS[name].settings_class, values), Progress(said))
        return said.getvalue()

    return do


def files_with(folder: Path, *words: str) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if any(word in path.name for word in words))


def test_landscape_with_fewer_states_and_components(run: RunFiles, do):
    do("landscape", **FEW, n_states=4, plot_dim=3, keep_volumes=True, differences="pairs")
    for number in range(1, 5):  # as a job of RELION leaves them
        write_map(run.landscape.states.reference(number), explorer_source().decode(explorer_source().latents[:1]).__next__(), 4.0)  # fmt: skip
    assert files_with(run.root, "state_004_volumes", "landscape_vol_pca_2_3.png", "state_003_minus")
    do("landscape", **FEW, n_states=2, plot_dim=1)
    assert files_with(run.root, "state_003", "state_004", "vol_pca_2_3", "minus_state") == []
    assert [path.name for path in (run.landscape.root / "volume_pcs").iterdir()] == ["pc1"]
    do("landscape", **{**FEW, "sketch_size": 20}, n_states=2, plot_dim=0)
    assert files_with(run.landscape.root / "sketch", "vol_0") == []
    assert all((run.root / node.file).is_file() for node in nodes_of_run(run))


def test_landscape_full_with_fewer_states_and_without_leiden_or_path(run: RunFiles, do):
    do("landscape-full", **ALL, n_states=4, maps_per_state=2, path_points=3, energy_pcs=(1, 2))
    full = run.landscape.full
    has_leiden = full.leiden.root.is_dir()
    assert full.path_points.is_file()
    do("landscape-full", **ALL, n_states=2, maps_per_state=2, path_points=0, energy_pcs=(1,), leiden=False)
    assert files_with(full.root, "state_003", "state_004", "leiden", "free_energy_1_2", "free_energy_2") == []
    assert not full.path.exists()
    assert files_with(run.figures, "leiden", "free_energy_1_2", "path") == []
    assert has_leiden or not files_with(full.root, "leiden")


def test_a_path_between_states_that_are_not_there_is_a_note_and_all_else_is_made(run: RunFiles, do):
    said = do("landscape-full", **ALL, n_states="auto", maps_per_state=0, path_states=(1, 90), leiden=False)
    assert "NOTE: there is no minimum-energy path: --path-states asks for state 90" in said
    assert run.landscape.full.state_table.is_file()
    assert not run.landscape.full.path.exists()


def test_analyze_with_fewer_maps_and_components(run: RunFiles, do):
    do("analyze", ksample=4, pc=2, trajectory_points=2, skip_umap=True)
    do("analyze", ksample=3, pc=1, trajectory_points=2, skip_umap=True, skip_vol=True)
    found = sorted(path.name for path in run.analyze.root.iterdir() if path.is_dir())
    assert found == ["kmeans3", "pc1"]
    assert files_with(run.analyze.root, "vol_") == []


def test_reconstruct_with_fewer_states(run: RunFiles, do):
    states = run.root.parent / "states.npy"
    np.save(states, 1 + np.arange(300) % 3)
    do("reconstruct", particle_states=states, local_resolution=True, local_window=48)
    assert files_with(run.root, "state_003_half1", "local_resolution_of_states.png")
    np.save(states, 1 + np.arange(300) // 150)
    do("reconstruct", particle_states=states)
    assert files_with(run.reconstruct.root, "state_003", "local_resolution") == []
    assert files_with(run.figures, "local_resolution") == []


def test_report_and_flex_keep_what_others_put_beside_theirs(run: RunFiles, do):
    from arm_atoms import write_model

    model = run.root.parent / "model.pdb"
    write_model(model, 0.0)
    for name in ("mine.cxc", "morph_volume_component_9.cxc", "gaussians_pc9.pdb"):
        run.chimerax.root.mkdir(exist_ok=True)
        (run.chimerax.root / name).touch()
    run.flex.mkdir(exist_ok=True)
    for name in ("mine.cif", "z_values.cif", "pc7_occupancy.csv"):
        (run.flex / name).touch()
    do("flex", model=model)
    do("report")
    assert files_with(run.chimerax.root, "mine", "9.cxc", "pc9") == ["mine.cxc"]
    assert files_with(run.flex, "mine", "z_values", "pc7") == ["mine.cif"]
