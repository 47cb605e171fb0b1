"""The first chapter of report.html: what was found, in a few sentences, for a reader with five minutes."""

from html import escape

from gem_plugin.io.run.names import state_number
from gem_plugin.io.run.outliers import outliers_in_words
from gem_plugin.io.run.reconstruct_files import CONTROL_NAME
from gem_plugin.landscape.checks.diagnostic import Diagnostic
from gem_plugin.landscape.checks.known_checks import done_in_words
from gem_plugin.landscape.checks.latents import check_support
from gem_plugin.reports.sections.motion_in_words import motion_in_words
from gem_plugin.reports.sections.run_warnings import RunWarning
from gem_plugin.reports.sections.states_in_words import states_in_words
from gem_plugin.reports.verdicts import all_checks
from gem_plugin.results.csv_tables import read_text_rows
from gem_plugin.results.run import Run


def overview_section(run: Run, warnings: list[RunWarning]) -> str:
    """One line for each thing that a reader asks first."""
    lines = [
        ("Particles", _particles(run)),
        ("Outliers", _outliers(run)),
        ("Is there real heterogeneity?", _support(run)),
        ("States", _states(run)),
        ("What moves", _motion(run)),
        ("Resolution", _resolution(run)),
        ("Checks", escape(f"{done_in_words(all_checks(run))}.")),
        ("Warnings", _warnings(run, warnings)),
    ]
    items = "".join(f"<dt>{head}</dt><dd>{text}</dd>" for head, text in lines if text)
    return f'<dl class="overview">{items}</dl>'


def _particles(run: Run) -> str:
    if not run.is_prepared:
        return "not prepared yet"
    data, origin = run.particles, run.origin
    return escape(
        f"{data.counts.removesuffix(' particles')} of {origin.particle_file.name}, in boxes of {data.box_size} pixels of "
        f"{data.pixel_size_in_angstroms:.3g} Å"
    )


def _outliers(run: Run) -> str:
    sentence = outliers_in_words(run.files, run.n_particles) if run.outliers is not None else ""
    return f'{escape(sentence)} <a href="#outliers">Examples</a>' if sentence else ""


def _check_of_support(run: Run) -> Diagnostic:
    trained = run.summary("train")
    return check_support(trained.get("support_in_nats"), trained.get("support_error"))


def _support(run: Run) -> str:
    found = _check_of_support(run)
    if found.value is None:
        return ""
    answer = "Not supported" if found.is_bad else "Yes"
    return escape(f"{answer}: {found.sentence[0].lower()}{found.sentence[1:]}")


def _states(run: Run) -> str:
    words = states_in_words(run)
    return escape(words) if not run.state_maps else f"{escape(words)} {_verdicts(run)}"


def _verdicts(run: Run) -> str:
    return escape(run.checks.in_words(run.state_maps))


def _motion(run: Run) -> str:
    if run.motion is None:
        return ""
    words = escape(motion_in_words(run.motion))
    is_unsupported = _check_of_support(run).is_bad
    return words + (" The images do not support a motion at all: see above." if is_unsupported else "")


def _resolution(run: Run) -> str:
    rows = read_text_rows(run.files.reconstruct.table)
    reached = [
        float(row["resolution_in_angstroms"])
        for row in rows
        if state_number(row["map"]) and row.get("resolution_in_angstroms")
    ]
    if not reached:
        return (
            "not measured: the maps in this report are decoded by the model, and decoded maps have no resolution. "
            'See <a href="#reconstruction">maps reconstructed from the particles</a>'
        )
    limited = any(row.get("is_limited_by_pixel_size") in ("1", "True") for row in rows)
    best, worst = f"{min(reached):.1f}", f"{max(reached):.1f}"
    text = f"maps reconstructed from the particles of each state reach {best if best == worst else f'{best} to {worst}'} Å"
    text += " (limited by the working pixel size)" if limited else ""
    scores = {row["map"]: float(row["difference_z_score"]) for row in rows if row.get("difference_z_score")}
    chance = scores.pop(CONTROL_NAME, None)
    if scores:
        text += f"; they differ from the map of all particles by {min(scores.values()):.1f} to {max(scores.values()):.1f} standard errors"
        text += f", a random subset by {chance:.1f}" if chance is not None else ""
    return f'{text}. <a href="#reconstruction">Details</a>'


def _warnings(run: Run, warnings: list[RunWarning]) -> str:
    if not warnings:
        return "none in the checks that were run; see above for those that were not"
    return escape("; ".join(dict.fromkeys(warning.title for warning in warnings)))
