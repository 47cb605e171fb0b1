"""The sections of report.html, one function each. A section whose files are missing says what would make them."""

from html import escape
from typing import Any

import numpy as np

from gem_plugin.landscape.gaussian_motion import part_table
from gem_plugin.reports.html_parts import (
    command_line,
    grey_levels,
    png_address,
    quantised,
    script_data,
    table,
)
from gem_plugin.reports.particle_columns import ColumnKind
from gem_plugin.reports.report_figures import MOTION, STATES, figures_of
from gem_plugin.reports.run_contents import MapSeries, RunContents, projections_of_map, slices_of_map
from gem_plugin.reports.run_warnings import RunWarning, read_diagnostics
from gem_plugin.reports.save_figure import OKABE_ITO

MOST_POINTS = 60_000  # of the scatter plot; 2 bytes a point and column
LARGEST_PICTURE = 128  # pixels along one side
MOST_STATES_SHOWN = 30
SHOWN_SIZE_OF_FRAMES = 100  # screen pixels
SHARE_OF_BRIGHTEST = 0.05  # of a picture: dimmer pixels may be cut off
VIEWS = ("along z", "along y", "along x")


def warnings_section(contents: RunContents, warnings: list[RunWarning]) -> str:
    """What to know before believing the rest."""
    more = ""
    if contents.columns and not read_diagnostics(contents.run):
        text = command_line(f"gem-em diagnose {contents.run.root}")
        more = (
            f"<p>More checks (latents against pose and defocus, half sets, stability of states): {text}</p>"
        )
    if not warnings:
        return f'<p class="good">None of the checks that were done found anything to warn of.</p>{more}'
    items = (
        f"<li><b>{escape(warning.title)}.</b> {escape(warning.meaning)} <i>{escape(warning.advice)}</i></li>"
        for warning in warnings
    )
    return f'<ul class="warnings">{"".join(items)}</ul>{more}'


def inputs_section(contents: RunContents) -> str:
    """Particles, sizes, CTF range."""
    parts = []
    if contents.particles is None:
        parts.append(_missing(contents, "prepare", "The particles are not prepared yet."))
    else:
        data, origin = contents.particles
        defocus = (data.defocus_u_in_angstroms + data.defocus_v_in_angstroms) / 2e4
        rows: list[tuple[str, str]] = [
            ("particles", f"{len(data):,} from {origin.particle_file}"),
            ("working box", f"{data.box_size} pixels of {data.pixel_size_in_angstroms:.4g} Å"),
            (
                "original box",
                f"{origin.original_box_size} pixels of {origin.original_pixel_size_in_angstroms:.4g} Å",
            ),
            (
                "mean defocus",
                f"{np.median(defocus):.2f} µm (from {defocus.min():.2f} to {defocus.max():.2f})",
            ),
            ("voltage", " and ".join(f"{value:g} kV" for value in np.unique(data.voltage_in_kilovolts))),
            ("optics groups", str(len(np.unique(data.optics_groups)))),
            ("half sets", "given" if (data.half_sets > 0).any() else "not given"),
        ]
        parts.append(table(("what", "value"), rows))
    return "".join(parts)


def numbers_section(contents: RunContents) -> str:
    """The summary numbers of every finished step, the checks, and every setting."""
    rows = [
        (step, name.replace("_", " "), value)
        for step, numbers in contents.summary.items()
        for name, value in numbers.items()
    ]
    parts = [table(("step", "number", "value"), rows)] if rows else ["<p>No step left numbers yet.</p>"]
    diagnostics = read_diagnostics(contents.run)
    if diagnostics:
        cells = [
            (
                row.get("verdict", ""),
                row.get("name", ""),
                row.get("value", ""),
                row.get("threshold", ""),
                row.get("sentence", ""),
            )
            for row in diagnostics
        ]
        parts.append("<h3>Checks</h3>" + table(("verdict", "check", "value", "limit", "meaning"), cells))
    parts.append("<h3>Settings</h3>")
    parts += [_settings_details(step, values) for step, values in contents.settings.items()]
    return "".join(parts)


