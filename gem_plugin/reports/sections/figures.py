"""The figures of a run in the chapters of report.html; the same as vector files are in figures/."""

from html import escape
from pathlib import Path

from PIL import Image

from gem_plugin.io.run import figure_names as names
from gem_plugin.io.run.names import NO_FREE_ENERGY
from gem_plugin.reports.figures.captions import caption_of, title_of
from gem_plugin.reports.figures.order import (
    ENERGY,
    LANDSCAPE,
    LAST_IN_CHAPTER,
    TRAINING,
    chapter_of,
    figure_files,
    figures_by_importance,
)
from gem_plugin.reports.sections.html_parts import command_line, data_address, gem_command, missing
from gem_plugin.reports.verdicts import verdicts_of_figure
from gem_plugin.results.run import Run

MINIMUM_WIDTH_OF_A_WIDE_FIGURE = 1000  # pixels


def figures_of(run: Run, chapter: str) -> str:
    """The figures of one chapter; empty text where there are none."""
    found = [path for path in figures_by_importance(run.files) if chapter_of(path) == chapter]
    plain = "".join(_figure(run, path) for path in found if LAST_IN_CHAPTER not in path.stem)
    crowded = "".join(_figure(run, path) for path in found if LAST_IN_CHAPTER in path.stem)
    folded = (
        f'<details><summary>with numbers of sketch maps</summary><div class="figures">{crowded}</div></details>'
        if crowded
        else ""
    )
    return (f'<div class="figures">{plain}</div>' if plain else "") + folded


def training_section(run: Run) -> str:
    """Loss over the epochs, why training ended, and whether more would help."""
    if figures := figures_of(run, TRAINING):
        ended = run.summary("train").get("ended", "")  # absent in runs of earlier versions
        return (f"<p>{escape(ended)}</p>" if ended else "") + figures
    return missing("The model is not trained yet.", "train", run.files.root)


def energy_section(run: Run) -> str:
    """How populated the conformations are, and what that does and does not mean."""
    figures = figures_of(run, ENERGY)
    without = run.summary("landscape-full").get(NO_FREE_ENERGY, "")
    if not figures:
        return (
            f"<p>{escape(without)}</p>"
            if without
            else missing("The free energy has not been estimated yet.", "landscape-full", run.files.root)
        )
    is_first_look = any(path.stem == names.ENERGY_OF_LATENTS for path in figure_files(run.files))
    note = _first_look_note(run, without) if is_first_look else ""
    return (
        "<p>How rare a conformation is among the particles: −ln of their density, in units of kT (0.6 kcal/mol at room "
        "temperature). The minimum is zero, 1 kT more is 2.7 times rarer, white: too few particles. "
        "It is a free energy only if the sample was in equilibrium when frozen; noise in the coordinates flattens barriers. "
        "Map units are distances between maps inside the mask."
        f"</p>{figures}{note}"
    )


def _first_look_note(run: Run, without: str) -> str:
    """What the energy of the latents is, and why there is none along volume components."""
    first_look = (
        "A first look along the two largest latent components, whose unit has no meaning outside this model."
    )
    if without:
        return f"<p>{first_look} Along volume components: {escape(without)}</p>"
    command = command_line(gem_command("landscape-full", run.files.root))
    return (
        f"<p>{first_look} Along volume components, with the minimum-energy path between states:</p>{command}"
    )


def landscape_section(run: Run) -> str:
    """Latent and landscape plots."""
    figures = figures_of(run, LANDSCAPE)
    if not figures:
        return missing("There is no landscape yet.", "landscape", run.files.root)
    return (
        "<p>Latents are the few numbers that the model gives to each particle; sketch maps are decoded at typical latents; "
        "volume components are the main directions in which those maps differ (principal components inside the mask). "
        f"Numbers in the plots are states.</p>{figures}"
    )


def _figure(run: Run, path: Path) -> str:
    address = data_address(path.read_bytes(), "image/png")
    caption = escape(f"{caption_of(path.stem)} {verdicts_of_figure(run, path.stem)}".strip())
    kind = "wide" if _is_wide(path) else "narrow"
    return (
        f'<figure class="{kind}"><img alt="{caption}" src="{address}">'
        f"<figcaption><b>{escape(title_of(path.stem))}.</b> {caption}</figcaption></figure>"
    )


def _is_wide(path: Path) -> bool:
    """Whether a figure is printed over two columns."""
    with Image.open(path) as picture:
        return picture.width > MINIMUM_WIDTH_OF_A_WIDE_FIGURE
