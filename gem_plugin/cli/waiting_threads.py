"""How threads wait for each other: awake for a moment, then asleep, so that a busy machine does not bring the work to a stand.

The OpenMP of torch lets a waiting thread spin for milliseconds. Where other programs use the same cores, the spinning takes the time
of the thread that is waited for: training on two busy cores ran at 60 particles/s, and at 700 with sleeping threads. Threads
that sleep at once are woken too slowly for the short work between two waits: on an idle machine 2,000 particles/s instead of 3,300.
"""

import os
from collections.abc import Mapping

BRIEFLY_AWAKE_THREADS = {
    "GOMP_SPINCOUNT": "5000",  # GNU OpenMP, of the wheels of torch for Linux: tens of microseconds
    "KMP_BLOCKTIME": "1",  # Intel's and LLVM's: milliseconds
}


def let_waiting_threads_sleep() -> None:
    """Must come before torch is imported, since OpenMP reads its settings once. What the user has set stays."""
    for name, value in waiting_of_threads(os.environ).items():
        os.environ.setdefault(name, value)


def waiting_of_threads(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables to set, none where the user has said how threads wait."""
    return {} if "OMP_WAIT_POLICY" in environment else BRIEFLY_AWAKE_THREADS
