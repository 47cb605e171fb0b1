"""How threads wait for each other: asleep, so that a busy machine does not bring the work to a stand.

The OpenMP of torch lets a waiting thread spin. Where other programs use the same cores, the spinning takes the time
of the thread that is waited for: training on two busy cores ran at 60 particles/s, and at 700 with sleeping threads.
"""

import os

SLEEPING_THREADS = {"OMP_WAIT_POLICY": "passive"}


def let_waiting_threads_sleep() -> None:
    """Must come before torch is imported, since OpenMP reads its settings once. What the user has set stays."""
    for name, value in SLEEPING_THREADS.items():
        os.environ.setdefault(name, value)
