"""A report counts the checks that were run, and says how many were not."""

import re
from pathlib import Path

from gem_plugin.landscape.checks.known_checks import KNOWN_CHECKS, checks_run, no_problems_in_words

OF_TRAINING = (
    "latent space collapsed",
    "latents not supported by held-out particles",
    "trained too long",
    "trained too briefly",
)


def measured(*names: str) -> list[dict[str, object]]:
    return [{"name": name, "value": 1.0} for name in names]


def test_only_the_checks_of_the_training_leave_the_others_open() -> None:
    assert (
        no_problems_in_words(measured(*OF_TRAINING)) == "No problems in 4 checks; 12 more have not been run"
    )


def test_a_check_that_could_not_be_measured_was_not_run() -> None:
    rows = [*measured(*OF_TRAINING[:2]), *({"name": name, "value": None} for name in OF_TRAINING[2:])]
    assert no_problems_in_words(rows) == "No problems in 2 checks; 14 more have not been run"
    assert no_problems_in_words([]) == "No checks have been run"


def test_one_kind_of_check_counts_once_for_all_states() -> None:
    rows = measured("state 1 is unstable", "state 12 is unstable", "latents follow in-plane angle (psi)")
    run, not_run = checks_run(rows)
    assert [check.title for check in run] == [
        "state N is unstable",
        "latents follow defocus, view, contrast, ...",
    ]
    assert len(run) + len(not_run) == len(KNOWN_CHECKS)


def test_diagnostics_of_version_0_1_0_are_all_known(repository: Path) -> None:
    import json

    path = repository / "tests" / "data" / "run_of_0_1_0" / "RUN" / "diagnostics.json"
    for row in json.loads(path.read_text())["diagnostics"]:
        assert sum(check.has(row["name"]) for check in KNOWN_CHECKS) == 1, row["name"]


def test_the_documentation_lists_the_same_checks(repository: Path) -> None:
    text = (repository / "docs" / "trust.md").read_text()
    table = text.split("## The checks")[1].split("\n## ")[0]
    rows = re.findall(r"^\| ([^|]+?) \|", table, re.MULTILINE)[1:]
    assert rows == [check.title for check in KNOWN_CHECKS]
