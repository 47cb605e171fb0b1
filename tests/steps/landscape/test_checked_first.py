"""Wrong options and inputs are refused before anything is written."""

import dataclasses
import io
from pathlib import Path

import numpy as np
import pytest
from arm_model import arm_source, ring_latents
from small_star_run import write_run

from gem_plugin.errors import InputError
from gem_plugin.io.array_files import write_array
from gem_plugin.io.mrc.maps import write_map
from gem_plugin.io.mrc.stacks import write_stack
from gem_plugin.io.run.files import RunFiles
from gem_plugin.pipeline.run_steps import run_step, run_steps
from gem_plugin.pipeline.step_table import STEPS
from gem_plugin.progress import Progress
from gem_plugin.results.run import Run
from gem_plugin.settings import settings_from_values
from gem_plugin.steps.landscape.cryodrgn_layout import check_tree_is_ours
from gem_plugin.steps.landscape.settings import LandscapeSettings
from gem_plugin.steps.landscape.step import map_landscape


@pytest.fixture
def sketched(tmp_path: Path) -> RunFiles:
    """A run with what a landscape leaves, as far as a refused one could damage it."""
    run = RunFiles(tmp_path)
    write_array(run.landscape.sketch_labels, np.arange(60))
    write_map(run.landscape.mask, np.ones((8, 8, 8), np.float32), 5.0)
    return run


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refused_landscape(run: RunFiles, **changes) -> str:
    source = arm_source(ring_latents(60))
    settings = dataclasses.replace(LandscapeSettings(sketch_size=20, n_states=4), **changes)
    before = contents(run.root)
    with pytest.raises(InputError) as refused:
        map_landscape(source, run.landscape, run, settings, Progress(io.StringIO()))
    assert contents(run.root) == before
    return str(refused.value)


def test_no_states_and_more_states_than_maps_are_refused_before_anything_is_written(sketched: RunFiles):
    assert "-M is 0; expected at least 1" in refused_landscape(sketched, n_states=0)
    assert "-M is 21; expected 1 to 20, the number of sketch maps" in refused_landscape(sketched, n_states=21)
    few = sketched.root / "few.txt"
    few.write_text("0\n1\n2\n")
    assert "-M is 4; expected 1 to 3" in refused_landscape(sketched, sketch_ind=few)


def test_mask_and_region_of_another_box_are_refused_before_anything_is_written(sketched: RunFiles):
    other = sketched.root / "other.mrc"
    write_map(other, np.ones((10, 10, 10), np.float32), 90.0)
    assert "the mask has " in refused_landscape(sketched, mask=other)
    assert "the mask has " in refused_landscape(sketched, region=(f"arm={other}",))
    assert "the mask has " in refused_landscape(sketched, skip_mask=True)


@pytest.mark.parametrize(
    ("step", "setting"),
    [
        ("landscape", "mask"), ("landscape", "vol_ind"), ("reconstruct", "mask"), ("reconstruct", "z_values"),
        ("diagnose", "mask"), ("flex", "model"), ("train", "focus_mask"), ("select", "rows"), ("eval-vol", "particles"),
    ],
)  # fmt: skip
def test_file_that_is_missing_is_named_before_anything_is_written(
    sketched: RunFiles, step: str, setting: str
):
    settings = settings_from_values(STEPS[step].settings_class, {setting: "/nowhere/there.mrc"})
    before = contents(sketched.root)
    with pytest.raises(InputError, match=f"--{setting.replace('_', '-')}: there is no file /nowhere/there"):
        run_step(STEPS[step], sketched, settings, Progress(io.StringIO()))
    assert contents(sketched.root) == before


def test_missing_mask_of_a_late_step_stops_a_run_before_its_first_step(sketched: RunFiles):
    values = {"focus_mask": "there.mrc", "particles": sketched.root, "map": sketched.landscape.mask}
    told = r"--focus-mask: there is no file there\.mrc\. Relative names start from /"
    with pytest.raises(InputError, match=told):
        run_steps(("prepare", "consensus", "train"), sketched, values, Progress(io.StringIO()))
    assert not sketched.prepared_table.exists()


def test_particles_that_were_moved_are_missed_before_any_work(tmp_path: Path):
    run, _ = write_run(tmp_path, 60)
    Run(run).origin.particle_file.unlink()
    assert "from which the run was made" in refused_landscape(run)


