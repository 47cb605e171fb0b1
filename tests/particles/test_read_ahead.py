"""Results come in the order of the pieces, errors where their result would come, and no thread stays."""

import threading
import time
from collections.abc import Iterator

import pytest
import torch

from gem_plugin.particles.read_ahead import results_in_order


@pytest.fixture(params=[1, 3])
def n_threads(request: pytest.FixtureRequest) -> Iterator[int]:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def read(piece: int) -> int:
    return 10 * piece


def work(piece: int, content: int) -> tuple[int, int, int]:
    time.sleep(0.01 * (piece % 3 == 0))  # so that later ones are ready first
    return piece, content, torch.get_num_threads()


def test_results_come_in_order_and_each_worker_has_one_thread_of_torch(n_threads: int) -> None:
    with results_in_order(range(20), read, work) as results:
        found = list(results)
    assert found == [(piece, 10 * piece, 1) for piece in range(20)]
    assert torch.get_num_threads() == n_threads


@pytest.mark.parametrize("part", ["read", "work"])
def test_error_is_raised_where_its_result_would_come(part: str, n_threads: int) -> None:
    def failing(piece: int, *content: int) -> int:
        if piece == 7:
            raise OSError("disk gone")
        return piece

    parts = {"read": read, "work": work, part: failing}
    found: list[object] = []

    before = threading.active_count()

    def collect() -> None:
        with results_in_order(range(20), parts["read"], parts["work"]) as results:
            found.extend(results)

    with pytest.raises(OSError, match="disk gone"):
        collect()
    assert len(found) == 7
    assert threading.active_count() <= before


def test_only_a_few_pieces_are_read_ahead_and_no_thread_stays_when_the_rest_is_not_wanted(
    n_threads: int,
) -> None:
    pieces_read: list[int] = []
    before = threading.active_count()

    def note_and_read(piece: int) -> int:
        pieces_read.append(piece)
        return piece

    with results_in_order(range(1000), note_and_read, work) as results:
        assert next(results)[0] == 0
    assert len(pieces_read) <= n_threads + 4
    assert threading.active_count() <= before
    assert torch.get_num_threads() == n_threads
