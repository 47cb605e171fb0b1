"""What a launcher does when the package is missing: say so, and end the job, which RELION would show as running."""

import sys
from itertools import pairwise
from pathlib import Path
from typing import NoReturn


def end_job(error: ImportError) -> NoReturn:
    """Write RELION_JOB_EXIT_FAILURE into the folder after --o and leave."""
    for option, folder in pairwise(sys.argv):
        if option == "--o":
            Path(folder, "RELION_JOB_EXIT_FAILURE").touch()
    sys.exit(
        f"Error: {sys.executable} cannot import gem_plugin ({error}). Install it there (pip install -e .), or give "
        "RELION the whole path of an installed executable, such as .venv/bin/gem-external-train."
    )
