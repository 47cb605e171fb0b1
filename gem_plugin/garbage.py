"""How often Python looks for garbage: objects that hold each other, so that no counting of references frees them.

It looks whenever some hundred objects are new, and at the end through everything. Importing torch, scikit-learn and matplotlib makes
millions that all stay: looking through them took a quarter of the time of the imports, and half a second at the end.
"""

import atexit
import contextlib
import gc
from collections.abc import Iterator

NEW_OBJECTS = 50_000  # between two looks: some figures of matplotlib


@contextlib.contextmanager
def seldom_looked_for() -> Iterator[None]:
    """For work that imports much, or makes many small objects."""
    before = gc.get_threshold()
    gc.set_threshold(max(NEW_OBJECTS, before[0]) if before[0] else 0, *before[1:])  # 0: someone wants none
    try:
        yield
    finally:
        gc.set_threshold(*before)


def leave_to_the_system_at_exit() -> None:
    """What is there when the program ends goes with it, without being looked through once more."""
    atexit.register(gc.freeze)
