"""report.html: one file that opens without network, whatever part of the run exists."""

from collections.abc import Callable
from html import escape

from gem_plugin.io.run.origin import origin_line
from gem_plugin.io.whole_files import write_text_whole
from gem_plugin.progress import Track, untracked
from gem_plugin.reports.first_page.contents import FirstPage
from gem_plugin.reports.first_page.section import first_page_section
from gem_plugin.reports.page_scripts import joined_scripts
from gem_plugin.reports.sections import figures as report_figures
from gem_plugin.reports.sections.checks import checks_section
from gem_plugin.reports.sections.history import history_section
from gem_plugin.reports.sections.html_parts import page_resource
from gem_plugin.reports.sections.inputs import inputs_section
from gem_plugin.reports.sections.motion import motion_section, trajectories_section
from gem_plugin.reports.sections.next_steps import next_steps_section
from gem_plugin.reports.sections.numbers import numbers_section
from gem_plugin.reports.sections.outliers import has_outliers_section, outliers_section
from gem_plugin.reports.sections.overview import overview_section
from gem_plugin.reports.sections.positions import has_positions_section, positions_section
from gem_plugin.reports.sections.provenance import provenance_section
from gem_plugin.reports.sections.reconstruction import reconstruction_section
from gem_plugin.reports.sections.run_warnings import RunWarning, find_warnings
from gem_plugin.reports.sections.samples import samples_section
from gem_plugin.reports.sections.scatter import scatter_section
from gem_plugin.reports.sections.states import states_section
from gem_plugin.reports.sections.subunits import subunits_section
from gem_plugin.reports.sections.terms import terms_of_chapter
from gem_plugin.results.run import Run
from gem_plugin.results.state_sources import STATE_SOURCES

Chapter = tuple[str, str, Callable[[], str]]  # name, heading, and what writes it
# Nothing may be fetched: not by us, not by a text that came with the data.
CONTENT_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"


def write_report(run: Run, page: FirstPage, track: Track = untracked) -> list[RunWarning]:
    """Write report.html; gives the warnings in it."""
    warnings = find_warnings(run)
    write_text_whole(run.files.report, report_text(page, warnings, track))
    return warnings


def report_text(page: FirstPage, warnings: list[RunWarning], track: Track = untracked) -> str:
    """The whole page."""
    run = page.run
    chapters = _chapters(run, page, warnings)
    title = f"GEM: {run.files.root.resolve().name}"
    links = "".join(f'<a href="#{name}">{heading}</a>' for name, heading, _ in chapters)
    body = "".join(
        f'<section id="{name}"><h2>{heading}</h2>{write()}{terms_of_chapter(name)}</section>'
        for name, heading, write in track(chapters, "chapters of the report", unit="chapter")
    )
    scripts = joined_scripts("reports/page/report.js")
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{CONTENT_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{page_resource('house.css')}{page_resource('report.css')}</style></head>"
        f'<body><header><h1>{escape(title)}</h1><nav aria-label="chapters">{links}</nav>'
        f'<button id="theme" type="button">light or dark</button></header><main>{body}</main>'
        f"<footer>Written by {escape(origin_line(run.files))}</footer>"
        f'<script type="module">{scripts}</script></body></html>'
    )


def _chapters(run: Run, page: FirstPage, warnings: list[RunWarning]) -> list[Chapter]:
    """Name, heading and content of each, in order of importance; those of which nothing is there are left out."""
    has_subunits = any(run.has_subunits(source) for source in STATE_SOURCES)
    has_samples = run.files.landscape.sample_comparison.is_file()
    chapters: list[tuple[bool, str, str, Callable[[], str]]] = [
        (True, "first", "What was found", lambda: first_page_section(page)),
        (True, "history", "What was done", lambda: history_section(run)),
        (True, "overview", "Summary", lambda: overview_section(run, warnings)),
        (True, "states", "States", lambda: states_section(run)),
        (has_samples, "samples", "Samples compared", lambda: samples_section(run)),
        (has_positions_section(run), "positions", "States in the tomograms", lambda: positions_section(run)),
        (has_subunits, "subunits", "Subunits of each particle", lambda: subunits_section(run)),
        (True, "motion", "Motion", lambda: motion_section(run)),
        (
            True,
            "reconstruction",
            "Maps reconstructed from the particles",
            lambda: reconstruction_section(run),
        ),
        (True, "warnings", "Warnings and checks", lambda: checks_section(run, warnings)),
        (True, "next", "Next steps", lambda: next_steps_section(run)),
        (True, "trajectories", "Trajectories", lambda: trajectories_section(run)),
        (True, "energy", "Free energy", lambda: report_figures.energy_section(run)),
        (True, "landscape", "Landscape", lambda: report_figures.landscape_section(run)),
        (True, "particles", "Particles", lambda: scatter_section(run)),
        (has_outliers_section(run), "outliers", "Outliers and poses", lambda: outliers_section(run)),
        (True, "training", "Training", lambda: report_figures.training_section(run)),
        (True, "inputs", "Inputs", lambda: inputs_section(run)),
        (True, "numbers", "Numbers and settings", lambda: numbers_section(run)),
        (True, "provenance", "Provenance", lambda: provenance_section(run)),
    ]
    return [(name, heading, write) for is_there, name, heading, write in chapters if is_there]
