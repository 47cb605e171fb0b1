"""Which of several processes keeps the records. Imports nothing heavy: the command line asks it too."""

import os


def is_main_process() -> bool:
    """Whether this process writes files and speaks: the only one, or torchrun's first."""
    return int(os.environ.get("RANK", "0")) == 0
