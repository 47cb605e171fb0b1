"""Settings of report."""

from dataclasses import dataclass

from gem_plugin.settings import setting


@dataclass(frozen=True)
class ReportSettings:
    """What to make beside the page."""

    chimerax: bool = setting(
        True, "Write scripts, arrows and pseudo-atoms for ChimeraX, and scenes for Mol*, into chimerax/."
    )
    paper_figure: bool = setting(
        False,
        "Write the figure for a paper too: figures/paper_figure as PDF and SVG (180 mm wide, text stays text) and PNG.",
        other_flag="--figure",
    )
