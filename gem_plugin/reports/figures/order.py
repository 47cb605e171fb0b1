"""The figures of a run by chapter, in the order in which report.html and logfile.pdf show them: the most important ones first."""

from pathlib import Path

from gem_plugin.io.run import figure_names as names
from gem_plugin.io.run.files import RunFiles

FIRST_PAGE, PAPER = "first", "paper"
TRAINING, STATES, MOTION, ENERGY, LANDSCAPE = "training", "states", "motion", "energy", "landscape"
RECONSTRUCTION, OUTLIERS, SAMPLES, POSITIONS = "reconstruction", "outliers", "samples", "positions"
CHAPTERS = (STATES, SAMPLES, POSITIONS, MOTION, RECONSTRUCTION, ENERGY, LANDSCAPE, OUTLIERS, TRAINING)
CHAPTER_OF_NAME = (  # the first text that a file's name holds decides
    (names.FIRST_PAGE, FIRST_PAGE),
    (names.PAPER_FIGURE, PAPER),
    ("free_energy", ENERGY),
    ("path_profile", ENERGY),
    ("fsc_", RECONSTRUCTION),
    ("local_resolution", RECONSTRUCTION),
    (names.OUTLIERS, OUTLIERS),
    (names.POSE_CHANGES, OUTLIERS),
    ("training", TRAINING),
    ("motion", MOTION),
    ("amplitude_change", MOTION),
    (names.SAMPLES, SAMPLES),
    (names.POSITIONS, POSITIONS),
    (names.FULL_POSITIONS, POSITIONS),
    ("dendrogram", STATES),
    ("_state_", STATES),
)
FIRST_IN_CHAPTER = (  # names that come before the others of their chapter
    names.STATE_MEANS,
    names.STATE_PARTICLE_COUNTS,
    names.STATE_CHOICES,
    names.PARTS,
    names.MOTION,
    names.FSC_OF_STATES,
    names.UMAP,
)
LAST_IN_CHAPTER = "annotated"  # with a number at every point
FIGURE_SUFFIX = ".png"


def figure_files(run: RunFiles) -> list[Path]:
    """The PNG files of this run, in the order of the steps; links to an earlier job's figures are left out.

    Those that are a page of their own, the first page and the figure for a paper, are not among them.
    """
    folders = (run.figures, run.analyze.root, run.landscape.root)
    found = [path for folder in folders for path in sorted(folder.rglob("*" + FIGURE_SUFFIX))]
    return [
        path
        for path in found
        if path.is_file() and not path.is_symlink() and chapter_of(path) not in (FIRST_PAGE, PAPER)
    ]


def chapter_of(path: Path) -> str:
    """The chapter in which a figure stands."""
    return next((chapter for text, chapter in CHAPTER_OF_NAME if text in path.stem), LANDSCAPE)


def figures_by_importance(run: RunFiles) -> list[Path]:
    """The same files, in the order of the chapters."""
    return sorted(figure_files(run), key=_importance)


def _importance(path: Path) -> tuple[int, bool, int]:
    stem = path.stem
    position = FIRST_IN_CHAPTER.index(stem) if stem in FIRST_IN_CHAPTER else len(FIRST_IN_CHAPTER)
    return CHAPTERS.index(chapter_of(path)), LAST_IN_CHAPTER in stem, position
