"""What users of cryoDRGN 4.3.1's landscape analysis ran into, each shown absent here.

The numbers are those of a list of its defects; most are shown by the tests of the part that they belong to:

1. full analysis of train_dec runs ignored the weights: test_every_kind_of_run_goes_through_with_the_weights_of_its_file
2. -d of abinit runs cropped the box: test_a_smaller_box_is_a_fourier_crop_of_the_full_one
3. selection off by one: test_selecting_a_state_gives_its_particles_and_no_others, here
4. a second run in a folder crashed: test_a_second_run_in_the_cryodrgn_tree_works, here, and
   test_running_again_keeps_what_is_valid_and_makes_the_rest_anew
5. full analysis projected other maps: test_sketch_particles_get_the_scores_of_their_sketch_maps
6. analyze --skip-vol in a fresh folder crashed: test_analyze_without_maps_works_in_a_fresh_folder, here
7. written star files lost optics: test_all_rows_without_latents_are_the_file_itself
8. counts shifted by left-out volumes: test_left_out_volumes_leave_their_particles_without_state
9. notebook off by one, and unaware of left-out volumes: test_notebook_counts_states_from_one_after_volumes_were_left_out,
   here, and test_notebook_runs_from_top_to_bottom
10. several devices lost the last maps: test_several_decoders_give_the_same_maps_in_the_same_order
11. full analysis took any of several clusterings: test_full_landscape_does_not_depend_on_earlier_clusterings, here
12. a batch size was used as a number of batches: test_learned_coordinates_are_predicted_in_batches_of_limited_size, here
13. one or two latent dimensions failed: test_one_latent_dimension_works_throughout
14. files of GPU runs failed without a GPU: test_weights_saved_on_a_gpu_are_read_without_one, here
15. numbers of components: test_more_components_and_plots_than_there_are_maps, here; --thresh 0:
    test_threshold_zero_is_a_threshold_and_not_a_missing_one; masks of another box:
    test_mask_of_another_box_is_resampled_when_the_pixel_sizes_explain_it
16. a moved run broke: test_a_run_whose_data_moved_is_read, here
"""

import dataclasses
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
import starfile
import torch
from arm_model import arm_source, ring_latents
from small_star_run import write_run

from gem_plugin.io.foreign.cryodrgn import write_pickled_array
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.landscape_files import FullLandscapeFiles, LandscapeFiles
from gem_plugin.landscape import coordinate_regression
from gem_plugin.landscape.coordinate_regression import RegressionSettings, regress_coordinates
from gem_plugin.progress import Progress
from gem_plugin.results.components import VolumeComponents
from gem_plugin.results.cryodrgn_decoder import open_cryodrgn_source
from gem_plugin.results.run import Run
from gem_plugin.steps.analyze.settings import AnalyzeSettings
from gem_plugin.steps.analyze.step import run_analyze
from gem_plugin.steps.landscape.settings import LandscapeSettings
from gem_plugin.steps.landscape.step import map_landscape
from gem_plugin.steps.landscape_full.settings import LandscapeFullSettings
from gem_plugin.steps.landscape_full.step import map_full_landscape
from gem_plugin.steps.select.settings import SelectSettings
from gem_plugin.steps.select.step import run_select

QUIET = Progress(io.StringIO())
N_PARTICLES = 60
SKETCH = LandscapeSettings(sketch_size=20, n_states=3, skip_umap=True, pc_dim=4, plot_dim=0)
FULL = LandscapeFullSettings(
    n_states=3, skip_umap=True, maps_per_state=0, path_points=0, leiden=False, bootstrap=2
)


def sketch(run: RunFiles, **changes: object) -> LandscapeFiles:
    files = run.landscape
    settings = dataclasses.replace(SKETCH, **changes)
    map_landscape(arm_source(ring_latents(N_PARTICLES)), files, run, settings, QUIET)
    return files


