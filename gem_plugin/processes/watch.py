"""Watches beside the work that no process waits for another one that has ended.

A process that is killed says nothing, and a sum over the processes then waits without an end. So each counts up a number of its own in
the store every second, looks at that of the next process, and at the number of failures; where something is wrong, it says so once
(the first that finds it) and ends this process. Files are whole or absent (io/whole_files.py), so any moment will do.
"""

import os
import select
import signal
import socket
import sys
import threading
from types import FrameType

from gem_plugin.processes.channel import FAILED, Channel, connected_store

SECONDS_BETWEEN_LOOKS = 1.0
LOOKS_WITHOUT_CHANGE = 180  # by our own clock: a job that was suspended is suspended as a whole
SECONDS_TO_END = 2.0  # for the main thread to end by itself where another process has failed
EXIT_CODE = 1
GO_ON = "finished steps are kept; run the same command again to resume"


class Watch:
    """A thread of its own from `start` to `stop`."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self._is_over = threading.Event()
        self._store = connected_store()  # not the one of the main thread, which may wait in a call
        self._wake, self._woken = socket.socketpair()
        self._thread = threading.Thread(target=self._look_until_over, daemon=True)
        self._beat, self._looks_since_beat = 0, 0

    def start(self) -> None:
        """From the main thread, which alone may set what a signal does."""
        self._wake.setblocking(False)
        self._earlier = signal.signal(signal.SIGTERM, _leave_to_the_watch)
        self._earlier_wakeup = signal.set_wakeup_fd(self._wake.fileno())
        self._thread.start()

    def stop(self) -> None:
        self._is_over.set()
        signal.set_wakeup_fd(self._earlier_wakeup)
        signal.signal(signal.SIGTERM, self._earlier)
        self._wake.send(b"\0")
        self._thread.join()
        self._wake.close()
        self._woken.close()

    def _look_until_over(self) -> None:
        while not self._is_over.is_set():
            signals = self._signals_within(SECONDS_BETWEEN_LOOKS)
            if self._is_over.is_set():
                return
            if signal.SIGTERM in signals:
                self._end(
                    "Stopped: the queue or torchrun ended this run, as they do at a limit of time and when another process of it was "
                    f"killed (out of memory?); {GO_ON}."
                )
            try:
                self._look()
            except RuntimeError:  # of torch.distributed: nobody answers
                if not self._is_over.is_set():
                    self._end(f"Error: the machine of the first process no longer answers; {GO_ON}.")

    def _signals_within(self, seconds: float) -> bytes:
        ready, _, _ = select.select([self._woken], [], [], seconds)
        return self._woken.recv(64) if ready else b""

    def _look(self) -> None:
        rank, size = self.channel.rank, self.channel.size
        self._store.add(f"alive/{rank}", 1)
        if self._store.add(FAILED, 0):  # another one has said why, or this one is about to
            self._is_over.wait(SECONDS_TO_END)
            if not self._is_over.is_set():
                _exit()
        following = (rank + 1) % size
        beat = self._store.add(f"alive/{following}", 0)
        self._looks_since_beat = 0 if beat != self._beat else self._looks_since_beat + 1
        self._beat = beat
        if beat and self._looks_since_beat >= LOOKS_WITHOUT_CHANGE:
            self._end(f"Error: process {following + 1} of {size} no longer answers; {GO_ON}.")

    def _end(self, sentence: str) -> None:
        if self.channel.is_first_to_fail(self._store):
            print(sentence, file=sys.stderr, flush=True)
        _exit()


def _leave_to_the_watch(number: int, frame: FrameType | None) -> None:
    """The main thread may be deep in a sum over the processes; the other thread hears of the signal at once."""


def _exit() -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(EXIT_CODE)
