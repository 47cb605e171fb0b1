"""Who does which rows; and in two processes, that every value arrives where it should."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from two_processes import SECONDS, environment_of_processes

from gem_plugin.processes.workers import Workers, rows_together

PROGRAM = """
import numpy as np, torch
from gem_plugin.processes import workers as module
from gem_plugin.processes.joined import joined_workers
from gem_plugin.processes.together import work_together

module.BYTES_AT_A_TIME = 100  # so that parts go in several pieces

def check():
    with joined_workers("cpu") as (workers, device):
        assert (workers.size, device) == (3, "cpu")
        values = np.arange(70, dtype=np.float32).reshape(35, 2)
        for multiple in (1, 8, 64):
            part = workers.own_part(35, multiple)
            together = workers.gathered(values[part], 35, multiple)
            if workers.is_main:
                assert np.array_equal(together, values)
            for dtype in (torch.float16, torch.float32):
                filled = torch.zeros(35, 2, dtype=dtype)
                filled[part] = torch.from_numpy(values[part]).to(dtype)
                workers.fill_from_parts_(filled, multiple)
                assert torch.equal(filled, torch.from_numpy(values).to(dtype))
        for given in (values, np.zeros((0, 4)), np.arange(5), None):
            got = workers.from_first(given if workers.is_main else None)
            assert (got is None) if given is None else (np.array_equal(got, given) and got.dtype == given.dtype)
        total = torch.full((2,), float(workers.rank + 1))
        assert workers.sum(total).tolist() == [6.0, 6.0]
        workers.sum_in_first_(total)
        if workers.is_main:
            assert total.tolist() == [6.0, 6.0]
            print("all values have arrived")

def first():
    from gem_plugin.processes.channel import open_channel
    for _ in range(2):  # a group for each step
        open_channel().ask(work="check")
        check()

work_together(first, lambda asked: check())
"""


@pytest.mark.parametrize("n_rows", [0, 1, 7, 1000])
@pytest.mark.parametrize("multiple", [1, 64])
@pytest.mark.parametrize("size", [1, 3, 4, 11])
def test_the_parts_are_all_rows_once_in_whole_pieces(n_rows: int, multiple: int, size: int) -> None:
    parts = Workers(0, size).parts_of(n_rows, multiple)
    assert len(parts) == size
    assert [row for part in parts for row in range(n_rows)[part]] == list(range(n_rows))
    assert all(part.start % multiple == 0 or part.start == n_rows for part in parts)
    pieces = [-(-(part.stop - part.start) // multiple) for part in parts]
    assert max(pieces) - min(pieces) <= 1
    assert Workers(size - 1, size).own_part(n_rows, multiple) == parts[-1]


def test_alone_all_values_stay_what_they_are() -> None:
    alone, values = Workers(), np.arange(6.0).reshape(3, 2)
    assert alone.gathered(values, 3) is values
    assert alone.from_first(values) is values
    assert rows_together(alone, 3, 2, lambda part: values[part]).tolist() == values.tolist()
    tensor = torch.ones(3)
    alone.fill_from_parts_(tensor)
    alone.sum_in_first_(tensor)
    assert tensor.tolist() == [1, 1, 1]


def test_values_arrive_where_they_should(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=3"]
    done = subprocess.run(
        [*launcher, program], capture_output=True, text=True, env=environment_of_processes(), timeout=SECONDS
    )
    assert done.returncode == 0, done.stderr[:3000]
    assert done.stdout.count("all values have arrived") == 2
