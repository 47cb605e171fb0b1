"""Nodes of an earlier start without a file leave RELION's pipeline; nothing else in it changes."""

from pathlib import Path

import pytest

from gem_plugin.adapters.relion import pipeline_file
from gem_plugin.adapters.relion.earlier_nodes import forget_missing_nodes
from gem_plugin.errors import RunError

PIPELINE = """
# version 30001

data_pipeline_general

_rlnPipeLineJobCounter                       3


# version 30001

data_pipeline_nodes

loop_
_rlnPipeLineNodeName #1
_rlnPipeLineNodeType #2
run_data.star            3
External/job002/state_1.star            3
External/job002/state_2.star            3
External/job002/state_3.star            3
External/job0021/state_9.star            3


# version 30001

data_pipeline_input_edges

loop_
_rlnPipeLineEdgeFromNode #1
_rlnPipeLineEdgeProcess #2
run_data.star External/job002/
External/job002/state_3.star Refine3D/job003/


# version 30001

data_pipeline_output_edges

loop_
_rlnPipeLineEdgeProcess #1
_rlnPipeLineEdgeToNode #2
External/job002/ External/job002/state_1.star
External/job002/ External/job002/state_2.star
External/job002/ External/job002/state_3.star
"""


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pipeline_file, "SECONDS_TO_WAIT", 0.0)
    (tmp_path / "default_pipeline.star").write_text(PIPELINE)
    job = Path("External/job002")
    job.mkdir(parents=True)
    (job / "state_1.star").touch()
    return job


def test_only_nodes_of_the_job_that_are_gone_and_unused_are_taken_out(job: Path):
    assert forget_missing_nodes(job) == ["External/job002/state_2.star"]
    lines = [line for line in PIPELINE.splitlines() if "state_2" not in line]
    assert Path("default_pipeline.star").read_text().splitlines() == lines
    assert not Path(".relion_lock").exists()
    assert forget_missing_nodes(job) == []


def test_pipeline_that_another_program_holds_stays_as_it_is(job: Path):
    Path(".relion_lock").mkdir()
    with pytest.raises(RunError, match="remove that folder first"):
        forget_missing_nodes(job)
    assert Path("default_pipeline.star").read_text() == PIPELINE
    assert Path(".relion_lock").is_dir()


def test_outside_of_a_project_and_under_ccpem_pipeliner_nothing_is_done(job: Path):
    (job / "job.star").write_text("# CCP-EM Pipeliner\n")
    assert forget_missing_nodes(job) == []
    (job / "job.star").unlink()
    Path("default_pipeline.star").unlink()
    assert forget_missing_nodes(job) == []
