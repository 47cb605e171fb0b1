"""The whole life of one of several processes: the first does a command, the others what it asks, and all end together."""

import time
from collections.abc import Callable
from typing import Any

from torch import distributed

from gem_plugin.errors import RunError
from gem_plugin.processes.channel import Channel, open_channel
from gem_plugin.processes.launched import is_main_process
from gem_plugin.processes.watch import GO_ON, Watch

LAST = "end"  # asked for when the first has done its command
WORDS_OF_LOST_CONNECTIONS = ("connection closed", "connection reset", "connection refused", "broken pipe")
GRACE_IN_SECONDS = 10.0  # for whoever failed, or was killed, to be named by another one
SECONDS_BETWEEN_LOOKS = 0.1


class EndedWithOthersError(SystemExit):
    """Another process has said why all end."""


def work_together(work: Callable[[], Any], help_with: Callable[[dict[str, Any]], Any]) -> None:
    """In the first process do the work; in the others whatever the first asks for, until it has done it.

    An error in any of them ends all. The process that failed first raises it, the others EndedWithOthersError.
    """
    channel = open_channel()
    watch = Watch(channel)
    watch.start()
    try:
        if is_main_process():
            work()
            channel.ask(work=LAST)
        else:
            _help_until_the_end(channel, help_with)
        channel.wait_for_all()
    except BaseException as error:
        _end_with_others(channel, error)
    finally:
        watch.stop()
    channel.leave()


def _help_until_the_end(channel: Channel, help_with: Callable[[dict[str, Any]], Any]) -> None:
    while (asked := channel.asked())["work"] != LAST:
        help_with(asked)


def _end_with_others(channel: Channel, error: BaseException) -> None:
    """Raise the error in one process only; a connection that broke is the trace of another one's failure."""
    if _is_lost_connection(error):
        deadline = time.monotonic() + GRACE_IN_SECONDS
        while time.monotonic() < deadline:
            if channel.has_failed():
                raise EndedWithOthersError(1) from error
            time.sleep(SECONDS_BETWEEN_LOOKS)
        error = RunError(
            f"One of the {channel.size} processes has ended without a word: it was killed (out of memory?), or its machine failed; "
            f"{GO_ON}."
        )
    if not channel.is_first_to_fail():
        raise EndedWithOthersError(1) from error
    raise error


def _is_lost_connection(error: BaseException) -> bool:
    if isinstance(error, distributed.DistNetworkError):  # of the store
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and any(words in text for words in WORDS_OF_LOST_CONNECTIONS)
