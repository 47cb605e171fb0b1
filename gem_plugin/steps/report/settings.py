"""Settings of report."""

from dataclasses import dataclass

from gem_plugin.settings import setting


@dataclass(frozen=True)
class ReportSettings:
    """What to make beside the page."""

    chimerax: bool = setting(
        True, "Write scripts, arrows and pseudo-atoms for ChimeraX, and scenes for Mol*, into chimerax/."
    )
