"""The last stage of landscape and landscape-full for particles of tomograms: where the states are, in tables and in a figure."""

from pathlib import Path
from typing import Any

import numpy as np

from gem_plugin.io.run import figure_names as names
from gem_plugin.io.run.figure_names import remove_figures
from gem_plugin.io.run.outliers import particles_in_states
from gem_plugin.io.run.position_files import PositionFiles
from gem_plugin.io.whole_files import write_text_whole
from gem_plugin.landscape.neighbouring_states import neighbouring_states
from gem_plugin.results.run import Run
from gem_plugin.results.state_positions import StatePositions
from gem_plugin.results.tomogram_positions import positions_of_run
from gem_plugin.steps.landscape.populations import JobWithStates


def write_positions(
    job: JobWithStates,
    states: np.ndarray,  # (n,) from 1; 0: none
    files: PositionFiles,
    figures: Path,  # folder
    figure_name: str | None = names.POSITIONS,  # None: no figure
    all_of_them: str = "states",  # as the log calls them
) -> dict[str, Any]:  # numbers for the summary
    """Positions with states for other programs, neighbours against chance; nothing without positions in tomograms."""
    files.remove()
    if figure_name is not None:
        remove_figures(figures, figure_name)
    run = Run(job.run)
    positions = positions_of_run(run) if run.is_prepared else None
    if positions is None or len(positions.names) != len(states):
        return {}
    write_text_whole(files.star, positions.star_text(states))
    write_text_whole(files.points, positions.points_text(states))
    counted = np.where(particles_in_states(job.run, len(states)), states, 0)
    with job.progress.waiting(f"neighbours of the {all_of_them} in the tomograms"):
        found = neighbouring_states(
            positions.positions_in_angstroms,
            positions.tomograms,
            counted,
            int(states.max(initial=0)),
            np.random.default_rng(job.settings.seed),
            particle_indices=run.particles.particle_indices,
        )
    if found is None:
        return {}
    measured = StatePositions(found)
    measured.save(files)
    prefix = "" if all_of_them == "states" else f"{all_of_them[0].upper()}{all_of_them[1:]}. "
    job.progress.say(
        f"{prefix}{measured.in_words()} {files.star.name} and {files.points.name} have the positions for ArtiaX and napari."
    )
    if figure_name is not None:
        from gem_plugin.reports.figures.positions import draw_positions  # matplotlib

        draw_positions(figures / figure_name, positions, counted, measured)
    return {"states_that_lie_together": sum(measured.verdict(one) == "together" for one in measured.states)}
