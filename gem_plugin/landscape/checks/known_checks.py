"""The list of all checks of a run, so that a report can say which of them have not been run."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

STATE = r"(?P<subject>states?( \d+)?)"
ANYTHING = r"(?P<subject>.+)"
THE_RUN = "run"


@dataclass(frozen=True)
class KnownCheck:
    """One kind of check; it may be done for each state or for each quantity that the latents should not follow."""

    pattern: (
        str  # regular expression of the names of its diagnostics; its group "subject" is what they are about
    )
    title: str
    made_by: str  # the command that runs it
    name: str = ""  # of its diagnostics, {} for the subject; where they have none, their name is the pattern
    subject: str = THE_RUN  # where the names hold none

    def has(self, name: str) -> bool:
        return re.fullmatch(self.pattern, name) is not None

    @property
    def check(self) -> str:
        """The name without the subject: may be noise."""
        return " ".join(self.name.replace("of {}", "").replace("{}", "").split())


KNOWN_CHECKS = (  # as docs/checks.md lists them
    KnownCheck(
        rf"{STATE} may be noise",
        "state N may be noise",
        "landscape, or reconstruct",
        "{} may be noise",
    ),
    KnownCheck(
        rf"decoded map of {STATE} is not what its particles show",
        "decoded map of state N is not what its particles show",
        "landscape, or reconstruct",
        "decoded map of {} is not what its particles show",
    ),
    KnownCheck(
        r"half-maps share noise",
        "half-maps share noise",
        "landscape, or reconstruct",
        subject="random subset",
    ),
    KnownCheck(
        rf"{STATE} has too few particles",
        "state N has too few particles",
        "landscape, or reconstruct, then diagnose",
        "{} has too few particles",
    ),
    KnownCheck(rf"{STATE} is unstable", "state N is unstable", "landscape, or diagnose", "{} is unstable"),
    KnownCheck(
        rf"latents follow {ANYTHING}",
        "latents follow defocus, view, contrast, ...",
        "landscape, or diagnose",
        "latents follow {}",
    ),
    KnownCheck(r"latent space collapsed", "latent space collapsed", "train", subject="latents"),
    KnownCheck(
        r"latents not supported by (held-out|left-out) particles",
        "latents not supported by held-out particles",
        "train with --validation-fraction",
        subject="latents",
    ),
    KnownCheck(
        r"trained too long",
        "trained too long",
        "train with --validation-fraction",
        subject="training",
    ),
    KnownCheck(
        r"trained too briefly",
        "trained too briefly",
        "train without --epochs, with --validation-fraction",
        subject="training",
    ),
    KnownCheck(
        r"many junk particles",
        "many junk particles",
        "train, then landscape or diagnose",
        subject="particles",
    ),
    KnownCheck(
        rf"junk particles concentrate in {ANYTHING}",
        "junk particles concentrate in image stacks, optics groups",
        "train, then landscape or diagnose",
        "junk particles concentrate in {}",
    ),
    KnownCheck(r"poses far off", "poses far off", "train, then landscape or diagnose", subject="poses"),
    KnownCheck(
        r"latents differ between trainings",
        "latents differ between trainings",
        "diagnose --other-run",
        subject="latents",
    ),
    KnownCheck(r"half-sets missing", "half-sets missing", "landscape, or diagnose", subject="half-sets"),
    KnownCheck(
        r"same image in both half-sets", "same image in both half-sets", "diagnose", subject="half-sets"
    ),
    KnownCheck(
        rf"{ANYTHING} cuts through motion",
        "consensus mask cuts through motion",
        "diagnose --mask",
        "{} cuts through motion",
    ),
)


def check_and_subject(name: str) -> tuple[str, str]:
    """What a diagnostic asks and of what: ("may be noise", "state 3") of "state 3 may be noise"."""
    for known in KNOWN_CHECKS:
        if (found := re.fullmatch(known.pattern, name)) is None:
            continue
        return (known.check, found["subject"]) if known.name else (name, known.subject)
    return name, THE_RUN


def name_of(check: str, subject: str) -> str:
    """The name of a diagnostic again, from what it asks and of what."""
    named = next((known.name for known in KNOWN_CHECKS if known.name and known.check == check), "")
    return named.format(subject) if named else check


def checks_run(
    rows: Sequence[Mapping[str, Any]],  # diagnostics as in diagnostics.json
) -> tuple[list[KnownCheck], list[KnownCheck]]:
    """The kinds of checks that were run (a number was measured), and those that were not."""
    measured = [str(row.get("name", "")) for row in rows if row.get("value") is not None]
    run = [check for check in KNOWN_CHECKS if any(check.has(name) for name in measured)]
    return run, [check for check in KNOWN_CHECKS if check not in run]


def done_in_words(rows: Sequence[Mapping[str, Any]]) -> str:
    """How many checks were run of how many there are, and which were not."""
    run, not_run = checks_run(rows)
    text = f"{len(run)} of {len(KNOWN_CHECKS)} checks have been run"
    return f"{text}. Not run: {', '.join(check.title for check in not_run)}" if not_run else text


def no_problems_in_words(rows: Sequence[Mapping[str, Any]]) -> str:
    """For a run without warnings: how many checks were run of how many, and which were not."""
    run, not_run = checks_run(rows)
    if not run:
        return "No checks have been run"
    text = f"No problems in {_counted(len(run))}"
    names = ", ".join(check.title for check in not_run)
    return (
        f"{text}; {len(not_run)} more {'has' if len(not_run) == 1 else 'have'} not been run: {names}"
        if not_run
        else text
    )


def _counted(number: int) -> str:
    return f"{number} check{'' if number == 1 else 's'}"
