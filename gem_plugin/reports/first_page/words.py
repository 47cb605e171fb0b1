"""The three sentences of the first page: what moves, how many states and how sure that is, and what to do next.

Each is true of every kind of run: unfinished, imported, of one structure, of a continuum, or full of junk. The weakest point
of the run decides what to do next.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gem_plugin.landscape.checks.diagnostic import Diagnostic
from gem_plugin.landscape.checks.known_checks import checks_run
from gem_plugin.landscape.checks.latents import check_support
from gem_plugin.landscape.checks.particles import MAXIMUM_OUTLIER_FRACTION
from gem_plugin.landscape.checks.state_verdicts import NOT_TESTED, SUPPORTED, UNSTABLE
from gem_plugin.landscape.motion.part_rotation import rotation_of_part_in_degrees
from gem_plugin.reports.plain_numbers import percent, whole_percent
from gem_plugin.reports.sections.html_parts import gem_command
from gem_plugin.reports.sections.motion_in_words import COUNTS, motion_in_one_sentence
from gem_plugin.reports.sections.populations import populations_if_there
from gem_plugin.reports.verdicts import all_checks
from gem_plugin.results.continuum import StateContinuum, load_continua
from gem_plugin.results.decoder import recorded_cryodrgn
from gem_plugin.results.particle_file import program_of
from gem_plugin.results.populations import StatePopulations
from gem_plugin.results.run import Run
from gem_plugin.results.state_choices import load_other_numbers

MAXIMUM_STATES_IN_WORDS = 5  # whose populations are named one by one
MAXIMUM_VERDICTS_IN_WORDS = 12  # states whose verdicts are named one by one
RELION, CRYOSPARC = "RELION", "CryoSPARC"


@dataclass(frozen=True)
class NextStep:
    """What to do next, and the command that does it; empty where there is nothing to run."""

    sentence: str
    command: str = ""


@dataclass(frozen=True)
class FirstPageWords:
    """Three sentences."""

    moves: str
    states: str
    next_step: NextStep


def first_page_words(run: Run) -> FirstPageWords:
    """What the run says, as far as it goes."""
    return FirstPageWords(what_moves(run), how_many_states(run), next_step(run))


def support_of(run: Run) -> Diagnostic:
    """Whether held-out particles fit the flexible model better than a single structure."""
    trained = run.summary("train")
    return check_support(trained.get("support_in_nats"), trained.get("support_error"))


def what_moves(run: Run) -> str:
    """The first sentence."""
    if run.motion is not None:
        support = support_of(run)
        if support.is_bad:
            return (
                "Nothing can be said to move: held-out particles fit the flexible model no better than a single structure "
                f"({support.value:.1f} standard errors), so the motion of the model may be noise."
            )
        return motion_in_one_sentence(run.motion, rotation_of_part_in_degrees(run.motion))
    if recorded_cryodrgn(run.files) is not None:
        return (
            "How far parts move cannot be measured, as a model of cryoDRGN gives maps and no Gaussians to follow; "
            "what changes is seen by comparing the maps."
        )
    if run.files.checkpoint.is_file() and run.latents_if_there is not None:
        return "How far parts move has not been measured yet."
    if run.latents_if_there is not None:
        return "How far parts move cannot be measured, as this run has latents but no model of Gaussians."
    return "Nothing is known of what moves, as no model is trained yet."


def how_many_states(run: Run) -> str:
    """The second sentence: number, populations and verdicts."""
    numbers = list(run.state_counts)
    if not numbers or not sum(run.state_counts.values()):
        return "No states are known, as the landscape has not been sketched yet."
    return f"{number_of_states(run)}{_populations(run, numbers)}; {_verdicts(run, numbers)}."


def number_of_states(run: Run) -> str:
    """How many states there are, and whether their borders mean anything; no full stop."""
    n_states, continua = len(run.state_counts), load_continua(run.files.landscape)
    if n_states == 1 and continua:
        return f"One state, {continua[0].in_words}"
    if n_states == 1:
        return "One state, as the maps form one cloud without separate groups"
    name = {2: "Two", **COUNTS}.get(n_states, str(n_states))
    if run.summary("landscape").get("one_cloud"):
        return f"{name} states that are arbitrary cuts through one cloud of maps without separate groups"
    return f"{name} states{_found_again(run, n_states)}{_continua_among_states(continua)}"


def _found_again(run: Run, n_states: int) -> str:
    others = load_other_numbers(run.files.landscape)
    choice = None if others is None else others.choices.get(n_states)
    return (
        ""
        if choice is None
        else f" (clustering four fifths of the maps finds them again to {whole_percent(choice.stability)})"
    )


def _continua_among_states(continua: Sequence[StateContinuum]) -> str:
    numbers = [str(one.state) for one in continua]
    if not numbers:
        return ""
    if len(numbers) == 1:
        return f", state {numbers[0]} a continuum in itself"
    return f", states {', '.join(numbers[:-1])} and {numbers[-1]} continua in themselves"


def _populations(run: Run, numbers: list[int]) -> str:
    of_what = "views" if run.is_prepared and len(run.particles.symmetry) > 1 else "particles"
    populations = populations_if_there(run)
    total = sum(run.state_counts.values())
    if len(numbers) == 1:
        return f", of {total:,} {of_what}"
    if populations is None or not set(numbers) <= set(populations.numbers):
        fractions = [run.state_counts[number] / total for number in numbers]
        return f", of {_listed([percent(one) for one in fractions])} of the {of_what} by counting, without errors"
    fractions = [float(populations.fractions[number - 1]) for number in numbers]
    texts = [
        f"{percent(one)} ({_interval(populations, number)})"
        for one, number in zip(fractions, numbers, strict=True)
    ]
    return f", of {_listed(texts)} of the {of_what} (90 % intervals)"


def _interval(populations: StatePopulations, number: int) -> str:
    low, high = (100 * float(one[number - 1]) for one in (populations.lower, populations.upper))
    return f"{low:.1f} to {high:.1f}"


def _listed(texts: list[str]) -> str:
    """In the order of the states; of many the first and the last in size are enough."""
    if len(texts) > MAXIMUM_STATES_IN_WORDS:
        sizes = sorted(texts, key=lambda text: float(text.split(" ")[0]))
        return f"{sizes[0]} to {sizes[-1]}"
    return f"{', '.join(texts[:-1])} and {texts[-1]}"


def _verdicts(run: Run, numbers: list[int]) -> str:
    if len(numbers) > MAXIMUM_VERDICTS_IN_WORDS:
        kinds = [run.checks.verdict(number).kind for number in numbers]
        return ", ".join(f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds))
    text = run.checks.in_words(numbers).rstrip(".")
    return text[0].lower() + text[1:]


def next_step(run: Run) -> NextStep:
    """The third sentence: by the weakest point of the run."""
    root = run.files.root
    for find in (_unfinished, _unsupported, _junk, _untested):
        if (found := find(run)) is not None:
            return found
    numbers = list(run.state_counts)
    kinds = {number: run.checks.verdict(number).kind for number in numbers}
    supported = [number for number in numbers if kinds[number] == SUPPORTED]
    if len(numbers) == 1:
        return _of_one_state(run)
    if run.summary("landscape").get("one_cloud"):
        return _of_continuum(run)
    if not supported:
        advice = (
            "request fewer" if UNSTABLE in kinds.values() else "use more particles or request fewer states"
        )
        return NextStep(
            f"Do not interpret the states, as their particles show no difference between them: {advice}.",
            gem_command("landscape", root, "-M", max(1, len(numbers) - 1)),
        )
    largest = max(supported, key=lambda number: run.state_counts[number])
    which = (
        "each state"
        if len(supported) == len(numbers)
        else f"the supported state{'s' if len(supported) > 1 else ''} ({', '.join(map(str, supported))})"
    )
    return NextStep(
        f"Select the particles of {which} and refine them on their own in {_program(run)}.",
        gem_command("select", root, "--states", largest),
    )


def _of_continuum(run: Run) -> NextStep:
    return NextStep(
        "Read the landscape as one continuous motion: measure its free energy rather than refining states.",
        gem_command("landscape-full", run.files.root),
    )


def _of_one_state(run: Run) -> NextStep:
    if load_continua(run.files.landscape):
        return _of_continuum(run)
    if run.motion is not None and len(run.motion.moving_parts.gaussians) < 2:
        return NextStep(
            "Refine all particles together, as there are no states to separate and no part moves on its own: "
            "look through the landscape once before.",
            gem_command("explore", run.files.root),
        )
    return NextStep(
        "There are no states to separate: look at what changes along the trajectories.",
        gem_command("explore", run.files.root),
    )


def _unfinished(run: Run) -> NextStep | None:
    root = run.files.root
    if run.latents_if_there is None:
        step = "train" if run.is_prepared else "prepare"
        what = "Train the model" if run.is_prepared else "Read the particles into the run"
        return NextStep(f"{what}: nothing can be concluded yet.", gem_command(step, root))
    if not run.state_counts:
        return NextStep("Sketch the landscape to find the states.", gem_command("landscape", root))
    return None


def _unsupported(run: Run) -> NextStep | None:
    if not support_of(run).is_bad:
        return None
    return NextStep(
        "Do not interpret the states or the motion, as the particles do not support them: use more particles, a mask around what may "
        "move, or a larger box; refine all particles together meanwhile.",
    )


def _junk(run: Run) -> NextStep | None:
    if run.outliers is None:
        return None
    fraction = float(np.mean(run.is_outlier[run.is_used])) if run.is_used.any() else 0.0
    if fraction <= MAXIMUM_OUTLIER_FRACTION:
        return None
    return NextStep(
        f"Select the particles that are not junk ({percent(fraction)} are outliers), refine them again in {_program(run)}, "
        "and run GEM on that.",
        gem_command("select", run.files.root, "--where", "outlier le 0.5"),
    )


def _untested(run: Run) -> NextStep | None:
    kinds = [run.checks.verdict(number).kind for number in run.state_counts]
    if set(kinds) != {NOT_TESTED}:
        return None
    is_checked = bool(run.checks.rows) and bool(checks_run(all_checks(run))[0])
    if is_checked and run.is_prepared:
        return NextStep(
            "Test the states against their particles before they are interpreted.",
            gem_command("reconstruct", run.files.root),
        )
    if is_checked:
        return NextStep(
            "Interpret no state before a refinement of its particles alone shows it.",
            gem_command(
                "select",
                run.files.root,
                "--states",
                max(run.state_counts, key=lambda one: run.state_counts[one]),
            ),
        )
    return NextStep(
        "Run the checks before anything is interpreted, as none has been run of the states.",
        gem_command("diagnose", run.files.root),
    )


def _program(run: Run) -> str:
    """Where the particles came from, by the name of their file."""
    if not run.is_prepared:
        return f"{RELION} or {CRYOSPARC}"
    return program_of(run.origin.particle_file) or CRYOSPARC
