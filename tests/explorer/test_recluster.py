"""Reclustering with the settings of the landscape gives its states, whatever the number of the first map."""

import dataclasses
import io
from pathlib import Path

import numpy as np
import pytest
from arm_model import arm_source, ring_latents
from explorer_run import SETTINGS

from gem_plugin.explorer.masks import MaskRequest
from gem_plugin.explorer.opened_run import OpenedRun
from gem_plugin.explorer.recluster import WHOLE
from gem_plugin.io.array_files import write_array
from gem_plugin.io.run.files import RunFiles
from gem_plugin.progress import Progress
from gem_plugin.results.run import Run
from gem_plugin.steps.landscape.step import map_landscape

N_PARTICLES, N_STATES = 120, 4


@pytest.mark.parametrize("first_number", [0, 1, 5])
@pytest.mark.parametrize("n_left_out", [0, 6])
def test_the_states_are_those_on_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first_number: int, n_left_out: int
) -> None:
    """Version 0.1.0 took map 0 for no map: half of the particles changed their state in the explorer."""
    run, source = RunFiles(tmp_path / "run"), arm_source(ring_latents(N_PARTICLES))
    settings = dataclasses.replace(SETTINGS, n_states=N_STATES, vol_start_index=first_number)
    if n_left_out:
        kept = tmp_path / "kept.txt"
        kept.write_text("\n".join(map(str, range(n_left_out, SETTINGS.sketch_size))))
        settings = dataclasses.replace(settings, vol_ind=kept)
    write_array(run.latents, source.latents)
    map_landscape(source, run.landscape, run, settings, Progress(io.StringIO()))
    monkeypatch.setattr(Run, "decoder", lambda *_: source)
    opened = OpenedRun(run)
    found = opened.opened_sketch().recluster(N_STATES, "ward", WHOLE, MaskRequest())
    on_disk = np.load(run.landscape.particle_states)
    np.testing.assert_array_equal(found.particle_states, on_disk)
    np.testing.assert_array_equal(opened.column("state").values, on_disk)
    assert (on_disk == 0).any() == bool(n_left_out)


def test_auto_finds_groups_by_their_basins_and_leaves_a_ring_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = np.random.default_rng(0)
    angles = generator.choice([0, 2, 4], N_PARTICLES, p=[0.5, 0.3, 0.2])
    apart = np.stack([np.cos(angles), np.sin(angles)], axis=1) + 0.02 * generator.normal(
        size=(N_PARTICLES, 2)
    )
    for name, latents, expected in (("apart", apart, 3), ("ring", ring_latents(N_PARTICLES), 1)):
        run, source = RunFiles(tmp_path / name), arm_source(latents.astype(np.float32))
        settings = dataclasses.replace(SETTINGS, n_states=2, sketch_size=60)
        write_array(run.latents, source.latents)
        map_landscape(source, run.landscape, run, settings, Progress(io.StringIO()))
        monkeypatch.setattr(Run, "decoder", lambda *_, source=source: source)
        found = OpenedRun(run).opened_sketch().recluster("auto", "ward", WHOLE, MaskRequest())
        assert found.map_states.max() == expected
        assert found.linkage == "ward"
