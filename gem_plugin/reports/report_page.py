"""report.html: one file that opens without network, whatever part of the run exists."""

from collections.abc import Callable
from html import escape

from gem_plugin.io.run.origin import origin_line
from gem_plugin.io.whole_files import write_text_whole
from gem_plugin.progress import Track, untracked
from gem_plugin.reports.page_scripts import joined_scripts
from gem_plugin.reports.sections import figures as report_figures
from gem_plugin.reports.sections.checks import checks_section
from gem_plugin.reports.sections.html_parts import page_resource
from gem_plugin.reports.sections.inputs import inputs_section
from gem_plugin.reports.sections.motion import motion_section, trajectories_section
from gem_plugin.reports.sections.next_steps import next_steps_section
from gem_plugin.reports.sections.numbers import numbers_section
from gem_plugin.reports.sections.outliers import has_outliers_section, outliers_section
from gem_plugin.reports.sections.overview import overview_section
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

# Nothing may be fetched: not by us, not by a text that came with the data.
CONTENT_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"


def write_report(run: Run, track: Track = untracked) -> list[RunWarning]:
    """Write report.html; gives the warnings in it."""
    warnings = find_warnings(run)
    write_text_whole(run.files.report, report_text(run, warnings, track))
    return warnings


def report_text(run: Run, warnings: list[RunWarning], track: Track = untracked) -> str:
    """The whole page."""
    chapters: list[tuple[str, str, Callable[[], str]]] = [
        ("overview", "Summary", lambda: overview_section(run, warnings)),
        ("warnings", "Warnings and checks", lambda: checks_section(run, warnings)),
        ("inputs", "Inputs", lambda: inputs_section(run)),
        ("training", "Training", lambda: report_figures.training_section(run)),
        ("particles", "Particles", lambda: scatter_section(run)),
        ("states", "States", lambda: states_section(run)),
        ("reconstruction", "Maps reconstructed from the particles", lambda: reconstruction_section(run)),
        ("trajectories", "Trajectories", lambda: trajectories_section(run)),
        ("motion", "Motion", lambda: motion_section(run)),
        ("energy", "Free energy", lambda: report_figures.energy_section(run)),
        ("landscape", "Landscape", lambda: report_figures.landscape_section(run)),
        ("next", "Next steps", lambda: next_steps_section(run)),
        ("provenance", "Provenance", lambda: provenance_section(run)),
        ("numbers", "Numbers and settings", lambda: numbers_section(run)),
    ]
    if any(run.has_subunits(source) for source in STATE_SOURCES):
        after_states = [name for name, _, _ in chapters].index("states") + 1
        chapters.insert(
            after_states, ("subunits", "Subunits of each particle", lambda: subunits_section(run))
        )
    if run.files.landscape.sample_comparison.is_file():
        after_states = [name for name, _, _ in chapters].index("states") + 1
        chapters.insert(after_states, ("samples", "Samples compared", lambda: samples_section(run)))
    if has_outliers_section(run):
        after_particles = [name for name, _, _ in chapters].index("particles") + 1
        chapters.insert(after_particles, ("outliers", "Outliers and poses", lambda: outliers_section(run)))
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
        f"<title>{escape(title)}</title><style>{page_resource('report.css')}</style></head>"
        f"<body><header><h1>{escape(title)}</h1><nav>{links}</nav></header><main>{body}</main>"
        f"<footer>Written by {escape(origin_line(run.files))}</footer>"
        f'<script type="module">{scripts}</script></body></html>'
    )
