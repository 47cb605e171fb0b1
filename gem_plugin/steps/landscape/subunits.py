"""The last stage of landscape and landscape-full for particles with several views: the states of their subunits together."""

from typing import Any

import numpy as np

from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.outliers import particles_in_states
from gem_plugin.io.run.subunit_files import SubunitFiles
from gem_plugin.progress import Progress
from gem_plugin.results.run import Run
from gem_plugin.results.subunits import subunits_of_states


def write_subunits(
    run: RunFiles,
    files: SubunitFiles,
    states: np.ndarray,  # (n,) from 1; 0: none
    progress: Progress,
    what: str = "Subunits",  # as the log calls them
) -> dict[str, Any]:  # numbers for the summary
    """subunits.csv and what it says; nothing where every particle has one view."""
    files.remove()
    table = Run(run).table_if_there
    if table is None:
        return {}
    with progress.waiting("subunits of the particles"):
        subunits = subunits_of_states(table, states, particles_in_states(run, len(table)))
    if subunits is None:
        return {}
    subunits.save(files)
    progress.say(
        f"{what}: {subunits.in_words()} {files.table.name} and {files.patterns.name} have the numbers."
    )
    numbers: dict[str, Any] = {
        "subunits": subunits.n_subunits,
        "complete_particles": int(subunits.is_complete.sum()),
    }
    found = subunits.cooperativity
    if found is not None:
        numbers |= {
            "cooperativity": round(found.value, 4),
            "cooperativity_error": round(found.standard_error, 4),
            "cooperativity_p_value": round(found.p_value, 5),
        }
    return numbers
