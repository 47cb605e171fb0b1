"""Images read ahead in one thread and worked on in others, with the results in their order.

Reading and the transforms of torch let go of Python's lock, so disk and processors are busy at once.
"""

import contextlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import torch

MAXIMUM_THREADS = 8  # that work on images: more would wait for the disk, and hold more images in memory
PIECES_AHEAD = 2  # that are read beyond those that are worked on

Piece = TypeVar("Piece")
Content = TypeVar("Content")
Result = TypeVar("Result")


@contextlib.contextmanager
def results_in_order(
    pieces: Sequence[Piece],
    read: Callable[[Piece], Content],  # called by one thread, in the order of the pieces
    work: Callable[[Piece, Content], Result],  # called by several threads, each with one thread of torch
) -> Iterator[Iterator[Result]]:
    """Give work(piece, read(piece)) of every piece; an error in either is raised where its result would come.

    As many threads work as torch may use. All of them have ended when the block is left.
    """
    n_threads = torch.get_num_threads()
    n_workers = min(n_threads, MAXIMUM_THREADS)
    reader = ThreadPoolExecutor(1)
    workers = ThreadPoolExecutor(n_workers, initializer=torch.set_num_threads, initargs=(1,))
    try:
        yield _results(pieces, read, work, reader, workers, n_workers + PIECES_AHEAD)
    finally:
        reader.shutdown(cancel_futures=True)  # first: workers wait for it
        workers.shutdown(cancel_futures=True)
        torch.set_num_threads(n_threads)


def _results(
    pieces: Sequence[Piece],
    read: Callable[[Piece], Content],
    work: Callable[[Piece, Content], Result],
    reader: ThreadPoolExecutor,
    workers: ThreadPoolExecutor,
    n_ahead: int,
) -> Iterator[Result]:
    def work_when_read(piece: Piece, content: Future[Content]) -> Result:
        return work(piece, content.result())

    waiting: deque[Future[Result]] = deque()
    for piece in pieces:
        waiting.append(workers.submit(work_when_read, piece, reader.submit(read, piece)))
        if len(waiting) > n_ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
