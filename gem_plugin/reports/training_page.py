"""report.html while training goes on: the latents so far and two conformations; the final report takes its place.

Made in some hundredths of a second, without matplotlib, as it is written again and again beside the training.
"""

import io
import time
from dataclasses import dataclass
from html import escape

import numpy as np
from PIL import Image

from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.preliminary_report import MARK, refresh_html, state_html
from gem_plugin.io.whole_files import write_text_whole
from gem_plugin.reports.sections.html_parts import data_address, page_resource
from gem_plugin.reports.sections.map_pictures import picture_html, small_picture, window_of_content

SIDE = 480  # pixels of the scatter plot
MARGIN = 36  # of it, for the names of the axes
POINT = 1  # pixels about the middle of a point
LATE_IN_EPOCHS, SHORTEST_LATE = 4, 120.0  # epochs, seconds without a new page before the reader is warned
VIRIDIS = np.array(  # nine colours of matplotlib's map, which is in the public domain (CC0)
    [
        (68, 1, 84), (71, 44, 122), (59, 81, 139), (44, 113, 142), (33, 144, 141),
        (39, 173, 129), (92, 200, 99), (170, 220, 50), (253, 231, 37),
    ]
)  # fmt: skip
VIEWS = ("along z", "along y")
CONTENT_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"


@dataclass(frozen=True, eq=False)
class TrainingView:
    """What training has found so far."""

    points: np.ndarray  # (k, 2): a sample of the particles on the two largest components of the latents
    n_particles: int  # in training
    chosen: np.ndarray  # (2, 2): the two conformations, in the plane of the points
    projections: np.ndarray  # (2, 2, box, box): conformations, then VIEWS; all on one scale


@dataclass(frozen=True)
class TrainingState:
    """How far it is."""

    sentence: str
    last_epoch: str = ""  # its line in the log
    seconds_of_epoch: float = 0.0


def write_training_page(run: RunFiles, view: TrainingView | None, state: TrainingState) -> None:
    """Write the preliminary report.html; view: None before the first epoch has ended."""
    write_text_whole(run.report, training_page(run.root.resolve().name, view, state))


def training_page(name: str, view: TrainingView | None, state: TrainingState) -> str:
    """The whole page."""
    title = escape(f"GEM: {name}")
    late = max(SHORTEST_LATE, LATE_IN_EPOCHS * state.seconds_of_epoch)
    body = (
        "<p>No picture yet: the first one comes after the first epoch.</p>"
        if view is None
        else _pictures(view)
    )
    line = f"<p>{escape(state.last_epoch)}</p>" if state.last_epoch else ""
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">{MARK}{refresh_html()}'
        f'<meta http-equiv="Content-Security-Policy" content="{CONTENT_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title} (preliminary)</title><style>"
        f"{''.join(page_resource(sheet) for sheet in ('house.css', 'report.css', 'training_page.css'))}</style></head>"
        f"<body><header><h1>{title}: preliminary</h1></header><main>{state_html(state.sentence, True)}"
        f'<p id="age" data-written="{time.time():.0f}" data-late="{late:.0f}">'
        f"Reload the page to see how far it is.</p>{line}{body}</main>"
        f"<script>{page_resource('training_page.js')}</script></body></html>"
    )


def _pictures(view: TrainingView) -> str:
    sample = "" if len(view.points) == view.n_particles else f", {len(view.points):,} of them drawn"
    return (
        f'<div class="early"><figure>{_scatter(view)}<figcaption>Latents of {view.n_particles:,} particles{sample}, on '
        "their two largest components; the colour is component 1. Rings: the two conformations beside.</figcaption></figure>"
        f"<figure>{_maps(view)}<figcaption>Projections of the model where component 1 is low (A) and high (B), "
        "and their difference (red: more in B, blue: more in A). White = high density."
        "</figcaption></figure></div>"
    )


