"""Functions of reports that draw, by name: neither a report that keeps all figures nor one that leaves them to a second process waits
for matplotlib."""

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from gem_plugin.io.run.figure_names import remove_figures


@dataclass(frozen=True)
class DrawnBy:
    """A function of a module of gem_plugin.reports, imported when it is called."""

    module: str
    function: str

    def __call__(self, target: Path, *shown: Any) -> list[Path]:
        return getattr(import_module(f"gem_plugin.reports.{self.module}"), self.function)(target, *shown)


def draw_anew(stem: Path, draw: DrawnBy, *shown: Any) -> list[Path]:
    """Draw a figure; what is left of an earlier one goes first."""
    remove_figures(stem.parent, stem.name)
    return draw(stem, *shown)
