"""report: the page and the PDF that show a run, and scripts that show it in ChimeraX."""

from pathlib import Path
from typing import Any

from gem_plugin.errors import InputError
from gem_plugin.io.run.files import RunFiles
from gem_plugin.progress import Progress, Track
from gem_plugin.reports.first_page.contents import FirstPage
from gem_plugin.reports.log_contents import LogContents, log_contents
from gem_plugin.reports.report_page import write_report
from gem_plugin.results.kept_products import KeptProducts
from gem_plugin.results.run import Run
from gem_plugin.steps.report.chimerax import drop_other_motion, write_chimerax
from gem_plugin.steps.report.figures import draw_figures
from gem_plugin.steps.report.settings import ReportSettings


def run_report(run: RunFiles, settings: ReportSettings, progress: Progress) -> dict[str, Any]:
    """Write report.html and logfile.pdf from whatever part of the run exists.

    The page is always written; what takes time to make stays where everything that it shows is as it was.
    """
    if not run.root.is_dir():
        raise InputError(
            f"There is no folder {run.root}. Expected the folder of a run (--out of `gem-em run`)."
        )
    Run(run).check_landscape()
    kept = KeptProducts(run, run.figures)
    scripts = []
    if settings.chimerax:
        with progress.waiting("motion and scripts for ChimeraX"):
            scripts = write_chimerax(Run(run), kept, progress.track)
    else:
        drop_other_motion(Run(run), kept)
    opened = Run(run)  # with the motion that was just measured
    with progress.waiting("figures and report"):
        page = FirstPage(opened)
        draw_figures(opened, page, kept, progress.track)
        warnings = write_report(opened, page, progress.track)
        log = log_contents(page)
        kept.make(run.pdf_log.name, log, lambda: write_log(page, log, progress.track))
    if settings.paper_figure:
        from gem_plugin.reports.first_page.paper_contents import write_paper_figure  # matplotlib, torch

        with progress.waiting("figure for a paper"):
            paths = write_paper_figure(opened)
        names_of_files = ", ".join(str(run.as_users_know(path)) for path in paths)
        progress.say(f"Figure for a paper: {names_of_files}.")
    kept.save()
    for warning in warnings:
        progress.warn(warning.sentence)
    progress.say(f"Open {run.report} in a browser; look around with `gem-em explore {run.root}`.")
    return {
        "warnings": len(warnings),
        "states": len(opened.state_maps),
        "trajectories": len(opened.series),
        "chimerax_scripts": len(scripts),
        "size_in_megabytes": round(run.report.stat().st_size / 1e6, 2),
    }


def write_log(page: FirstPage, contents: LogContents, track: Track) -> list[Path]:
    """logfile.pdf; a report that keeps it does not wait for matplotlib."""
    from gem_plugin.reports.pdf_log import write_pdf_log

    return write_pdf_log(page, contents, track)
