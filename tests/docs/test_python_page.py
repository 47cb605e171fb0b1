"""docs/python.md: its code runs from top to bottom, from fit to the subset star, on the demo's kind of data."""

import io
import re
from pathlib import Path

import numpy as np
import pytest

import gem_plugin as gem
from gem_plugin.progress import Progress
from gem_plugin.steps.demo.settings import DemoSettings
from gem_plugin.steps.demo.step import simulation_of
from gem_plugin.steps.simulate.step import run_simulate

BLOCK = re.compile(r"^```python\n(.*?)^```$", re.S | re.M)


@pytest.fixture
def demo_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The demo's particles and consensus map, fewer and smaller."""
    settings = DemoSettings(out=tmp_path, n_particles=240, box=32, pixel_size=8.0, snr=0.2)
    run_simulate(simulation_of(settings), Progress(io.StringIO()))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_block_of_the_page_runs(
    demo_data: Path, repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    blocks = BLOCK.findall((repository / "docs" / "python.md").read_text(encoding="utf-8"))
    assert len(blocks) == 9
    names: dict = {}
    for block in blocks:
        exec(compile(block, "docs/python.md", "exec"), names)
    shown = capsys.readouterr().out
    assert "--epochs is 'many'; expected a whole number" in shown
    run = gem.open_run(demo_data / "RUN")
    kept = np.flatnonzero((run.column("state") == 1) & (run.column("contrast") > 0.2))
    subset = gem.read_particles(demo_data / "subset.star")
    np.testing.assert_array_equal(subset.image_names, run.particles.image_names[kept])
    original = (demo_data / "Simulated" / "particles.star").read_text().splitlines()
    written = (demo_data / "subset.star").read_text().splitlines()
    assert set(written) <= set(original), "rows are as they were"
    assert (demo_data / "particle_7.mrc").is_file()
    assert "_gemLatent1" in (demo_data / "with_latents.star").read_text()