def full_landscape(run: RunFiles, **changes: object) -> FullLandscapeFiles:
    files = run.landscape
    settings = dataclasses.replace(FULL, **changes)
    source = arm_source(ring_latents(N_PARTICLES))
    map_full_landscape(source, VolumeComponents.load(files), files, run, settings, QUIET)
    return files.full


def test_every_test_named_above_exists(repository: Path) -> None:
    files = [path.read_text(encoding="utf-8") for path in (repository / "tests").rglob("test_*.py")]
    defined = set(re.findall(r"^def (test_\w+)\(", "\n".join(files), flags=re.MULTILINE))
    named = set(re.findall(r"\btest_\w+", __doc__))
    assert len(named) >= 16
    assert named <= defined


@pytest.mark.parametrize("state", [1, 2, 3])
def test_selecting_a_state_gives_its_particles_and_no_others(state: int, tmp_path: Path) -> None:
    run, rows = write_run(tmp_path, N_PARTICLES)
    files = sketch(run)
    chosen = run_select(run, SelectSettings(states=(state,)), QUIET)["file"]
    listed = np.loadtxt(files.states.rows(state), dtype=int)
    names = starfile.read(chosen, always_dict=True)["particles"]["rlnImageName"]
    assert sorted(names) == sorted(rows[row].split()[0] for row in listed)


def test_a_second_run_in_the_cryodrgn_tree_works(tmp_path: Path) -> None:
    run = RunFiles(tmp_path)
    sketch(run, cryodrgn_layout=True)
    sketch(run, cryodrgn_layout=True)
    sketch(run, cryodrgn_layout=True, n_states=4)
    (folder,) = tmp_path.glob("sketch_clustering_*_4")
    members = sorted(folder.glob("state_*/vol_*.mrc"))
    assert len(members) == 20
    assert all(path.is_file() for path in members), "no link leads nowhere"


def test_analyze_without_maps_works_in_a_fresh_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Run, "decoder", lambda *_: arm_source(ring_latents(N_PARTICLES)))
    run = RunFiles(tmp_path / "fresh")
    run_analyze(run, AnalyzeSettings(skip_vol=True, skip_umap=True, ksample=4), QUIET)
    assert run.analyze.root.is_dir()
    assert not list(run.analyze.root.rglob("vol_*.mrc"))


def test_notebook_counts_states_from_one_after_volumes_were_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import matplotlib.pyplot

    run = RunFiles(tmp_path)
    np.savetxt(tmp_path / "kept.txt", np.arange(4, 20), fmt="%d")
    sketch(run, vol_ind=tmp_path / "kept.txt")
    full = full_landscape(run)
    monkeypatch.setattr(matplotlib.pyplot, "show", matplotlib.pyplot.close)
    names: dict = {}
    for cell in json.loads(full.notebook.read_text())["cells"]:
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), names)
    np.testing.assert_array_equal(names["states"].labels, np.load(full.particle_states))
    assert names["states"].numbers == [1, 2, 3]
    assert len(names["states"].labels) == N_PARTICLES, (
        "every particle counts, whether its sketch map was kept or not"
    )


def test_full_landscape_does_not_depend_on_earlier_clusterings(tmp_path: Path) -> None:
    once, often = RunFiles(tmp_path / "once"), RunFiles(tmp_path / "often")
    sketch(often, linkage="average", n_states=5, cryodrgn_layout=True)
    sketch(often, cryodrgn_layout=True)
    assert len(list(often.root.glob("sketch_clustering_*"))) == 2
    sketch(once)
    one, other = full_landscape(once), full_landscape(often)
    np.testing.assert_array_equal(np.load(one.particle_states), np.load(other.particle_states))
    np.testing.assert_array_equal(np.load(one.coordinates), np.load(other.coordinates))


