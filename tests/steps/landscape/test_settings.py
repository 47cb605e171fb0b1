"""Every option of cryoDRGN's two landscape commands has its place here; several devices give the same maps."""

import dataclasses

import numpy as np
import pytest
from arm_model import arm_source, ring_latents

from gem_plugin.results.decode_in_turn import decode_in_turn
from gem_plugin.settings import flag_of
from gem_plugin.steps.landscape.settings import LandscapeSettings
from gem_plugin.steps.landscape_full.settings import LandscapeFullSettings

ANALYZE_LANDSCAPE = {
    "--device": "device", "--multigpu": "device", "-o": "outdir", "--skip-umap": "skip_umap", "--vol-ind": "vol_ind",
    "-N": "sketch_size", "--Apix": "apix", "--flip": "flip", "-d": "downsample", "--skip-vol": "skip_vol",
    "--vol-start-index": "vol_start_index", "--thresh": "thresh", "--dilate": "dilate", "--cosine-edge": "cosine_edge",
    "--mask": "mask", "--linkage": "linkage", "-M": "n_states", "--pc-dim": "pc_dim", "--plot-dim": "plot_dim",
}  # fmt: skip
ANALYZE_LANDSCAPE_FULL = {
    "--device": "device", "--landscape-dir": "landscape_dir", "-o": "outdir", "--seed": "seed", "-N": "training_volumes",
    "--skip-vol": "skip_vol", "--batch-size": "batch_size", "--epochs": "epochs", "--lr": "lr", "--dim": "dim",
    "--layers": "layers", "--num-neighbors": "num_neighbors", "--resolution": "resolution",
}  # fmt: skip  # --flip and -d follow the sketch, with which they must agree; --test-batch-size has no use


@pytest.mark.parametrize(
    ("settings_class", "options"),
    [(LandscapeSettings, ANALYZE_LANDSCAPE), (LandscapeFullSettings, ANALYZE_LANDSCAPE_FULL)],
)
def test_every_option_exists_under_its_usual_name(settings_class: type, options: dict[str, str]) -> None:
    fields = {field.name: field for field in dataclasses.fields(settings_class)}
    for theirs, ours in options.items():
        assert ours in fields
        if theirs != "--multigpu":  # several devices are given as --device cuda:0,cuda:1
            assert flag_of(fields[ours]) == theirs


@pytest.mark.parametrize("n_maps", [0, 5, 40])
def test_several_decoders_give_the_same_maps_in_the_same_order(n_maps: int) -> None:
    source = arm_source(ring_latents(max(n_maps, 1)), box_size=12)
    latents = source.latents[:n_maps]
    together = list(decode_in_turn([source.decode, source.decode, source.decode], latents))
    assert len(together) == n_maps
    for one, other in zip(together, source.decode(latents)):
        np.testing.assert_array_equal(one, other)
