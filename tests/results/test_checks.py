"""checks.csv: written and read back, long checks in the place of quick ones, and nothing said of other states."""

import json
from pathlib import Path

import numpy as np
import pytest
from tiny_run import N_STATES, make_tiny_run

from gem_plugin.errors import InputError
from gem_plugin.io.array_files import write_array
from gem_plugin.io.run.files import RunFiles
from gem_plugin.landscape.checks.diagnostic import Diagnostic, not_measured
from gem_plugin.results.checks import COLUMNS, LONG, QUICK, RunChecks
from gem_plugin.results.csv_tables import read_text_rows
from gem_plugin.results.run import Run


@pytest.fixture
def run(tmp_path: Path) -> RunFiles:
    return make_tiny_run(tmp_path / "run")


def noise(number: int, z_score: float, sentence: str = 'Half-maps, of "both" halves, agree.') -> Diagnostic:
    return Diagnostic(f"state {number} may be noise", z_score, 4.0, z_score < 4, sentence, "Look, and wait.")


FOLLOWS = Diagnostic("latents follow defocus", 0.01, 0.05, False, "They do not.")
NOTHING = not_measured("states may be noise", 4.0, "Not reconstructed.", "Run reconstruct.")


def test_every_row_is_read_back_as_it_was_written(run: RunFiles) -> None:
    found = [noise(1, 12.0), noise(2, 1.0), FOLLOWS, not_measured("poses far off", 0.05, "No.", "Train.")]
    checks = RunChecks().with_found(found, QUICK, run)
    checks.save(run)
    assert RunChecks.load(run) == checks
    assert run.checks.read_text().splitlines()[0] == ",".join(COLUMNS)
    assert [row.name for row in checks.rows] == [one.name for one in found]
    assert (checks.rows[0].check, checks.rows[0].subject) == ("may be noise", "state 1")
    assert checks.badge(1) == "supported (12 sigma)"
    assert checks.badge(2) == "not supported (1 sigma)"
    assert checks.badge(3) == "not tested"
    assert checks.badge(1, "full") == checks.badge(1, "leiden") == "not tested"


def test_states_of_landscape_full_have_the_verdicts_of_the_particles_they_share(run: RunFiles) -> None:
    states = np.load(run.landscape.particle_states)
    others = np.where((states == 2) & (np.arange(len(states)) % 2 == 0), 3, states)  # half of state 2 is in 3
    write_array(run.landscape.full.particle_states, others)
    RunChecks().with_found([noise(1, 12.0), noise(2, 8.0), noise(3, 9.0)], QUICK, run).save(run)
    checks = RunChecks.load(run)
    assert [checks.badge(number, "full") for number in (1, 2, 3)] == [
        "supported (12 sigma)",
        "not tested",
        "not tested",
    ]
    assert checks.verdict(1, "full").sentence.startswith("100% of the particles that are in state 1 of")
    assert checks.badge(1, "leiden") == "not tested"
    read = checks.how_to_read((1, 2, 3), "full")
    assert "where at least 80% of the particles of either are in both" in read
    assert "gem-em reconstruct RUN --particle-states RUN/landscape/full/particle_states.npy" in read
    assert "reconstruct" not in checks.how_to_read((1,), "full")
    assert checks.how_to_read((1, 2, 3), "sketch") == ""


def test_a_new_check_reaches_the_table_of_landscape_full(run: RunFiles) -> None:
    states = np.load(run.landscape.particle_states)
    write_array(run.landscape.full.particle_states, states)
    run.landscape.full.state_table.write_text("state,particles,verdict\n1,100,not tested\n")
    RunChecks.load(run).with_found([noise(1, 12.0)], QUICK, run).save(run)
    (row,) = read_text_rows(run.landscape.full.state_table)
    assert row["verdict"] == "supported (12 sigma)"


def test_a_long_check_takes_the_row_of_the_quick_one_and_keeps_it(run: RunFiles) -> None:
    quick = RunChecks().with_found([noise(1, 9.0), FOLLOWS], QUICK, run)
    long = quick.with_found([noise(1, 13.0)], LONG, run)
    again = long.with_found([noise(1, 9.0)], QUICK, run)
    assert long == again
    assert [(row.name, row.depth, row.number) for row in long.rows] == [
        ("state 1 may be noise", LONG, 13.0),
        ("latents follow defocus", QUICK, 0.01),
    ]


def test_what_was_not_measured_replaces_nothing_that_was(run: RunFiles) -> None:
    checks = RunChecks().with_found([NOTHING], QUICK, run)
    assert [row.verdict for row in checks.rows] == ["not measured"]
    measured = checks.with_found([noise(2, 12.0)], QUICK, run)
    assert [row.name for row in measured.rows] == ["state 2 may be noise"]
    assert measured.with_found([NOTHING], LONG, run) == measured
    of_another = not_measured("state 3 may be noise", 4.0, "One half-set.", "Fewer states.")
    assert len(measured.with_found([of_another], LONG, run).rows) == 2


def test_rows_of_other_states_or_latents_are_not_read(run: RunFiles) -> None:
    RunChecks().with_found([noise(1, 12.0), FOLLOWS], QUICK, run).save(run)
    states = np.load(run.landscape.particle_states)
    write_array(run.landscape.particle_states, 1 + states % N_STATES)
    assert [row.name for row in RunChecks.load(run).rows] == ["latents follow defocus"]
    assert RunChecks.load(run).badge(1) == "not tested"
    write_array(run.landscape.particle_states, states)
    write_array(run.latents, np.load(run.latents) + 1)
    assert [row.name for row in RunChecks.load(run).rows] == ["state 1 may be noise"]


def test_a_run_without_the_table_has_no_verdicts_and_still_its_diagnostics(old_run: Path) -> None:
    run = Run(old_run)
    assert not run.files.checks.exists()
    assert {run.checks.badge(number) for number in run.state_maps} == {"not tested"}
    rows = json.loads(run.files.diagnostics.read_text())["diagnostics"]
    assert run.diagnostics() == rows


def test_the_rows_of_a_run_are_those_of_diagnostics_json(run: RunFiles) -> None:
    RunChecks().with_found([noise(1, 12.0)], QUICK, run).save(run)
    (row,) = Run(run).diagnostics()
    assert (row["name"], row["value"], row["verdict"]) == ("state 1 may be noise", 12.0, "good")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("check,subject\nmay be noise,state 1\n", "is not a table of checks"),
        (",".join(COLUMNS) + "\nmay be noise,state 1,many,4,good,a,b,quick,\n", "is not a table of checks"),
        (",".join(COLUMNS) + "\nmay be noise,state 1,12,4,fine,a,b,quick,\n", "has the verdict 'fine'"),
        (
            ",".join(COLUMNS) + "\nmay be noise,state 1,12,4,good\n",
            "is not a table of checks|has the verdict",
        ),
    ],
)
def test_a_damaged_table_is_refused_with_its_name(run: RunFiles, text: str, message: str) -> None:
    run.checks.write_text(text)
    with pytest.raises(InputError, match=message):
        RunChecks.load(run)