def scatter_section(contents: RunContents) -> str:
    """All particles on any two columns, coloured by a third."""
    if not contents.columns:
        return _missing(contents, "train", "No particle has latents yet.")
    n_particles = len(contents.columns[0].values)
    shown = _rows_shown(n_particles)
    columns = [
        {
            "name": column.name,
            "label": column.label,
            "isGroup": column.kind is ColumnKind.GROUP,
            **quantised(column.values[shown]),
        }
        for column in contents.columns
    ]
    note = f"{n_particles:,} particles"
    if len(shown) < n_particles:
        note = f"{len(shown):,} of {note}, drawn at random; <code>gem-em explore</code> shows all"
    data = {"rows": quantised(shown.astype(float)), "columns": columns, "colours": OKABE_ITO}
    return (
        f"<p>{note}. Wheel: closer. Drag: move. Double click: everything. Click a group in the legend to hide it.</p>"
        '<div class="scatter" id="scatter"><div class="controls"></div><canvas></canvas><div class="legend"></div>'
        f'<div class="tip"></div></div>{script_data("scatter-data", data)}'
    )


def states_section(contents: RunContents) -> str:
    """Each state: size, map added up along three axes, and its central sections."""
    if not contents.state_means:
        return _missing(contents, "landscape", "There are no states yet.")
    shown = dict(list(contents.state_means.items())[:MOST_STATES_SHOWN])
    total = max(1, sum(contents.state_counts.values()))
    pictures = {number: (projections_of_map(path), slices_of_map(path)) for number, path in shown.items()}
    window = window_of_content([sums for sums, _ in pictures.values()])
    cards = [
        _state_card(number, contents.state_counts[number], total, sums, sections, window)
        for number, (sums, sections) in pictures.items()
    ]
    left_out = len(contents.state_means) - len(cards)
    note = f"<p>{left_out} more states are in {contents.run.landscape}.</p>" if left_out else ""
    return (
        f'<div class="cards states">{"".join(cards)}</div>{note}{_state_table(contents)}'
        f"{figures_of(contents, STATES)}"
    )


def _state_table(contents: RunContents) -> str:
    """All that was measured of the states."""
    rows = contents.state_table
    if not rows:
        return ""
    header = [name.replace("_", " ") for name in rows[0]]
    return table(header, [[_short(value) for value in row.values()] for row in rows])


def _state_card(
    number: int,
    count: int,
    total: int,
    sums: list[np.ndarray],
    sections: list[np.ndarray],
    window: slice,
) -> str:
    head = "".join(f"<th>{view}</th>" for view in VIEWS)
    rows = "".join(
        f"<tr><th>{kind}</th>{''.join(f'<td>{_picture(one[window, window])}</td>' for one in pictures)}</tr>"
        for kind, pictures in (("sum", sums), ("section", sections))
    )
    return (
        f'<div class="card"><h3>State {number}</h3><p>{count:,} particles, {count / total:.1%}</p>'
        f"<table><tr><th></th>{head}</tr>{rows}</table></div>"
    )


def trajectories_section(contents: RunContents) -> str:
    """Every trajectory as an animation of its maps, added up along three axes."""
    if not contents.series:
        return _missing(contents, "analyze", "There are no trajectories yet.")
    return f'<div class="cards">{"".join(_animation(series) for series in contents.series)}</div>'


def motion_section(contents: RunContents) -> str:
    """How far each part of the molecule moves."""
    if contents.motion is None:
        return _missing(
            contents, "report", "The motion of the Gaussians was not measured: there is no trained model."
        )
    columns = part_table(contents.motion)
    header = [name.replace("_in_angstroms", " (Å)").replace("_", " ") for name in columns]
    rows = [[_short(value) for value in values] for values in zip(*columns.values())]
    return (
        "<p>Parts are Gaussians that lie and move together; motion is the root mean square over particles about the "
        "mean position, amplitude change its standard deviation over its mean.</p>"
        f"{table(header, rows)}{figures_of(contents, MOTION)}"
    )


def next_steps_section(contents: RunContents) -> str:
    """Exact commands for RELION, CryoSPARC, ChimeraX and ourselves."""
    root = contents.run.root
    parts = []
    states = sorted(contents.state_means)
    if states:
        best = states[0]
        parts.append("<h3>Particles of a state, original rows</h3>")
        parts.append(command_line(f"gem-em select {root} --states {best}"))
    if contents.particles is not None:
        origin = contents.particles[1]
        is_star = origin.particle_file.suffix == ".star"
        parts += _relion_commands(contents, states) if is_star else _cryosparc_commands(contents)
    scripts = sorted(contents.run.chimerax.glob("*.cxc")) if contents.run.chimerax.is_dir() else []
    if scripts:
        parts.append("<h3>In ChimeraX</h3>")
        parts += [command_line(f"chimerax {path}") for path in scripts]
    parts.append("<h3>Look around in a browser</h3>" + command_line(f"gem-em explore {root}"))
    return "".join(parts)


