"""report.html: one file that opens without network, whatever part of the run exists."""

from html import escape

from gem_plugin.io.result_origin import origin_line
from gem_plugin.io.run_files import RunFiles
from gem_plugin.io.whole_files import write_text_whole
from gem_plugin.progress import Track, untracked
from gem_plugin.reports import report_figures
from gem_plugin.reports.checks_section import checks_section
from gem_plugin.reports.html_parts import page_resource
from gem_plugin.reports.inputs_section import inputs_section
from gem_plugin.reports.motion_section import motion_section, trajectories_section
from gem_plugin.reports.next_steps_section import next_steps_section
from gem_plugin.reports.numbers_section import numbers_section
from gem_plugin.reports.overview_section import overview_section
from gem_plugin.reports.page_scripts import joined_scripts
from gem_plugin.reports.provenance_section import provenance_section
from gem_plugin.reports.reconstruction_section import reconstruction_section
from gem_plugin.reports.run_contents import RunContents, read_run_contents
from gem_plugin.reports.run_warnings import RunWarning, find_warnings
from gem_plugin.reports.scatter_section import scatter_section
from gem_plugin.reports.states_section import states_section

# Nothing may be fetched: not by us, not by a text that came with the data.
CONTENT_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"


def write_report(run: RunFiles, track: Track = untracked) -> tuple[RunContents, list[RunWarning]]:
    """Write report.html; gives what it was made from."""
    contents = read_run_contents(run)
    warnings = find_warnings(run, contents.history, contents.columns, contents.state_table)
    write_text_whole(run.report, report_text(contents, warnings, track))
    return contents, warnings


def report_text(contents: RunContents, warnings: list[RunWarning], track: Track = untracked) -> str:
    """The whole page."""
    chapters = (
        ("overview", "In short", lambda: overview_section(contents, warnings)),
        ("warnings", "What to know first", lambda: checks_section(contents, warnings)),
        ("inputs", "What went in", lambda: inputs_section(contents)),
        ("training", "Training", lambda: report_figures.training_section(contents)),
        ("particles", "Every particle", lambda: scatter_section(contents)),
        ("states", "States", lambda: states_section(contents)),
        ("reconstruction", "Maps from the particles", lambda: reconstruction_section(contents)),
        ("trajectories", "Trajectories", lambda: trajectories_section(contents)),
        ("motion", "Motion", lambda: motion_section(contents)),
        ("energy", "Free energy", lambda: report_figures.energy_section(contents)),
        ("landscape", "Landscape", lambda: report_figures.landscape_section(contents)),
        ("next", "How to go on", lambda: next_steps_section(contents)),
        ("provenance", "Where it came from", lambda: provenance_section(contents)),
        ("numbers", "Numbers and settings", lambda: numbers_section(contents)),
    )
    title = f"GEM: {contents.run.root.resolve().name}"
    links = "".join(f'<a href="#{name}">{heading}</a>' for name, heading, _ in chapters)
    body = "".join(
        f'<section id="{name}"><h2>{heading}</h2>{write()}</section>'
        for name, heading, write in track(chapters, "chapters of the report", unit="chapter")
    )
    scripts = joined_scripts("reports/page/report.js")
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{CONTENT_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{page_resource('report.css')}</style></head>"
        f"<body><header><h1>{escape(title)}</h1><nav>{links}</nav></header><main>{body}</main>"
        f"<footer>Written by {escape(origin_line(contents.run))}</footer>"
        f'<script type="module">{scripts}</script></body></html>'
    )
