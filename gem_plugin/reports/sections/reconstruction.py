"""The section of report.html on maps reconstructed from the particles, the only ones with a resolution."""

from html import escape

from gem_plugin.io.run.names import state_number
from gem_plugin.reports.figures.order import RECONSTRUCTION
from gem_plugin.reports.plain_numbers import short_number
from gem_plugin.reports.sections.figures import figures_of
from gem_plugin.reports.sections.html_parts import missing, table
from gem_plugin.results.csv_tables import read_text_rows
from gem_plugin.results.run import Run

COLUMN_TITLES = {
    "map": "map",
    "particles": "particles",
    "kernel_width": "kernel width",
    "resolution_in_angstroms": "resolution (Å)",
    "resolution_of_moving_region_in_angstroms": "resolution of the moving region (Å)",
    "mean_fsc_of_moving_region": "mean FSC of the moving region",
    "is_limited_by_pixel_size": "limited by the pixel size",
    "agreement_with_decoded_in_angstroms": "decoded map agrees to (Å)",
    "difference_z_score": "difference from all particles (standard errors)",
    "decoded_difference_agreement": "correlation of decoded and measured difference",
    "local_resolution_5_percent_in_angstroms": "local resolution, best 5 % (Å)",
    "local_resolution_50_percent_in_angstroms": "local resolution, median (Å)",
    "local_resolution_95_percent_in_angstroms": "local resolution, worst 5 % (Å)",
    "local_resolution_threshold": "threshold of the local resolution",
    "local_resolution_window_in_angstroms": "window of the local resolution (Å)",
}


def reconstruction_section(run: Run) -> str:
    """One table for each kind of map that was reconstructed."""
    files = run.files.reconstruct
    kinds = {
        "States, all particles, and a random subset": files.table,
        "Around points of the latent space": files.points_table,
        "With and without the motion undone": files.deformed_table,
    }
    parts = [
        f"<h3>{escape(title)}</h3>{_map_table(run, read_text_rows(path))}"
        for title, path in kinds.items()
        if path.is_file()
    ]
    if not parts:
        sentence = "No map has been reconstructed from the particles yet, so no resolution is known."
        return missing(sentence, "reconstruct", run.files.root)
    return (
        "<p>These maps are made from the images alone; decoded maps have no resolution. Resolution is where the half-map "
        "FSC in the mask, corrected by phase randomisation, falls below 0.143. "
        "A real state differs from all particles by many standard errors; the random subset, as large as the smallest "
        "state, shows the difference expected by chance.</p>"
        + "".join(parts)
        + figures_of(run, RECONSTRUCTION)
    )


def _map_table(run: Run, rows: list[dict[str, str]]) -> str:
    columns = [name for name in COLUMN_TITLES if any(row.get(name) for row in rows)]
    cells = [[_shown(name, row.get(name, "")) for name in columns] for row in rows]
    states = [state_number(row.get("map", "")) for row in rows]
    if not any(states):
        return table([COLUMN_TITLES[name] for name in columns], cells)
    verdicts = ["" if number is None else run.checks.badge(number) for number in states]
    cells = [[*row, verdict] for row, verdict in zip(cells, verdicts, strict=True)]
    return table([*(COLUMN_TITLES[name] for name in columns), "verdict"], cells)


def _shown(name: str, value: str) -> str:
    if name == "is_limited_by_pixel_size" and value:
        return "yes" if value in ("1", "True") else "no"
    return short_number(value).replace("_", " ")
