"""What a notebook draws: particles as an interactive scatter plot, maps as surfaces, the molecule of a selection, trajectories.

The scatter plot needs the optional package anywidget (pip install 'gem-em[notebook]'); without it, and where nothing can be
clicked, it is a picture. Everything else needs no display.
"""

from __future__ import annotations

import base64
import importlib.util
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gem_plugin.api import Run, Selection, Volume
from gem_plugin.errors import InputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MAXIMUM_PARTICLES_DECODED = 30  # of a selection: the mean changes little with more
PLOT_SCRIPT = "explorer/page/notebook_scatter.js"
MAXIMUM_POINTS_DRAWN = 20_000  # of the picture
USUAL_COLOUR = "#56B4E9"
HEIGHT_IN_PIXELS = 240  # of a surface
PANEL_OF_ONE_IN_INCHES, PANEL_OF_SEVERAL_IN_INCHES = 3.35, 2.1
ALONG_Z = np.eye(3)  # x to the right, y up, as in ChimeraX


class ParticleScatter:
    """Particles on two columns, coloured by a third; `.selection` is what was drawn around with the mouse."""

    def __init__(self, run: Run, x: str, y: str, colour: str) -> None:
        self.run = run
        self.names = (x, y, colour)
        self.columns = [
            run.column(name) for name in self.names
        ]  # a wrong name is an error before anything is drawn
        is_there = importlib.util.find_spec("anywidget") is not None
        self.widget = _widget_of(run, self.names) if is_there else None

    @property
    def rows(self) -> np.ndarray:  # (k,) int64, from 0
        """Rows of the selected particles; empty where nothing was drawn around yet, or without anywidget."""
        if self.widget is None:
            return np.zeros(0, np.int64)
        return np.frombuffer(self.widget.selected, dtype="<u4").astype(np.int64)

    @property
    def selection(self) -> Selection:
        """The selected particles: `.write("subset.star")`, len(), `.rows`."""
        return Selection(self.run, self.rows)

    def figure(self) -> Figure:
        """The plot as a picture; at most 20,000 particles, drawn at random."""
        from matplotlib.figure import Figure

        from gem_plugin.reports.figures.save import add_colour_bar, draw_groups

        x, y, colour = self.columns
        n_drawn = min(len(x), MAXIMUM_POINTS_DRAWN)
        drawn = np.random.default_rng(0).choice(len(x), n_drawn, replace=False)
        figure = Figure(figsize=(5, 4), layout="constrained")
        axes = figure.subplots()
        points = np.stack([x, y], axis=1)[drawn]
        if self.names[2] in _group_names():
            draw_groups(axes, points, colour[drawn].astype(np.int64))
        else:
            image = axes.scatter(points[:, 0], points[:, 1], s=3, c=colour[drawn], rasterized=True)
            add_colour_bar(figure, image, axes, self.names[2])
        axes.set_xlabel(self.names[0])
        axes.set_ylabel(self.names[1])
        return figure

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        """What Jupyter shows: the plot to draw in, and the picture where there is no browser."""
        buffer = io.BytesIO()
        self.figure().savefig(buffer, format="png", dpi=110)
        shown: dict[str, Any] = {
            "text/plain": repr(self),
            "image/png": base64.b64encode(buffer.getvalue()).decode(),
        }
        if self.widget is not None:
            made = self.widget._repr_mimebundle_()
            shown |= made[0] if isinstance(made, tuple) else made
            shown["text/plain"] = repr(self)
        return shown

    def __repr__(self) -> str:
        x, y, colour = self.names
        return f"ParticleScatter({x} and {y}, coloured by {colour}; {len(self.rows)} selected)"


def scatter(run: Run, x: str, y: str, colour: str = "state") -> ParticleScatter:
    """Particles on any two columns, coloured by a third (names as in run.column); InputError names the nearest column."""
    return ParticleScatter(run, x, y, colour)


def mean_map(selection: Selection, maximum_particles: int = MAXIMUM_PARTICLES_DECODED) -> Volume:
    """The molecule of a selection: the mean of the decoded maps of its particles, at most so many of them, drawn at random.

    The mean of maps, not the map of the mean latent: that may lie where no particle is. InputError for an empty selection.
    """
    if maximum_particles < 1:
        raise InputError(f"Expected at least 1 particle to decode, got {maximum_particles}.")
    if not len(selection):
        raise InputError("The selection holds no particle. Draw around some, or choose them with run.select.")
    run, rows = selection.run, selection.rows
    if len(rows) > maximum_particles:
        rows = np.sort(np.random.default_rng(0).choice(rows, maximum_particles, replace=False))
    total, pixel_size = None, 0.0
    for row in rows:
        volume = run.decode(run.latents[row])
        total = np.asarray(volume, np.float64) if total is None else total + volume
        pixel_size = volume.pixel_size
    assert total is not None
    return Volume(total / len(rows), pixel_size)


def trajectories(run: Run) -> dict[str, list[Volume]]:
    """The maps of every trajectory of the run by its title ("volume component 1"); empty before analyze or landscape."""
    from gem_plugin.io.mrc.maps import read_map
    from gem_plugin.results.run import Run as OpenedRun

    found = {}
    for series in OpenedRun(run.folder).series:
        maps = [read_map(path) for path in series.paths]
        found[series.title] = [Volume(one.volume, one.pixel_size_in_angstroms) for one in maps]
    return found


