"""What the processes of one launch say to each other beside the sums of torch.distributed: what the first one asks for, and failures.

All of it goes through the store (torch.distributed.TCPStore) that torchrun keeps. A process that waits for the first asks the
store again and again, so that the first may work alone for hours without anything running into a limit of time.
"""

import contextlib
import json
import os
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from torch import distributed

from gem_plugin.processes.launched import n_processes, rank

SECONDS_TO_CONNECT = 600  # the machines of a job do not begin at one moment
SHORTEST_WAIT, LONGEST_WAIT = 0.01, 0.5  # seconds between two questions
FAILED, DONE, LEFT = "failed", "done", "left"  # counters


def connected_store() -> distributed.Store:
    """A connection of its own to the store of this launch; kept by torchrun, or else by the first process."""
    is_kept_by_launcher = os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True"
    store = distributed.TCPStore(
        os.environ.get("MASTER_ADDR", "127.0.0.1"),
        int(os.environ["MASTER_PORT"]),
        is_master=rank() == 0 and not is_kept_by_launcher and not _is_kept_here(),
        timeout=timedelta(seconds=SECONDS_TO_CONNECT),
        wait_for_workers=False,
    )
    _kept.append(store)
    return distributed.PrefixStore(f"gem/{os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}", store)


_kept: list[
    distributed.TCPStore
] = []  # as long as the process lives: the first connection may be the store itself


def _is_kept_here() -> bool:
    return bool(_kept)


class Channel:
    """The connection of this process."""

    def __init__(self) -> None:
        self.rank, self.size = rank(), n_processes()
        self.store = connected_store()
        self._n_messages = 0
        self._n_groups = 0

    def ask(self, **content: Any) -> None:
        """Of the first process: what all others do next; plain values."""
        self._n_messages += 1
        self.store.set(f"message/{self._n_messages}", json.dumps(content))

    def asked(self) -> dict[str, Any]:
        """In the others: wait for what the first asks next."""
        self._n_messages += 1
        key = f"message/{self._n_messages}"
        self._wait_for(key)
        return json.loads(self.store.get(key))

    def next_group(self) -> distributed.Store:
        """Where the processes find each other for one step; every process must call it equally often."""
        self._n_groups += 1
        return distributed.PrefixStore(f"group/{self._n_groups}", self.store)

    def wait_for_all(self) -> None:
        """At the end: until every process has come here."""
        self.store.add(DONE, 1)
        self._wait_for_count(DONE, self.size)

    def leave(self) -> None:
        """After that: the machine of the first process keeps the store, so it leaves last."""
        if self.rank:
            self.store.add(LEFT, 1)
        else:
            self._wait_for_count(LEFT, self.size - 1)

    def is_first_to_fail(self, store: distributed.Store | None = None) -> bool:
        """Whether this process is the one that says why all end; the others are silent. store: the connection of another thread.

        Where the store does not answer, it is the first: the others lost the store because the first has failed and said why (they
        often fail of the same, a moment later), or because its machine broke down, which torchrun and the queue say.
        """
        with contextlib.suppress(RuntimeError):
            return (self.store if store is None else store).add(FAILED, 1) == 1
        return self.rank == 0

    def has_failed(self) -> bool:
        """Whether any process has said that it failed."""
        with contextlib.suppress(RuntimeError):
            return self.store.add(FAILED, 0) > 0
        return False

    def _wait_for(self, key: str) -> None:
        for wait in _waits():
            if self.store.check([key]):
                return
            time.sleep(wait)

    def _wait_for_count(self, counter: str, number: int) -> None:
        for wait in _waits():
            if self.store.add(counter, 0) >= number:
                return
            time.sleep(wait)


def _waits() -> Iterator[float]:
    """Seconds, short at first."""
    wait = SHORTEST_WAIT
    while True:
        yield wait
        wait = min(LONGEST_WAIT, 1.5 * wait)


_channels: list[Channel] = []  # of this process: one, where a launcher started several


def open_channel() -> Channel:
    """The channel of this process, connected when it is first asked for."""
    if not _channels:
        _channels.append(Channel())
    return _channels[0]


def current_channel() -> Channel | None:
    """The channel of this process, where there is one."""
    return _channels[0] if _channels else None
