"""A report counts the checks that were run, and says how many were not."""

import json
import re
from pathlib import Path

from old_runs import unpack_old_run

from gem_plugin.landscape.checks.known_checks import (
    KNOWN_CHECKS,
    KnownCheck,
    check_and_subject,
    checks_run,
    done_in_words,
    name_of,
    no_problems_in_words,
)

OF_TRAINING = (
    "latent space collapsed",
    "latents not supported by held-out particles",
    "trained too long",
    "trained too briefly",
)


def measured(*names: str) -> list[dict[str, object]]:
    return [{"name": name, "value": 1.0} for name in names]


def not_run_in_words(n_run: int) -> str:
    return f"{len(KNOWN_CHECKS) - n_run} more have not been run: "


def test_only_the_checks_of_the_training_leave_the_others_open() -> None:
    sentence = no_problems_in_words(measured(*OF_TRAINING))
    assert sentence.startswith(f"No problems in 4 checks; {not_run_in_words(4)}")
    assert "state N may be noise" in sentence
    assert "latent space collapsed" not in sentence


def test_a_check_that_could_not_be_measured_was_not_run() -> None:
    rows = [*measured(*OF_TRAINING[:2]), *({"name": name, "value": None} for name in OF_TRAINING[2:])]
    assert no_problems_in_words(rows).startswith(f"No problems in 2 checks; {not_run_in_words(2)}")
    assert no_problems_in_words([]) == "No checks have been run"


def test_the_header_counts_the_checks_that_were_run_of_all_and_names_the_others() -> None:
    sentence = done_in_words(measured(*OF_TRAINING))
    assert sentence.startswith(f"{len(OF_TRAINING)} of {len(KNOWN_CHECKS)} checks have been run. Not run: ")
    assert sentence.count(", ") >= len(KNOWN_CHECKS) - len(OF_TRAINING) - 1
    everything = measured(*(example_of(check) for check in KNOWN_CHECKS))
    assert done_in_words(everything) == f"{len(KNOWN_CHECKS)} of {len(KNOWN_CHECKS)} checks have been run"


def example_of(check: KnownCheck) -> str:
    name = check.name.format("state 3") if check.name else check.pattern
    return name.replace("(held-out|left-out)", "held-out")


def test_every_name_is_a_check_and_a_subject_and_becomes_itself_again() -> None:
    for known in KNOWN_CHECKS:
        name = example_of(known)
        check, subject = check_and_subject(name)
        assert subject
        assert name_of(check, subject) == name
    assert check_and_subject("state 12 may be noise") == ("may be noise", "state 12")
    assert check_and_subject("latents follow in-plane angle (psi)") == (
        "latents follow",
        "in-plane angle (psi)",
    )
    assert check_and_subject("decoded map of state 2 is not what its particles show") == (
        "decoded map is not what its particles show",
        "state 2",
    )
    assert check_and_subject("a check of another version") == ("a check of another version", "run")


def test_one_kind_of_check_counts_once_for_all_states() -> None:
    rows = measured("state 1 is unstable", "state 12 is unstable", "latents follow in-plane angle (psi)")
    run, not_run = checks_run(rows)
    assert [check.title for check in run] == [
        "state N is unstable",
        "latents follow defocus, view, contrast, ...",
    ]
    assert len(run) + len(not_run) == len(KNOWN_CHECKS)


def test_diagnostics_of_version_0_1_0_are_all_known(tmp_path: Path) -> None:
    path = unpack_old_run(tmp_path) / "RUN" / "diagnostics.json"
    for row in json.loads(path.read_text())["diagnostics"]:
        assert sum(check.has(row["name"]) for check in KNOWN_CHECKS) == 1, row["name"]


def test_the_documentation_lists_the_same_checks(repository: Path) -> None:
    text = (repository / "docs" / "checks.md").read_text()
    table = text.split("## The checks")[1].split("\n## ")[0]
    rows = re.findall(r"^\| ([^|]+?) \|", table, re.MULTILINE)[1:]
    assert rows == [check.title for check in KNOWN_CHECKS]
