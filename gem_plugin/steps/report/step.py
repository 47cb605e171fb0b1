"""report: the page and the PDF that show a run, and scripts that show it in ChimeraX."""

from pathlib import Path
from typing import Any

from gem_plugin.errors import InputError
from gem_plugin.garbage import seldom_looked_for
from gem_plugin.io.run.files import RunFiles
from gem_plugin.progress import Progress
from gem_plugin.reports.figures.drawn_by import DrawnBy
from gem_plugin.reports.first_page.contents import FirstPage
from gem_plugin.reports.log_contents import log_contents
from gem_plugin.reports.report_page import write_report
from gem_plugin.reports.sections.run_warnings import RunWarning
from gem_plugin.results.kept_products import KeptProducts
from gem_plugin.results.run import Run
from gem_plugin.second_process import SecondProcess
from gem_plugin.steps.report.chimerax import drop_other_motion, write_chimerax
from gem_plugin.steps.report.figures import (
    DRAWING,
    FiguresOfReport,
    figure_of_first_page,
    figures_of_motion,
    figures_without_motion,
)
from gem_plugin.steps.report.settings import ReportSettings

write_log = DrawnBy("pdf_log", "write_pdf_log")  # a report that keeps it does not wait for matplotlib


@seldom_looked_for()
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
    with SecondProcess(*DRAWING) as second:
        figures = FiguresOfReport(run, kept, second)
        figures.begin(figures_without_motion(Run(run)))
        scripts = _motion_and_scripts(run, settings, kept, figures, progress)
        opened = Run(run)  # with the motion that was just measured
        with progress.waiting("figures and report"):
            page = FirstPage(opened)
            figures.begin([figure_of_first_page(page)])
            figures.finish(progress)
            warnings = _write_pages(page, kept, second, progress)
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


def _motion_and_scripts(
    run: RunFiles, settings: ReportSettings, kept: KeptProducts, figures: FiguresOfReport, progress: Progress
) -> list[Path]:
    """Figures of the motion are begun as soon as it is known."""

    def when_measured() -> None:
        figures.begin(figures_of_motion(Run(run)))

    if settings.chimerax:
        with progress.waiting("motion and scripts for ChimeraX"):
            return write_chimerax(Run(run), kept, progress.track, when_measured)
    drop_other_motion(Run(run), kept)
    when_measured()
    return []


def _write_pages(
    page: FirstPage, kept: KeptProducts, second: SecondProcess, progress: Progress
) -> list[RunWarning]:
    """logfile.pdf and report.html beside each other; gives the warnings in them."""
    target, log = page.run.files.pdf_log, log_contents(page)
    if kept.is_valid(target.name, log):
        return write_report(page.run, page, progress.track)
    call = second.begin(write_log, target, log, *page.drawn_from)
    warnings = write_report(page.run, page, progress.track)
    kept.make(target.name, log, lambda: call.result(progress.check_stop))
    return warnings
