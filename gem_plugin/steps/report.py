"""report: the page and the PDF that show a run, and scripts that show it in ChimeraX."""

from dataclasses import dataclass
from typing import Any

from gem_plugin.errors import InputError
from gem_plugin.io.run_files import RunFiles
from gem_plugin.io.run_settings import read_summary
from gem_plugin.progress import Progress
from gem_plugin.reports.figures_motion import draw_amplitude_change, draw_motion, draw_parts
from gem_plugin.reports.figures_training import draw_training
from gem_plugin.reports.pdf_log import write_pdf_log
from gem_plugin.reports.report_page import write_report
from gem_plugin.reports.run_contents import read_history, read_motion, read_run_contents
from gem_plugin.settings import setting
from gem_plugin.steps.motion import write_chimerax


@dataclass(frozen=True)
class ReportSettings:
    """What to make beside the page."""

    chimerax: bool = setting(True, "Write scripts, arrows and pseudo-atoms for ChimeraX into chimerax/.")


def run_report(run: RunFiles, settings: ReportSettings, progress: Progress) -> dict[str, Any]:
    """Write report.html and logfile.pdf from whatever part of the run exists."""
    if not run.root.is_dir():
        raise InputError(
            f"There is no folder {run.root}. Expected the folder of a run (--out of `gem-em run`)."
        )
    scripts = write_chimerax(run, read_run_contents(run)) if settings.chimerax else []
    _draw_figures(run)
    contents, warnings = write_report(run)
    write_pdf_log(run, read_summary(run))
    progress.say(f"Open {run.report} in a browser; look around with `gem-em explore {run.root}`.")
    return {
        "warnings": len(warnings),
        "states": len(contents.state_means),
        "trajectories": len(contents.series),
        "chimerax_scripts": len(scripts),
        "size_in_megabytes": round(run.report.stat().st_size / 1e6, 2),
    }


def _draw_figures(run: RunFiles) -> None:
    """The figures that no other step draws."""
    history, motion = read_history(run.history), read_motion(run)
    if history:
        draw_training(run.figures / "training", history)
    if motion is not None:
        draw_motion(run.figures / "motion_of_gaussians", motion)
        draw_amplitude_change(run.figures / "amplitude_change_of_gaussians", motion)
        draw_parts(run.figures / "motion_of_parts", motion)
