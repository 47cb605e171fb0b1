"""The figures of a run in the chapters of report.html; the same as vector files are in figures/."""

from html import escape
from pathlib import Path

from gem_plugin.reports.html_parts import command_line, data_address
from gem_plugin.reports.pdf_log import figure_files
from gem_plugin.reports.run_contents import RunContents

ENERGY_OF_LATENTS = "free_energy_of_latent_components"
TRAINING, STATES, MOTION, ENERGY, LANDSCAPE = "training", "states", "motion", "energy", "landscape"
CHAPTER_OF_NAME = (  # the first text that a file's name holds decides
    ("free_energy", ENERGY),
    ("training", TRAINING),
    ("motion", MOTION),
    ("amplitude_change", MOTION),
    ("dendrogram", STATES),
    ("_state_", STATES),
)
CROWDED = "annotated"  # figures with a number at every point: folded away
PLAIN_WORDS = (
    ("vol_pca", "volume components"),
    ("umap", "UMAP"),
    ("landscape_", ""),
    ("full_", "all particles: "),
)


def figures_of(contents: RunContents, chapter: str) -> str:
    """The figures of one chapter; empty text where there are none."""
    found = [path for path in figure_files(contents.run) if chapter_of(path) == chapter]
    plain = "".join(_figure(path) for path in found if CROWDED not in path.stem)
    crowded = "".join(_figure(path) for path in found if CROWDED in path.stem)
    folded = (
        f'<details><summary>with the numbers of the sketch maps</summary><div class="figures">{crowded}</div></details>'
        if crowded
        else ""
    )
    return (f'<div class="figures">{plain}</div>' if plain else "") + folded


def training_section(contents: RunContents) -> str:
    """Loss over the epochs."""
    if figures := figures_of(contents, TRAINING):
        return figures
    return f"<p>Nothing is trained yet. Make it with:</p>{command_line(f'gem-em train {contents.run.root}')}"


def energy_section(contents: RunContents) -> str:
    """How populated the conformations are, and what that does and does not mean."""
    figures = figures_of(contents, ENERGY)
    command = command_line(f"gem-em landscape-full {contents.run.root}")
    if not figures:
        return f"<p>The free energy was not estimated yet. Make it with:</p>{command}"
    is_first_look = any(path.stem == ENERGY_OF_LATENTS for path in figure_files(contents.run))
    note = (
        f"<p>A first look along the two largest latent components, whose unit has no meaning outside this model. Along "
        f"volume components, with the path between states:</p>{command}"
        if is_first_look
        else ""
    )
    return (
        "<p>−ln of the density of particles, in kT; the lowest place is zero, white is where too few particles were "
        "seen. Read as energy only if the frozen sample was in equilibrium; noise in the coordinates flattens barriers."
        f"</p>{figures}{note}"
    )


def landscape_section(contents: RunContents) -> str:
    """Latent and landscape plots."""
    return figures_of(contents, LANDSCAPE) or "<p>No figures yet.</p>"


def chapter_of(path: Path) -> str:
    return next((chapter for text, chapter in CHAPTER_OF_NAME if text in path.stem), LANDSCAPE)


def _figure(path: Path) -> str:
    address = data_address(path.read_bytes(), "image/png")
    return (
        f'<figure><img loading="lazy" alt="{escape(caption_of(path.stem))}" src="{address}">'
        f"<figcaption>{escape(caption_of(path.stem))}</figcaption></figure>"
    )


def caption_of(stem: str) -> str:
    """The name of a figure file in words."""
    for written, plain in PLAIN_WORDS:
        stem = stem.replace(written, plain)
    return stem.replace("_", " ")
