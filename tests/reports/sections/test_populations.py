"""The report shows the fraction of every state with its interval, what the errors contain, and nothing where there is none."""

import dataclasses
from pathlib import Path

import numpy as np
from full_run import make_full_run

from gem_plugin.io.array_files import write_array
from gem_plugin.reports.sections.populations import populations_if_there, populations_table
from gem_plugin.reports.sections.states import states_section
from gem_plugin.results.checks import RunChecks
from gem_plugin.results.populations import StatePopulations
from gem_plugin.results.run import Run

POPULATIONS = StatePopulations(
    np.array([0.7, 0.3, 0]),
    np.array([0.75, 0.25, 0]),
    np.array([0.701, 0.2, 0]),
    np.array([0.8, 0.299, 0.01]),
    np.array([0, np.log(3), np.inf]),
    np.array([0, 0.1, np.nan]),
    np.array([2000, 18, 0]),
    "micrographs",
    True,
)


def test_every_state_has_its_interval_and_free_energy() -> None:
    text = populations_table(POPULATIONS, RunChecks())
    assert (
        "<td>1</td><td>75.0 % (70.1 % to 80.0 %)</td><td>70.0 %</td><td>0</td><td>2,000</td><td>not tested</td>"
        in text
    )
    assert (
        "<td>25.0 % (20.0 % to 29.9 %)</td><td>30.0 %</td><td>1.10 ± 0.10</td><td>18</td><td>not tested</td>"
        in text
    )
    assert "<td>0.0 % (0.0 % to 1.0 %)</td><td>0.0 %</td><td>above 4.3</td>" in text
    assert POPULATIONS.sentence in text


def test_those_of_landscape_full_and_leiden_say_which_states_they_are_of() -> None:
    text = populations_table(POPULATIONS, RunChecks(in_common={1: 0.95, 2: 0.5, 3: 0.9}), "full")
    assert "<h3>Populations of the states of landscape-full</h3>" in text
    assert "<th>full_state</th>" in text
    assert "at least 80% of the particles of either are in both" in text
    assert "--particle-states RUN/landscape/full/particle_states.npy" in text, "state 2 is another"
    of_leiden = populations_table(POPULATIONS, RunChecks(), "leiden")
    assert "<h3>Populations of the Leiden communities</h3>" in of_leiden
    assert "RUN/landscape/full/leiden_states.npy" in of_leiden


def test_states_show_them_where_they_are(tmp_path: Path) -> None:
    files = make_full_run(tmp_path / "run")
    populations_before = Run(files).files.landscape.populations
    populations_before.unlink(missing_ok=True)
    assert populations_if_there(Run(files)) is None
    assert "Populations" not in states_section(Run(files))
    n_states = len(Run(files).state_maps)
    shown = dataclasses.replace(
        POPULATIONS,
        **{
            name: np.resize(getattr(POPULATIONS, name), n_states)
            for name in (
                "counted",
                "fractions",
                "lower",
                "upper",
                "energies_in_kt",
                "energy_errors_in_kt",
                "n_groups",
            )
        },
    )
    shown.save(files.landscape)
    text = states_section(Run(files))
    assert "particles, 75.0 % (70.1 % to 80.0 %)" in text
    assert "<h3>Populations</h3>" in text
    assert "landscape-full</h3>" not in text
    labels = Run(files).states().labels
    write_array(files.landscape.full.particle_states, labels)
    shown.write(files.landscape.full.populations)
    assert "<h3>Populations of the states of landscape-full</h3>" in states_section(Run(files))