def test_learned_coordinates_are_predicted_in_batches_of_limited_size(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from sklearn.neural_network import MLPRegressor

    sizes, predict = [], MLPRegressor.predict

    def noted(network: MLPRegressor, inputs: np.ndarray) -> np.ndarray:
        sizes.append(len(inputs))
        return predict(network, inputs)

    monkeypatch.setattr(MLPRegressor, "predict", noted)
    latents = np.random.default_rng(0).normal(size=(70, 2))
    rows, settings = np.arange(30), RegressionSettings(n_layers=1, layer_size=8, n_epochs=3)
    whole = regress_coordinates(latents, rows, latents[rows], settings, seed=0)
    assert sizes[-1] == 70
    monkeypatch.setattr(coordinate_regression, "PARTICLES_AT_A_TIME", 32)
    parts = regress_coordinates(latents, rows, latents[rows], settings, seed=0)
    assert sizes[-3:] == [32, 32, 6]
    np.testing.assert_allclose(parts.coordinates, whole.coordinates, atol=1e-9)


def test_more_components_and_plots_than_there_are_maps(tmp_path: Path) -> None:
    files = sketch(RunFiles(tmp_path), sketch_size=6, pc_dim=50, plot_dim=30)
    scores = np.load(files.volume_pca_scores)
    assert 1 <= scores.shape[1] < 6
    last = scores.shape[1]
    assert files.component_folder(last).is_dir()
    assert not files.component_folder(last + 1).exists()


def small_neural_run(folder: Path, config: str = "") -> None:
    """A train_vae run of random weights, with more lines in its config.yaml."""
    generator = torch.Generator().manual_seed(1)
    weights = {"rand_freqs": torch.randn(12, 3, generator=generator) * 0.5}
    for name, rows, columns in (("main.0", 16, 26), ("main.2.linear", 16, 16), ("main.4", 2, 16)):
        weights[f"decoder.{name}.weight"] = torch.randn(rows, columns, generator=generator) / columns**0.5
        weights[f"decoder.{name}.bias"] = torch.zeros(rows)
    folder.mkdir()
    model = "model_args:\n  zdim: 2\n  pe_type: gaussian\n  pe_dim: 4\n  feat_sigma: 0.5\n  domain: fourier\n"
    model += "  activation: relu\n  layers: 1\n  dim: 16\n"
    (folder / "config.yaml").write_text(f"{config}lattice_args:\n  D: 17\n  extent: 0.5\n{model}")
    checkpoint = {"norm": [0.0, 3.0], "epoch": 1, "model_state_dict": weights}
    torch.save(checkpoint, folder / "weights.1.pkl")
    write_pickled_array(folder / "z.1.pkl", np.random.default_rng(0).normal(size=(9, 2)).astype(np.float32))


def test_weights_saved_on_a_gpu_are_read_without_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small_neural_run(tmp_path / "cpu")
    expected = open_cryodrgn_source(tmp_path / "cpu", "1", 16, None, False)
    monkeypatch.setattr(torch.serialization, "location_tag", lambda storage: "cuda:7")
    small_neural_run(tmp_path / "gpu")  # its tensors say that they lie on the eighth GPU
    with pytest.raises(RuntimeError, match=r"(?i)cuda"):
        torch.load(tmp_path / "gpu" / "weights.1.pkl", weights_only=True)
    source = open_cryodrgn_source(tmp_path / "gpu", "1", 16, None, False)
    latents = source.latents[:1]
    np.testing.assert_array_equal(next(source.decode(latents)), next(expected.decode(latents)))


def test_a_run_whose_data_moved_is_read(tmp_path: Path) -> None:
    lost = "dataset_args:\n  particles: /no/such/particles.mrcs\n  ctf: /no/such/ctf.pkl\n  poses: /no/such/p.pkl\n"
    small_neural_run(tmp_path / "first", lost + "  ind: null\n")
    (tmp_path / "first").rename(tmp_path / "moved")
    source = open_cryodrgn_source(tmp_path / "moved", "1", 16, 3.0, False)
    assert next(source.decode(source.latents[:1])).shape == (16, 16, 16)
    assert source.latents.shape == (9, 2)
