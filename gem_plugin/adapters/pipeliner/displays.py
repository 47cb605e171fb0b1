"""The results of a job in the pipeliner's results tab. A part that cannot be made says so, and never hides the others."""

from collections.abc import Callable, Iterator
from pathlib import Path

from pipeliner.display_tools import (
    create_results_display_object,
    make_map_model_thumb_and_display,
    make_mrcs_central_slices_montage,
)
from pipeliner.results_display_objects import ResultsDisplayObject

from gem_plugin.adapters.pipeliner.results_shown import (
    ShownTable,
    loss_curves,
    maps_of_states,
    pictures,
    resolution_tables,
    states_table,
    verdict_in_words,
)
from gem_plugin.io.run.files import RunFiles
from gem_plugin.reports.figures.captions import caption_of, title_of
from gem_plugin.reports.figures.save import colour_of_group


def displays_of_job(job_folder: Path) -> list[ResultsDisplayObject]:
    """What to believe, first page, states, their maps, landscape, training, report and PDF, as far as there are."""
    run = RunFiles(job_folder)
    parts = (
        _pictures_first,
        _verdict,
        _states,
        _resolutions,
        _maps,
        _other_pictures,
        _losses,
        _report,
        _pdf_log,
    )
    return [display for part in parts for display in _made_or_explained(part, run)]


def _made_or_explained(
    part: Callable[[RunFiles], Iterator[ResultsDisplayObject]], run: RunFiles
) -> list[ResultsDisplayObject]:
    try:
        return list(part(run))
    except Exception as error:  # a damaged file must not take the other results from the user
        text = f"A part of the results cannot be shown ({type(error).__name__}: {error}). See report.html in {run.root}."
        return [
            create_results_display_object("text", title="Not shown", display_data=text, associated_data=[])
        ]


def _pictures_first(run: RunFiles) -> Iterator[ResultsDisplayObject]:
    for path in list(pictures(run))[:1]:
        yield _picture(path)


def _other_pictures(run: RunFiles) -> Iterator[ResultsDisplayObject]:
    for path in list(pictures(run))[1:]:
        yield _picture(path)


def _picture(path: Path) -> ResultsDisplayObject:
    return create_results_display_object(
        "image",
        title=title_of(path.stem),
        image_path=str(path),
        image_desc=caption_of(path.stem),
        associated_data=[str(path)],
    )


def _verdict(run: RunFiles) -> Iterator[ResultsDisplayObject]:
    if text := verdict_in_words(run):
        files = [str(path) for path in (run.checks, run.warnings) if path.is_file()]
        yield create_results_display_object(
            "text", title="What to believe", display_data=text, associated_data=files
        )


def _states(run: RunFiles) -> Iterator[ResultsDisplayObject]:
    if table := states_table(run):
        yield _table("States and populations", table)


def _resolutions(run: RunFiles) -> Iterator[ResultsDisplayObject]:
    for table in resolution_tables(run):
        yield _table("Maps from the particles", table)


def _table(title: str, table: ShownTable) -> ResultsDisplayObject:
    return create_results_display_object(
        "table", title=title, headers=table.headers, table_data=table.rows, associated_data=table.files
    )


def _maps(run: RunFiles) -> Iterator[ResultsDisplayObject]:
    """Slices side by side, and all maps in one viewer in the colours of the report."""
    maps = maps_of_states(run)
    if not maps:
        return
    yield make_mrcs_central_slices_montage(in_files=maps, output_dir=str(run.root))
    yield make_map_model_thumb_and_display(
        outputdir=str(run.root),
        maps=list(maps),
        maps_colours=[colour_of_group(number) for number, _ in enumerate(maps, start=1)],
        title=", ".join(maps.values()),
    )


def _losses(run: RunFiles) -> Iterator[ResultsDisplayObject]:
    if curves := loss_curves(run):
        yield create_results_display_object(
            "graph",
            title="Loss of the training",
            xvalues=[curve.x for curve in curves],
            yvalues=[curve.y for curve in curves],
            xaxis_label="epoch",
            yaxis_label="loss per particle",
            data_series_labels=[curve.label for curve in curves],
            modes=["lines+markers"],
            associated_data=[str(run.history)],
        )


def _report(run: RunFiles) -> Iterator[ResultsDisplayObject]:
    if run.report.is_file():
        yield create_results_display_object(
            "html",
            title="Report",
            html_file=str(run.report),
            associated_data=[str(run.report)],
            start_collapsed=True,
        )


def _pdf_log(run: RunFiles) -> Iterator[ResultsDisplayObject]:
    if run.pdf_log.is_file():
        yield create_results_display_object(
            "pdffile", title="All plots", file_path=str(run.pdf_log), start_collapsed=True
        )
