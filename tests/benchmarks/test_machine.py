"""The machine is named by its class, never by its own name."""

import platform

from truth.machine import machine_class


def test_processors_and_no_host_name() -> None:
    said = machine_class()
    assert said.split()[0].isdigit()
    assert "processors, " in said
    assert platform.node() not in said.split()
