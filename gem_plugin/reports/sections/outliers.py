"""The chapter of report.html on outliers and poses: how many particles are none, what they look like, how far poses moved."""

from html import escape

import numpy as np
from scipy.ndimage import gaussian_filter

from gem_plugin.errors import InputError
from gem_plugin.io.run.outliers import outliers_in_words
from gem_plugin.landscape.checks.particles import check_poses
from gem_plugin.reports.figures.order import OUTLIERS
from gem_plugin.reports.sections.figures import figures_of
from gem_plugin.reports.sections.html_parts import grey_levels, png_address
from gem_plugin.results.run import Run

EXAMPLES = 6  # of each end
LOW_PASS_IN_PIXELS = 1.5  # standard deviation of the Gaussian: the molecule can be seen through the noise
WINDOW_IN_PERCENT = (1.0, 99.5)  # of the pixels of all examples, from black to white
WIDTH_OF_FIGURE = 150  # pixels on the page, so that the caption fits on one line
MINIMUM_WIDTH_OF_PICTURE = 96  # pixels; smaller images are drawn with every pixel as a square


def has_outliers_section(run: Run) -> bool:
    """Whether training left outliers or refined poses."""
    return run.files.outliers.is_file() or run.files.refined_poses.is_file()


def outliers_section(run: Run) -> str:
    """Sentence, examples of both ends, and the figures."""
    return f"{_outliers(run)}{_poses(run)}{figures_of(run, OUTLIERS)}"


def _outliers(run: Run) -> str:
    probabilities = run.outliers
    if probabilities is None:
        return ""
    found = outliers_in_words(run.files, run.n_particles) or "No particle looks like noise or lies elsewhere."
    return (
        f"<p>{escape(found)} Training compares for each particle the model with noise alone, and with a molecule that is not where "
        "the pose says. Nothing is thrown away: the column <code>outlier</code> has the probability, and "
        '<code>gem-em select --where "outlier le 0.5"</code> writes the others. Look at the examples before you do.</p>'
        f"{_examples(run, probabilities)}"
    )


def surest_rows(run: Run, probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the surest outliers and of the surest molecules, a few of each; among equals those of usual contrast last and first.

    Excluded particles are in neither.
    """
    contrasts = run.column("contrast") if run.files.contrasts.is_file() else np.zeros(run.n_particles)
    unusual = np.abs(contrasts - 1)
    rows = np.flatnonzero(run.is_used)
    order = rows[np.lexsort((unusual[rows], probabilities[rows]))]
    is_outlier = run.is_outlier[order]
    return order[is_outlier][::-1][:EXAMPLES], order[~is_outlier][:EXAMPLES]


def _examples(run: Run, probabilities: np.ndarray) -> str:
    outliers, molecules = surest_rows(run, probabilities)
    try:
        images = run.images().images
    except InputError:  # a run whose images were removed to save space
        return ""
    chosen = np.concatenate([outliers, molecules])
    pictures = [gaussian_filter(np.asarray(images[row], np.float32), LOW_PASS_IN_PIXELS) for row in chosen]
    lowest, highest = np.percentile(np.stack(pictures), WINDOW_IN_PERCENT) if pictures else (0.0, 1.0)
    html = {
        int(row): _picture(int(row), float(probabilities[row]), grey_levels(picture, lowest, highest))
        for row, picture in zip(chosen, pictures, strict=True)
    }
    ends = (("The surest outliers", outliers), ("The surest molecules", molecules))
    return "".join(
        f'<h3>{title}</h3><div class="cards">{"".join(html[int(row)] for row in rows)}</div>'
        for title, rows in ends
        if len(rows)
    )


def _picture(row: int, probability: float, levels: np.ndarray) -> str:
    times = -(-MINIMUM_WIDTH_OF_PICTURE // levels.shape[1])
    address = png_address(levels.repeat(times, 0).repeat(times, 1))
    caption = f"row {row}, outlier {probability:.2f}"
    return (
        f'<figure style="width:{WIDTH_OF_FIGURE}px"><img style="width:100%" alt="image of {caption}" src="{address}">'
        f"<figcaption>{caption}</figcaption></figure>"
    )


def _poses(run: Run) -> str:
    poses = run.refined_poses
    if poses is None:
        return ""
    return (
        f"<h3>Poses</h3><p>{escape(check_poses(poses.take(run.is_used)).sentence)} The maps of <code>gem-em reconstruct</code> use the "
        f"refined poses; {escape(run.files.refined_particles('').name)}.star (or .cs) has them for a refinement, and subsets get "
        "them with <code>gem-em select --refined-poses</code>.</p>"
    )
