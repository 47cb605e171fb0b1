"""The chapter of report.html on states: how many particles, what each looks like, and hints that one may be junk."""

from html import escape

import numpy as np

from gem_plugin.landscape.checks.state_verdicts import StateVerdict
from gem_plugin.reports.figures.order import STATES
from gem_plugin.reports.plain_numbers import percent, short_number
from gem_plugin.reports.sections.figures import figures_of
from gem_plugin.reports.sections.html_parts import missing, table
from gem_plugin.reports.sections.map_pictures import AXES, MapPictures, picture_html, pictures_of_maps
from gem_plugin.reports.sections.populations import (
    fraction_in_words,
    populations_if_there,
    populations_of_other_states,
    populations_table,
)
from gem_plugin.reports.verdicts import badge_html
from gem_plugin.results.run import Run
from gem_plugin.results.verdict_column import VERDICT

MAXIMUM_STATES_SHOWN = 30
COLUMN_TITLES = {
    "maps": "sketch maps",
    "density_ratio": "density, over the mean",
    "isolation": "distance to the nearest state, over the typical one",
    "uncertainty_ratio": "uncertainty of its latents, over the mean",
    "junk_score": "junk score",
}


def states_section(run: Run) -> str:
    """Each state: size, projections along three axes and slices of it; then all numbers and figures."""
    if not run.state_maps:
        return missing("There are no states yet.", "landscape", run.files.root)
    shown = dict(list(run.state_maps.items())[:MAXIMUM_STATES_SHOWN])
    pictures = pictures_of_maps(list(shown.values()))
    total = max(1, sum(run.state_counts.values()))
    populations = populations_if_there(run)
    cards = [
        _card(
            index,
            number,
            f"{run.state_counts[number]:,} particles, "
            + (
                fraction_in_words(populations, number)
                if populations is not None and number in populations.numbers
                else percent(run.state_counts[number] / total)
            ),
            pictures,
            run.checks.verdict(number),
        )
        for index, number in enumerate(shown)
    ]
    not_shown = len(run.state_maps) - len(cards)
    note = f"<p>{not_shown} more states are in {run.files.landscape}.</p>" if not_shown else ""
    positions = ", ".join(
        f"{axis} = {position:.0f} Å" for axis, position in zip(AXES, pictures.slice_positions_in_angstroms)
    )
    return (
        "<p>Mean map of each state, decoded by the model: projections along z, y and x, and z, y and x slices through the "
        f"highest density, at {positions} from the centre. Each picture is {pictures.width_in_angstroms:.0f} Å wide, white = "
        "high density, and all states have one grey scale, so that they can be compared. A state is a part of the "
        "landscape; its badge says whether its particles, back-projected into two half-maps, differ from the others as it does "
        f"(point at it for the numbers). {escape(run.checks.in_words(run.state_maps))}</p>"
        f'<div class="cards states">{"".join(cards)}</div>{note}{populations_table(populations, run.checks)}{_state_table(run)}{populations_of_other_states(run)}'
        f"{figures_of(run, STATES)}"
    )


def _card(index: int, number: int, size: str, pictures: MapPictures, verdict: StateVerdict) -> str:
    head = "".join(f"<th>{axis}</th>" for axis in AXES)
    rows = "".join(
        f"<tr><th>{kind}</th>{_cells(of_all, index, pictures.window, f'state {number}, {kind},')}</tr>"
        for kind, of_all in (("projection", pictures.projections), ("slice", pictures.slices))
    )
    return (
        f'<div class="card"><h3>State {number} {badge_html(verdict)}</h3><p>{size}</p>'
        f"<table><tr><th></th>{head}</tr>{rows}</table></div>"
    )


def _cells(of_all: list[list[np.ndarray]], index: int, window: slice, title: str) -> str:
    highest = [max(float(views[axis].max()) for views in of_all) for axis in range(3)]
    return "".join(
        f"<td>{picture_html(view[window, window], high, f'{title} {axis}')}</td>"
        for view, high, axis in zip(of_all[index], highest, AXES)
    )


def _state_table(run: Run) -> str:
    rows = run.state_table
    if not rows:
        return ""
    columns = [name for name in rows[0] if name != VERDICT]
    header = [COLUMN_TITLES.get(name, name.replace("_", " ")) for name in columns] + [VERDICT]
    return (
        "<h3>Hints that a state may be junk</h3><p>None of these is a verdict. Less density than the others, a large "
        "distance to all of them, or uncertain latents are signs of broken particles and wrong poses: each is 1 for a typical state. The junk score is 0 for a typical state; look at states above 1.</p>"
        + table(header, [[*(short_number(row[name]) for name in columns), _badge(run, row)] for row in rows])
    )


def _badge(run: Run, row: dict[str, str]) -> str:
    return run.checks.badge(int(row["state"]))
