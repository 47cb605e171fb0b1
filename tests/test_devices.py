"""Devices that are not there, and processors where the system gives no affinity."""

import os

import pytest
import torch

from gem_plugin.devices import choose_device, set_threads
from gem_plugin.errors import InputError


def test_the_gpu_of_a_mac_is_refused_with_the_reason() -> None:
    with pytest.raises(
        InputError,
        match=r"the GPU of a Mac, which GEM does not use: it has no double precision.*--device cpu",
    ):
        choose_device("mps")


def test_automatic_is_the_cpu_where_there_is_no_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also on a Mac whose GPU torch would use."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert choose_device("auto").type == "cpu"


def test_threads_are_set_where_the_system_gives_no_affinity(monkeypatch: pytest.MonkeyPatch) -> None:
    before = torch.get_num_threads()
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    try:
        assert set_threads(1) == 1
    finally:
        torch.set_num_threads(before)
