"""How torchrun (or another launcher with its variables) started this process. Imports nothing heavy: the command line asks it too."""

import os


def rank() -> int:
    """The number of this process, from 0: the first one writes and speaks."""
    return int(os.environ.get("RANK", "0"))


def n_processes() -> int:
    """Of all machines together; 1 where no launcher started several."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def local_rank() -> int:
    """The number of this process on its machine, from 0."""
    return int(os.environ.get("LOCAL_RANK", "0"))


def n_local_processes() -> int:
    """How many processes share the memory of this machine."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", "1"))


def is_main_process() -> bool:
    """Whether this process writes files and speaks: the only one, or torchrun's first."""
    return rank() == 0
