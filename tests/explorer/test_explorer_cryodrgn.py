"""The explorer on the landscape of a cryoDRGN run: its particles, its decoder, its states."""

import io
import shutil
from pathlib import Path

import numpy as np
import pytest
from served_explorer import serve

from gem_plugin.io.run_files import RunFiles
from gem_plugin.io.run_settings import write_step_settings
from gem_plugin.progress import Progress
from gem_plugin.steps.cryodrgn_runs import open_cryodrgn_source
from gem_plugin.steps.landscape import LandscapeSettings, run_landscape


def test_a_cryodrgn_landscape_can_be_explored(shared_data: Path, tmp_path: Path) -> None:
    theirs = shared_data / "cryodrgn_run"
    if not theirs.is_dir():
        pytest.skip("the cryoDRGN run (../shared/data/cryodrgn_run) is absent")
    work = tmp_path / "work"
    work.mkdir()
    for name in ("config.yaml", "weights.5.pkl", "z.5.pkl"):
        shutil.copyfile(theirs / name, work / name)
    run = RunFiles(tmp_path / "landscape.5")
    settings = LandscapeSettings(
        sketch_size=12,
        downsample=16,
        n_states="3",
        skip_umap=True,
        pc_dim=3,
        plot_dim=0,
        workdir=work,
        epoch="5",
    )
    run_landscape(run, settings, Progress(io.StringIO()))
    write_step_settings(run, "landscape", settings)  # as the command line does
    source = open_cryodrgn_source(work, "5", 16, None, False)
    for served in serve(run):
        told = served.ask_json("/api/run")
        assert told["nParticles"] == source.n_particles
        assert told["training"]["isFinished"]
        assert {"latent_1", "state"} <= {column["name"] for column in told["columns"]}
        model = served.ask_json("/api/model")["model"]
        assert not model["hasImages"]
        _, content = served.ask_packed("/api/molecule", {"row": 5})
        size, first = model["windowSize"], 8 - model["windowSize"] // 2
        volume = next(iter(source.decode(source.latents[5:6])))
        window = volume[first : first + size, first : first + size, first : first + size].clip(0)
        shown = np.frombuffer(content, np.uint8).reshape(window.shape) * model["densityOf255"] / 255
        np.testing.assert_allclose(shown, window, atol=model["densityOf255"] / 255)
        head, _ = served.ask_packed("/api/group", {"nStates": 2, "linkage": "ward", "region": "whole"})
        assert sum(head["counts"]) == source.n_particles
        rows = np.array([4, 2], "<u4")
        answer = served.ask_json("/api/save/selection/particles/mine", rows.tobytes())
        assert answer["files"] == [str(run.explore / "mine_rows.txt")]
        assert (run.explore / "mine_rows.txt").read_text().split() == ["2", "4"]
