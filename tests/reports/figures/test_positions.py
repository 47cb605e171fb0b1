"""The figure of a tomogram: the one with most particles in states, drawn also where states are many and a tomogram is flat."""

from pathlib import Path

import numpy as np
from PIL import Image

from gem_plugin.landscape.neighbouring_states import neighbouring_states
from gem_plugin.reports.figures.positions import draw_positions, fullest_tomogram
from gem_plugin.results.state_positions import StatePositions
from gem_plugin.results.tomogram_positions import TomogramPositions


def positions(n: int, depth: float) -> TomogramPositions:
    generator = np.random.default_rng(0)
    xyz = generator.uniform(-1, 1, (n, 3)) * np.array([3000.0, 1500.0, depth])
    tomograms = np.where(np.arange(n) < n // 3, "TS_b", "TS_a").astype(object)
    names = np.array([f"particle {number}" for number in range(n)], dtype=object)
    return TomogramPositions(names, tomograms, xyz, np.zeros((n, 3)), None)


def test_the_tomogram_with_most_particles_in_states_is_shown() -> None:
    found = positions(30, 100.0)
    assert fullest_tomogram(found, np.ones(30, np.int64)) == "TS_a"
    assert fullest_tomogram(found, np.where(found.tomograms == "TS_a", 0, 1)) == "TS_b"
    found.positions_in_angstroms[10:] = np.nan
    assert fullest_tomogram(found, np.ones(30, np.int64)) == "TS_b"


def test_figures_of_many_states_and_of_a_flat_tomogram(tmp_path: Path) -> None:
    for n_states, depth in ((25, 500.0), (2, 0.0)):
        found = positions(300, depth)
        states = np.random.default_rng(1).integers(0, n_states + 1, 300)
        numbers = neighbouring_states(
            found.positions_in_angstroms, found.tomograms, states, n_states, np.random.default_rng(2)
        )
        assert numbers is not None
        written = draw_positions(tmp_path / f"of_{n_states}", found, states, StatePositions(numbers))
        assert [path.suffix for path in written] == [".png", ".pdf"]
        with Image.open(written[0]) as picture:
            assert picture.width == 1400
            assert len(np.unique(np.asarray(picture.convert("RGB")).reshape(-1, 3), axis=0)) > 100