def _relion_commands(contents: RunContents, states: list[int]) -> list[str]:
    """What to type, or set in the GUI, for each state."""
    run, origin = contents.run, contents.particles[1]  # type: ignore[index]
    project = origin.project_folder or origin.particle_file.parent
    parts = ["<h3>In RELION</h3>", f"<p>From the project folder {escape(str(project))}:</p>"]
    for state in states[:3]:
        star = run.landscape / "states" / f"state_{state:03d}.star"
        if star.is_file():
            parts.append(command_line(f"relion_reconstruct --i {star} --o state_{state:03d}.mrc --ctf"))
    parts.append(
        "<p>In the GUI: 3D auto-refine, input images: the star file of a state; reference map: the reference map of "
        "that state, low-pass filtered to 20 Å or worse; masks as in the consensus refinement.</p>"
    )
    return parts


def _cryosparc_commands(contents: RunContents) -> list[str]:
    root = contents.run.root
    return [
        "<h3>In CryoSPARC</h3>",
        command_line(f"gem-em write-cs {root} --out {root / 'particles.cs'}"),
        "<p>Then Import Result Group in the workspace, with the path of the .csg file that the command names.</p>",
    ]


def _rows_shown(n_particles: int) -> np.ndarray:  # (k,) int64, sorted
    if n_particles <= MOST_POINTS:
        return np.arange(n_particles)
    return np.sort(np.random.default_rng(0).choice(n_particles, MOST_POINTS, replace=False))


def _settings_details(step: str, values: dict[str, Any]) -> str:
    rows = [(name.replace("_", " "), value) for name, value in values.items()]
    return (
        f"<details><summary>settings of {escape(step)}</summary>{table(('setting', 'value'), rows)}</details>"
    )


def _animation(series: MapSeries) -> str:
    sums = [projections_of_map(path) for path in series.paths]
    window = window_of_content(sums)
    frames = [np.concatenate([_small(one[window, window]) for one in views], axis=1) for views in sums]
    strip = np.concatenate(frames, axis=0)  # (frames * height, 3 * width)
    height, width = frames[0].shape
    scale = max(1, round(SHOWN_SIZE_OF_FRAMES / height))
    picture = png_address(grey_levels(strip, 0.0, float(np.percentile(strip, 99.9))))
    style = (
        f"width:{width * scale}px;height:{height * scale}px;background-image:url({picture});"
        f"background-size:{width * scale}px {height * scale * len(frames)}px"
    )
    return (
        f'<div class="card animation" data-frames="{len(frames)}" data-height="{height * scale}">'
        f"<h3>{escape(series.title)}</h3><p>{', '.join(VIEWS)}</p>"
        f'<div class="frame" style="{style}"></div><button type="button">pause</button>'
        f'<input type="range" min="0" max="{len(frames) - 1}" value="0" aria-label="frame"></div>'
    )


def window_of_content(groups: list[list[np.ndarray]]) -> slice:  # pictures (box, box) each
    """The central rows and columns that hold the molecule in all pictures, with a margin."""
    box = len(groups[0][0])
    furthest = 0
    for picture in (picture for group in groups for picture in group):
        bright = np.argwhere(picture > SHARE_OF_BRIGHTEST * picture.max())
        furthest = max(furthest, int(np.abs(bright - box // 2).max(initial=0)))
    half_width = min(box // 2, furthest + max(2, box // 20))
    return slice(box // 2 - half_width, box // 2 + half_width)


def _picture(picture: np.ndarray) -> str:
    """Grey, white is dense; zero is black so that noise in the solvent does not fill the range."""
    small = _small(picture)
    return f'<img alt="" src="{png_address(grey_levels(small, 0.0, float(small.max())))}">'


def _small(picture: np.ndarray) -> np.ndarray:
    """Average blocks of pixels until the picture is small; flipped so that y points up."""
    factor = -(-picture.shape[0] // LARGEST_PICTURE)
    size = picture.shape[0] // factor
    kept = picture[: size * factor, : size * factor]
    return kept.reshape(size, factor, size, factor).mean(axis=(1, 3))[::-1]


def _short(value: object) -> str:
    """A whole number in full, another with three digits, a text as it is."""
    try:
        number = float(str(value))
    except ValueError:
        return str(value)
    return f"{number:,.0f}" if number.is_integer() and abs(number) < 1e15 else f"{number:.3g}"


def _missing(contents: RunContents, step: str, sentence: str) -> str:
    return f"<p>{sentence} Make it with:</p>{command_line(f'gem-em {step} {contents.run.root}')}"
