"""Which pictures an external job shows, and with which words: at most ten, the last of them in the order of the story.

While it works: the consensus, the training curve now and then, the latents, the states. At the end, the most important first: the
first page, the states as surfaces, the landscape, the motion, the training. All other figures are in the report.
"""

import re
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from matplotlib.figure import Figure

from gem_plugin.adapters.cryosparc.figures import preview_figure, training_figure
from gem_plugin.adapters.cryosparc.surface_pictures import drawn, png_of, surface_figure, surfaces_of
from gem_plugin.io.run import figure_names as names
from gem_plugin.io.run.files import RunFiles
from gem_plugin.reports.figures.captions import caption_of, title_of
from gem_plugin.reports.training_page import TrainingView
from gem_plugin.results.checks import RunChecks
from gem_plugin.results.state_sources import FULL, SKETCH
from gem_plugin.results.states import States

MAXIMUM_PICTURES = 10
MAXIMUM_AT_THE_END = 5
SECONDS_OF_CURVES = (60.0, 3600.0)  # after the start, when it is shown what the training has found so far
PREVIEW = (
    "Training is running, this is preliminary: particles on the two largest latent components, projections of the model where "
    "component 1 is low (A) and high (B), and their difference"
)
MAXIMUM_CAPTION_LENGTH = 300  # characters; it travels in the address of the request
MAXIMUM_STATES_SHOWN = 12
LANDSCAPES = (  # the first that is there
    names.FULL_STATES_ON_PLANE.format("umap"),
    names.FULL_STATES_ON_PLANE.format("pca"),
    names.UMAP,
    names.VOLUME_COMPONENTS.format(1, 2),
    names.LATENTS_UMAP,
    names.LATENTS_PCA,
)
MOTIONS = (names.PARTS, names.MOTION)

Show = Callable[[bytes, str], None]  # a PNG file, its caption


class JobPictures:
    """Shows the pictures of one job, and counts them."""

    def __init__(self, run: RunFiles, show: Show) -> None:
        self.run = run
        self._show = show
        self._n_shown = 0
        self._n_curves = 0
        self._start = time.monotonic()
        self.preview: TrainingView | None = None  # what training has found so far

    def show(self, figure: Figure | Path, text: str) -> None:
        """Show a picture while the job works, as long as room is left for those at the end."""
        if self._n_shown < MAXIMUM_PICTURES - MAXIMUM_AT_THE_END:
            self._send(figure, text)

    def show_curve_when_due(self) -> None:
        """The particles and the molecule so far, twice while the training runs; the training curve where there is no such view."""
        if self._n_curves >= len(SECONDS_OF_CURVES):
            return
        if time.monotonic() - self._start < SECONDS_OF_CURVES[self._n_curves]:
            return
        if self.preview is not None:
            self._n_curves += 1
            self.show(preview_figure(self.preview), PREVIEW)
            return
        figure = None if self.run.history.is_symlink() else training_figure(self.run.history)
        if figure is not None:
            self._n_curves += 1
            self.show(figure, "Training so far")

    def show_story(self, source: str | None) -> None:
        """What was found, in pictures; source: the states that are this job's, None where it made none."""
        for figure, text in list(story_of(self.run, source))[: MAXIMUM_PICTURES - self._n_shown]:
            self._send(figure, text)

    def _send(self, figure: Figure | Path, text: str) -> None:
        self._n_shown += 1
        self._show(figure.read_bytes() if isinstance(figure, Path) else png_of(figure), short(text))


def story_of(run: RunFiles, source: str | None) -> Iterator[tuple[Figure | Path, str]]:
    """Pictures and captions, at most MAXIMUM_AT_THE_END, the most important first."""
    if (first := _own_figure(run, (names.FIRST_PAGE,))) is not None:
        yield first, in_words(first)
    states = None if source is None else drawn(lambda: states_figure(run, source))
    if states is not None:
        yield (
            states,
            "States as surfaces, all at one density level and in the view that shows most of what differs",
        )
    for choices in (LANDSCAPES, MOTIONS, (names.TRAINING,)):
        if (figure := _own_figure(run, choices)) is not None:
            yield figure, in_words(figure)
        elif choices == (names.TRAINING,) and not run.history.is_symlink():
            curve = training_figure(run.history)
            if curve is not None:
                yield curve, "Training: what was measured after each epoch"


def states_figure(run: RunFiles, source: str) -> Figure | None:
    """The largest states as surfaces, each with its number, its fraction of the particles and its verdict."""
    states, checks = States.load(run.landscape, source), RunChecks.load(run)
    with_maps = [number for number in states.numbers if states.has_mean_map(number)]
    largest = sorted(with_maps, key=lambda number: -len(states.rows(number)))[:MAXIMUM_STATES_SHOWN]
    numbers = sorted(largest)
    if not numbers:
        return None
    total = max(len(states.labels), 1)
    titles = [
        f"State {number}: {len(states.rows(number)) / total:.0%}\n{checks.badge(number, source)}"
        for number in numbers
    ]
    return surface_figure(surfaces_of([states.files.mean(number) for number in numbers], numbers), titles)


def _own_figure(run: RunFiles, stems: Sequence[str]) -> Path | None:
    """The first of these figures that this run has, not as a link to that of an earlier job."""
    for stem in stems:
        for folder in (run.figures, run.analyze.root, run.landscape.root):
            path = folder / f"{stem}.png"
            if path.is_file() and not path.is_symlink():
                return path
    return None


def in_words(path: Path) -> str:
    """Title and caption of a figure, as the report has them."""
    title, caption = title_of(path.stem), caption_of(path.stem)
    return f"{title}: {caption}" if caption else title


def short(text: str) -> str:
    """Whole sentences of a caption, as many as fit."""
    if len(text) <= MAXIMUM_CAPTION_LENGTH:
        return text
    kept = ""
    for sentence in re.split(r"(?<=[.;])\s+", text):
        if len(kept) + len(sentence) + 1 > MAXIMUM_CAPTION_LENGTH:
            break
        kept = f"{kept} {sentence}".strip()
    return kept.rstrip(";") or text[: MAXIMUM_CAPTION_LENGTH - 3] + "..."


def source_of_states(outputs: Sequence[str]) -> str | None:
    """Which states are those of a job with these kinds of outputs."""
    return FULL if "full-states" in outputs else SKETCH if "states" in outputs else None
