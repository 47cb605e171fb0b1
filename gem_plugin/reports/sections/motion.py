"""The chapters of report.html on motion: parts that move, regions, and trajectories as small animations."""

from html import escape

import numpy as np

from gem_plugin.imaging.bright_level import DISPLAY_PERCENTILE
from gem_plugin.reports.figures.order import MOTION
from gem_plugin.reports.plain_numbers import angstroms, percent, short_number, with_error
from gem_plugin.reports.sections.figures import figures_of
from gem_plugin.reports.sections.html_parts import grey_levels, missing, png_address, table
from gem_plugin.reports.sections.map_pictures import VIEWS, pictures_of_maps, small_picture
from gem_plugin.reports.sections.motion_in_words import motion_in_words
from gem_plugin.results.near_particles import particles_near_series
from gem_plugin.results.run import MapSeries, Run

SHOWN_SIZE_OF_FRAMES = 100  # screen pixels
PERCENTILES = (5, 50, 95)
HEADER = (
    "part",
    "Gaussians",
    "mass (% of all)",
    "centre x, y, z (Å)",
    "motion (Å)",
    "amplitude change",
    "mass change",
)
REGION_COLUMNS = ("motion", "occupancy")


def motion_section(run: Run) -> str:
    """How far each part of the molecule moves, and each region that the user named."""
    if run.motion is None:
        sentence = "The motion of the Gaussians has not been measured: there is no trained model."
        return missing(sentence, "report", run.files.root) + _region_table(run)
    parts = run.motion.moving_parts
    rows = [
        (
            "1 (the rest)" if row == 0 else row + 1,
            short_number(parts.gaussians[row]),
            with_error(100 * parts.fraction_of_mass[row], 100 * parts.fraction_of_mass_error[row]),
            ", ".join(f"{value:.0f}" for value in parts.centre_in_angstroms[row]),
            with_error(parts.motion_in_angstroms[row], parts.motion_error_in_angstroms[row]),
            percent(float(parts.amplitude_change[row])),
            percent(float(parts.mass_change[row])),
        )
        for row in range(len(parts.gaussians))
    ]
    return (
        f"<p>{escape(motion_in_words(run.motion))}</p>"
        "<p>A part is what moves, lies together and changes together; positions are from the centre of the box. Motion is the root "
        "mean square over the particles about the mean: of the Gaussians, or of the shortest way by which their density gets from "
        "one particle's place to another's where that is longer. Errors are one standard error from the choice of particles and of "
        "the border of the part; the training adds its own. The amplitude change is that of single Gaussians, the mass change that of the whole part "
        "(standard deviation over mean): the first without the second is a motion, both are partial occupancy.</p>"
        f"{table(HEADER, rows)}{_region_table(run)}{figures_of(run, MOTION)}"
    )


def trajectories_section(run: Run) -> str:
    """Every trajectory as an animation of its maps, projected along three axes."""
    if not run.series:
        return missing("There are no trajectories yet.", "analyze", run.files.root)
    near = particles_near_series(run)
    cards = "".join(_animation(*one) for one in zip(run.series, near, strict=True))
    return (
        "<p>Latent components are the main directions among the latents of the particles; volume components those among "
        "the decoded maps. Each frame shows the projections of one map along z, y and x; white = high density. The maps run from "
        "one end of the component to the other and back. Beside each map stands how many particles are near it: within the distance in "
        "which nine in ten particles have ten others. A map fades where there are few: there it is a guess of the model.</p>"
        f'<div class="cards">{cards}</div>'
    )


def _region_table(run: Run) -> str:
    """Regions of landscape-full: motion and occupancy."""
    found = [
        column
        for column in run.particle_columns()
        if column.name.startswith(tuple(f"{one}_" for one in REGION_COLUMNS))
    ]
    if not found:
        return ""
    rows = []
    for column in found:
        is_fraction = column.name.startswith("occupancy_")
        values = np.percentile(column.values, PERCENTILES)
        rows.append(
            (column.label, *(percent(value) if is_fraction else angstroms(value) for value in values))
        )
    header = ("region", "5th percentile of the particles", "median", "95th percentile")
    return f"<h3>Regions</h3>{table(header, rows)}"


def _animation(
    series: MapSeries,
    near: np.ndarray | None,  # (maps,) number of particles near each
) -> str:
    pictures = pictures_of_maps(series.paths, with_slices=False)
    window = pictures.window
    frames = [
        np.concatenate([small_picture(one[window, window], SHOWN_SIZE_OF_FRAMES) for one in views], axis=1)
        for views in pictures.projections
    ]
    strip = np.concatenate(frames, axis=0)  # (frames * height, 3 * width)
    height, width = frames[0].shape
    scale = SHOWN_SIZE_OF_FRAMES / height
    picture = png_address(grey_levels(strip, 0.0, float(np.percentile(strip, DISPLAY_PERCENTILE))))
    style = (
        f"width:{width * scale:.0f}px;height:{SHOWN_SIZE_OF_FRAMES}px;background-image:url({picture});"
        f"background-size:{width * scale:.0f}px {SHOWN_SIZE_OF_FRAMES * len(frames)}px"
    )
    title = escape(series.title)
    counts = "" if near is None else " ".join(map(str, near))
    counted = "not counted" if near is None else ", ".join(f"{count:,}" for count in near)
    return (
        f'<div class="card animation" data-frames="{len(frames)}" data-height="{SHOWN_SIZE_OF_FRAMES}" data-near="{counts}">'
        f"<h3>{title}</h3><p>{len(frames)} maps; each picture {pictures.width_in_angstroms:.0f} Å wide</p>"
        f"<p>particles near the maps: {counted}</p>"
        f'<div class="views">{"".join(f"<span>{view}</span>" for view in VIEWS)}</div>'
        f'<div class="frame" role="img" aria-label="{title}: maps one after another" style="{style}"></div>'
        f'<button type="button" class="play">pause</button><input type="range" min="0" max="{len(frames) - 1}" value="0" '
        f'aria-label="map number along {title}"> <output>1 / {len(frames)}</output></div>'
    )