@pytest.mark.parametrize(
    "name", ["kmeans30", "vol_pcs", "sketch_clustering_ward_4", "umap.pkl", "landscape_full"]
)
def test_results_of_cryodrgn_itself_are_never_replaced(sketched: RunFiles, name: str):
    """landscape.EPOCH is where cryoDRGN leaves its own, too."""
    (sketched.root / name / "state_001").mkdir(parents=True)
    (sketched.root / name / "of_cryodrgn.pkl").write_text("of cryoDRGN")
    told = refused_landscape(sketched, cryodrgn_layout=True)
    assert f"holds {name} that GEM did not list as its own" in told
    assert "Leave --cryodrgn-layout out" in told


def test_the_tree_of_cryodrgns_names_is_ours_to_make_again(tmp_path: Path):
    run, _ = write_run(tmp_path, 60)
    settings = LandscapeSettings(sketch_size=12, n_states=3, skip_umap=True, plot_dim=0, pc_dim=2)
    source, said = arm_source(ring_latents(60)), io.StringIO()
    for cryodrgn_layout in (True, False):
        again = dataclasses.replace(settings, cryodrgn_layout=cryodrgn_layout)
        map_landscape(source, run.landscape, run, again, Progress(said))
    assert "still shows the landscape of before; --cryodrgn-layout makes it anew" in said.getvalue()
    check_tree_is_ours(run)


@pytest.fixture(scope="module")
def with_states(tmp_path_factory: pytest.TempPathFactory) -> RunFiles:
    """A prepared run in a box of 24 pixels of 4 A, with what the steps after training read first."""
    run, _ = write_run(tmp_path_factory.mktemp("with_states"), 60)
    source = arm_source(ring_latents(60))
    write_stack_of_zeros(run)
    write_array(run.latents, source.latents)
    small = LandscapeSettings(sketch_size=12, n_states=2, skip_umap=True, plot_dim=0, pc_dim=2)
    map_landscape(source, run.landscape, run, small, Progress(io.StringIO()))
    return run


def write_stack_of_zeros(run: RunFiles) -> None:
    with write_stack(run.prepared_images, 4.0) as writer:
        writer.append(np.zeros((60, 24, 24), np.float32))


@pytest.mark.parametrize(
    ("step", "setting"),
    [("reconstruct", "mask"), ("diagnose", "mask"), ("train", "focus_mask"), ("landscape", "mask"),
     ("landscape", "region"), ("landscape-full", "region")],
)  # fmt: skip
@pytest.mark.parametrize(("box", "pixel_size"), [(10, 2.0), (30, 40.0)])
def test_mask_of_an_absurd_width_is_refused_by_every_step(
    with_states: RunFiles,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
    setting: str,
    box: int,
    pixel_size: float,
):
    source = arm_source(ring_latents(60))
    monkeypatch.setattr("gem_plugin.steps.landscape.step.decoder_of", lambda *_: source)
    monkeypatch.setattr("gem_plugin.steps.landscape_full.step.open_decoder", lambda *_: source)
    other = with_states.root.parent / "other.mrc"
    write_map(other, np.ones((box, box, box), np.float32), pixel_size)
    value = (f"arm={other}",) if setting == "region" else other
    settings = settings_from_values(STEPS[step].settings_class, {setting: value})
    before = results(with_states)
    with pytest.raises(InputError, match=r"other\.mrc: .*the mask has"):
        run_step(STEPS[step], with_states, settings, Progress(io.StringIO()))
    assert results(with_states) == before


def results(run: RunFiles) -> dict[str, bytes]:
    return {
        path: text
        for path, text in contents(run.root).items()
        if not path.endswith((run.lock.name, run.log.name))
    }


def test_mask_that_diagnose_cannot_use_yet_is_checked_all_the_same(tmp_path: Path):
    run, _ = write_run(tmp_path, 60)
    write_map(tmp_path / "other.mrc", np.ones((10, 10, 10), np.float32), 2.0)
    settings = STEPS["diagnose"].settings_class(mask=tmp_path / "other.mrc")
    with pytest.raises(InputError, match=r"other\.mrc: .*the mask has"):
        run_step(STEPS["diagnose"], run, settings, Progress(io.StringIO()))