def draw(
    volume: np.ndarray,  # (b, b, b), ordered zyx
    level: float | None = None,  # density of the surface; default: one that shows the whole molecule
    colour: str = USUAL_COLOUR,
    title: str = "",
) -> Figure:
    """A map as a surface along z with a scale bar; a Volume knows its pixel size, any other array has pixels of 1 Å."""
    return _drawn([volume], [title], [colour], level, PANEL_OF_ONE_IN_INCHES)


def draw_several(
    volumes: Sequence[np.ndarray],  # each (b, b, b)
    titles: Sequence[str],
    colours: Sequence[str | int] | None = None,  # the number of a state stands for its colour
) -> Figure:
    """Maps side by side in one frame and at one density level, that of the first; a scale bar in the first."""
    from gem_plugin.reports.figures.save import colour_of_group

    if not volumes or len(volumes) != len(titles):
        raise InputError(
            f"Expected a title for each of at least one map, got {len(titles)} for {len(volumes)}."
        )
    given = [USUAL_COLOUR] * len(volumes) if colours is None else list(colours)
    if len(given) != len(volumes):
        raise InputError(f"Expected a colour for each map, got {len(given)} for {len(volumes)}.")
    chosen = [one if isinstance(one, str) else colour_of_group(one) for one in given]
    return _drawn(volumes, titles, chosen, None, PANEL_OF_SEVERAL_IN_INCHES)


def _drawn(
    volumes: Sequence[np.ndarray],
    titles: Sequence[str],
    colours: Sequence[str],
    level: float | None,
    panel_in_inches: float,
) -> Figure:
    from matplotlib.colors import to_rgb

    from gem_plugin.reports.figures.save import SMALL_TEXT_SIZE
    from gem_plugin.reports.figures.shown_figure import ShownFigure
    from gem_plugin.reports.figures.surfaces import draw_surface, fine_map, frame_of, reach_of
    from gem_plugin.reports.first_page.panels import draw_scale_bar
    from gem_plugin.reports.first_page.surface_views import common_level

    for volume in volumes:
        if np.ndim(volume) != 3 or len(set(np.shape(volume))) > 1:
            raise InputError(f"Expected a map (box, box, box), got an array of shape {np.shape(volume)}.")
    maps = [(np.asarray(volume, np.float32), getattr(volume, "pixel_size", 1.0)) for volume in volumes]
    shown = common_level(maps[0][0]) if level is None else level
    shown = max(shown, float(np.finfo(np.float32).tiny))  # of an empty map nothing is shown
    reach = max(reach_of(volume, pixel_size, shown) for volume, pixel_size in maps)
    fine = [fine_map(volume, pixel_size, reach) for volume, pixel_size in maps]
    frame = frame_of(fine, shown, ALONG_Z)
    figure = ShownFigure(figsize=(panel_in_inches * len(maps), panel_in_inches), layout="constrained")
    panels = figure.subplots(1, len(maps), squeeze=False)[0]
    for axes, one, title, colour in zip(panels, fine, titles, colours, strict=True):
        picture = draw_surface(one, shown, ALONG_Z, frame, HEIGHT_IN_PIXELS, np.array(to_rgb(colour)))
        axes.imshow(picture, extent=frame.extent)
        axes.set_title(title, fontsize=SMALL_TEXT_SIZE)
        axes.set_axis_off()
    draw_scale_bar(panels[0], frame)
    return figure


def _group_names() -> list[str]:
    from gem_plugin.results.state_sources import COLUMN_OF_SOURCE

    return list(COLUMN_OF_SOURCE.values())


def _widget_of(run: Run, chosen: tuple[str, str, str]) -> Any:
    """The widget: columns go to the browser as bytes when their name changes, the selected rows come back."""
    import anywidget
    import traitlets

    from gem_plugin.reports.page_scripts import joined_scripts

    sent = [_bytes_of(run, name) for name in chosen]

    class ScatterWidget(anywidget.AnyWidget):
        _esm = joined_scripts(PLOT_SCRIPT) + "\nexport default { render: renderNotebookScatter };\n"
        names = traitlets.List(list(dict.fromkeys([*run.columns, *chosen]))).tag(sync=True)
        group_names = traitlets.List(_group_names()).tag(sync=True)
        n_particles = traitlets.Int(run.n_particles).tag(sync=True)
        x_name = traitlets.Unicode(chosen[0]).tag(sync=True)
        y_name = traitlets.Unicode(chosen[1]).tag(sync=True)
        colour_name = traitlets.Unicode(chosen[2]).tag(sync=True)
        x = traitlets.Bytes(sent[0]).tag(sync=True)
        y = traitlets.Bytes(sent[1]).tag(sync=True)
        colour = traitlets.Bytes(sent[2]).tag(sync=True)
        selected = traitlets.Bytes(b"").tag(sync=True)

        @traitlets.observe("x_name", "y_name", "colour_name")
        def _send_column(self, change: Any) -> None:
            setattr(self, change["name"].removesuffix("_name"), _bytes_of(run, change["new"]))

    return ScatterWidget()


def _bytes_of(run: Run, name: str) -> bytes:
    return run.column(name).astype("<f4").tobytes()
