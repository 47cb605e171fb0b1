"""The list of all checks of a run, so that a report can say which of them have not been run."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class KnownCheck:
    """One kind of check; it may be done for each state or for each quantity that the latents should not follow."""

    pattern: str  # regular expression of the names of its diagnostics
    title: str
    made_by: str  # the command that runs it

    def has(self, name: str) -> bool:
        return re.fullmatch(self.pattern, name) is not None


KNOWN_CHECKS = (  # as docs/trust.md lists them
    KnownCheck(r"states? (\d+ )?may be noise", "state N may be noise", "reconstruct, then diagnose"),
    KnownCheck(
        r"decoded map of state \d+ is not what its particles show",
        "decoded map of state N is not what its particles show",
        "reconstruct, then diagnose",
    ),
    KnownCheck(r"half-maps share noise", "half-maps share noise", "reconstruct, then diagnose"),
    KnownCheck(
        r"state \d+ has too few particles", "state N has too few particles", "reconstruct, then diagnose"
    ),
    KnownCheck(r"state \d+ is unstable", "state N is unstable", "landscape, then diagnose"),
    KnownCheck(r"latents follow .+", "latents follow defocus, view, contrast, ...", "diagnose"),
    KnownCheck(r"latent space collapsed", "latent space collapsed", "train"),
    KnownCheck(
        r"latents not supported by (held-out|left-out) particles",
        "latents not supported by held-out particles",
        "train with --validation-fraction",
    ),
    KnownCheck(r"trained too long", "trained too long", "train with --validation-fraction"),
    KnownCheck(
        r"trained too briefly", "trained too briefly", "train without --epochs, with --validation-fraction"
    ),
    KnownCheck(r"many junk particles", "many junk particles", "train, then diagnose"),
    KnownCheck(
        r"junk particles concentrate in .+",
        "junk particles concentrate in image stacks, optics groups",
        "train, then diagnose",
    ),
    KnownCheck(r"poses far off", "poses far off", "train, then diagnose"),
    KnownCheck(
        r"latents differ between trainings", "latents differ between trainings", "diagnose --other-run"
    ),
    KnownCheck(
        r"half-sets missing|same image in both half-sets",
        "half-sets missing; same image in both half-sets",
        "diagnose",
    ),
    KnownCheck(r".+ cuts through motion", "consensus mask cuts through motion", "diagnose --mask"),
)


def checks_run(
    rows: Sequence[Mapping[str, Any]],  # diagnostics as in diagnostics.json
) -> tuple[list[KnownCheck], list[KnownCheck]]:
    """The kinds of checks that were run (a number was measured), and those that were not."""
    measured = [str(row.get("name", "")) for row in rows if row.get("value") is not None]
    run = [check for check in KNOWN_CHECKS if any(check.has(name) for name in measured)]
    return run, [check for check in KNOWN_CHECKS if check not in run]


def no_problems_in_words(rows: Sequence[Mapping[str, Any]]) -> str:
    """For a run without warnings: how many checks were run, and how many were not."""
    run, not_run = checks_run(rows)
    if not run:
        return "No checks have been run"
    text = f"No problems in {_counted(len(run))}"
    return (
        f"{text}; {len(not_run)} more {'has' if len(not_run) == 1 else 'have'} not been run"
        if not_run
        else text
    )


def _counted(number: int) -> str:
    return f"{number} check{'' if number == 1 else 's'}"
