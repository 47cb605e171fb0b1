"""Kinds and keywords of the outputs."""

from pathlib import Path

import pytest

pytest.importorskip("pipeliner.nodes")

from adapters.pipeliner.made_jobs import finished_job

from gem_plugin.adapters.pipeliner.nodes import KINDS, finished_nodes
from gem_plugin.adapters.relion.output_nodes import NodeKind


def test_every_kind_of_output_is_known() -> None:
    assert set(KINDS) == set(NodeKind)


def test_kinds_of_a_finished_job(tmp_path: Path) -> None:
    particles = ("ParticleGroupMetadata", ["relion", "gem"])
    assert {
        file: (kind, keywords) for file, kind, keywords in finished_nodes(finished_job(tmp_path, 1).root)
    } == {
        "particles.star": particles,
        "landscape/particles.star": particles,
        "landscape/states/state_001.star": particles,
        "consensus/map.mrc": ("DensityMap", ["gem", "consensus"]),
        "landscape/states/state_001_reference.mrc": ("DensityMap", ["gem", "state"]),
        "logfile.pdf": ("LogFile", ["gem"]),
    }
