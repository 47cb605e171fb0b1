"""Garbage is looked for seldom where that was asked for, and as before afterwards; the end of a program does not look at all."""

import gc
import subprocess
import sys

import pytest

from gem_plugin.garbage import NEW_OBJECTS, seldom_looked_for

PROGRAM = """
import sys
from gem_plugin.garbage import leave_to_the_system_at_exit

class Loud:
    def __del__(self):
        print("looked at")

{call}
one = Loud()
one.itself = one
del one
"""


@seldom_looked_for()
def look_and_fail(wanted: int) -> None:
    assert gc.get_threshold()[0] == (max(wanted, NEW_OBJECTS) if wanted else 0)
    raise KeyError


@pytest.mark.parametrize("wanted", [(700, 10, 10), (900_000, 5, 5), (0, 10, 10)])
def test_the_users_own_settings_stay(wanted: tuple[int, int, int]) -> None:
    before = gc.get_threshold()
    gc.set_threshold(*wanted)
    try:
        with pytest.raises(KeyError):
            look_and_fail(wanted[0])
        assert gc.get_threshold() == wanted
    finally:
        gc.set_threshold(*before)


@pytest.mark.parametrize(("call", "printed"), [("", "looked at\n"), ("leave_to_the_system_at_exit()", "")])
def test_the_end_does_not_look_through_what_is_there(call: str, printed: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(call=call)], capture_output=True, text=True, check=True
    )
    assert done.stdout == printed