def colours_of(values: np.ndarray) -> np.ndarray:  # (k,) -> (k, 3) uint8
    """Low to high values through viridis, equally many particles to each part of it."""
    order = np.argsort(np.argsort(values))
    position = order / max(1, len(values) - 1) * (len(VIRIDIS) - 1)
    channels = [np.interp(position, np.arange(len(VIRIDIS)), VIRIDIS[:, channel]) for channel in range(3)]
    return np.stack(channels, axis=1).astype(np.uint8)


def scatter_picture(points: np.ndarray, places: np.ndarray) -> np.ndarray:  # (SIDE, SIDE, 4) uint8
    """Points as small squares on nothing; places: (k, 2) pixels, x to the right and y up."""
    picture = np.zeros((SIDE, SIDE, 4), np.uint8)
    colours = colours_of(points[:, 0])
    x, y = np.round(places).astype(int).T
    for dy in range(-POINT, POINT + 1):
        for dx in range(-POINT, POINT + 1):
            picture[np.clip(SIDE - 1 - y + dy, 0, SIDE - 1), np.clip(x + dx, 0, SIDE - 1), :3] = colours
            picture[np.clip(SIDE - 1 - y + dy, 0, SIDE - 1), np.clip(x + dx, 0, SIDE - 1), 3] = 255
    return picture


def _scatter(view: TrainingView) -> str:
    lowest = view.points.min(axis=0)
    span = np.maximum(view.points.max(axis=0) - lowest, 1e-9)
    places, chosen = ((values - lowest) / span * (SIDE - 9) + 4 for values in (view.points, view.chosen))
    buffer = io.BytesIO()
    Image.fromarray(scatter_picture(view.points, places)).save(buffer, "PNG", compress_level=1)
    rings = "".join(
        f'<circle class="halo" cx="{x:.1f}" cy="{SIDE - 1 - y:.1f}" r="9"/>'
        f'<circle class="chosen" cx="{x:.1f}" cy="{SIDE - 1 - y:.1f}" r="9"/>'
        f'<text class="name" x="{x + 12:.1f}" y="{SIDE - 1 - y - 10:.1f}">{name}</text>'
        for (x, y), name in zip(chosen, "AB", strict=True)
    )
    return (
        f'<svg viewBox="{-MARGIN} 0 {SIDE + MARGIN} {SIDE + MARGIN}" role="img" aria-label="latents of the particles">'
        f'<image href="{data_address(buffer.getvalue(), "image/png")}" width="{SIDE}" height="{SIDE}"/>'
        f'<rect class="frame" width="{SIDE}" height="{SIDE}"/>{rings}'
        f'<text x="{SIDE / 2}" y="{SIDE + 22}" text-anchor="middle">latent component 1</text>'
        f'<text transform="translate(-12 {SIDE / 2}) rotate(-90)" text-anchor="middle">latent component 2</text></svg>'
    )


def _maps(view: TrainingView) -> str:
    window = window_of_content([list(images) for images in view.projections])
    shown = view.projections[..., window, window]
    highest, furthest = float(shown.max()), float(np.abs(shown[1] - shown[0]).max())
    cells = ["<span>A</span><span>B</span><span>difference</span>"]
    for number, name in enumerate(VIEWS):
        cells += [picture_html(shown[which, number], highest, f"{'AB'[which]}, {name}") for which in range(2)]
        cells.append(_difference(shown[1, number] - shown[0, number], furthest, f"B less A, {name}"))
    return f'<div class="maps">{"".join(cells)}</div>'


def difference_colours(difference: np.ndarray, furthest: float) -> np.ndarray:  # (h, w) -> (h, w, 3) uint8
    """White where nothing differs, red where there is more, blue where there is less."""
    strength = np.clip(np.abs(difference) / max(furthest, 1e-12), 0, 1)[..., None]
    colour = np.where(difference[..., None] > 0, (213, 94, 0), (0, 114, 178))  # of Okabe and Ito
    return (255 + strength * (colour - 255)).astype(np.uint8)


def _difference(difference: np.ndarray, furthest: float, title: str) -> str:
    buffer = io.BytesIO()
    Image.fromarray(difference_colours(small_picture(difference), furthest)).save(buffer, "PNG")
    return f'<img alt="{title}" title="{title}" src="{data_address(buffer.getvalue(), "image/png")}">'
