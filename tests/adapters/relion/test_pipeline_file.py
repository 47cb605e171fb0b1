"""A finished job in default_pipeline.star: rows are added in the words of each version of RELION, all else stays."""

from pathlib import Path

import pytest

from gem_plugin.adapters.relion import pipeline_file
from gem_plugin.adapters.relion.output_nodes import NodeKind, OutputNode
from gem_plugin.adapters.relion.pipeline_file import (
    PipelineText,
    add_finished_job,
    locked_pipeline,
    read_pipeline,
    write_pipeline_text,
)
from gem_plugin.errors import InputError, RunError

LINE = {3: "# version 30001", 4: "# version 30001", 5: "# version 50001"}
KINDS = {
    3: ("_rlnPipeLineProcessType #3\n_rlnPipeLineProcessStatus #4", "Import/job001/ None 0 2"),
    4: (
        "_rlnPipeLineProcessTypeLabel #3\n_rlnPipeLineProcessStatusLabel #4",
        "Import/job001/ None relion.import.other Succeeded",
    ),
}
NODE_COLUMNS = {
    3: "_rlnPipeLineNodeType #2",
    4: "_rlnPipeLineNodeTypeLabel #2",
    5: "_rlnPipeLineNodeTypeLabel #2\n_rlnPipeLineNodeTypeLabelDepth #3",
}
NODE_ROWS = {
    3: "Import/job001/p.star 3",
    4: "Import/job001/p.star ParticlesData.star.relion",
    5: "Import/job001/p.star ParticleGroupMetadata.star.relion 1",
}
ADDED = {
    3: ("External/job002/ None 99 2", "External/job002/particles.star 3"),
    4: (
        "External/job002/ None relion.external Succeeded",
        "External/job002/particles.star ParticlesData.star.relion",
    ),
    5: (
        "External/job002/ None relion.external Succeeded",
        "External/job002/particles.star ParticleGroupMetadata.star.relion 1",
    ),
}
FOLDER_OF_KIND = {3: "3", 4: "ParticlesData", 5: "ParticleGroupMetadata"}
NODES = [OutputNode("particles.star", NodeKind.PARTICLES)]


def text_of(version: int) -> str:
    line = LINE[version]
    columns, row = KINDS[min(version, 4)]
    return f"""
{line}

data_pipeline_general

_rlnPipeLineJobCounter                       2


{line}

data_pipeline_processes

loop_
_rlnPipeLineProcessName #1
_rlnPipeLineProcessAlias #2
{columns}
{row}


{line}

data_pipeline_nodes

loop_
_rlnPipeLineNodeName #1
{NODE_COLUMNS[version]}
{NODE_ROWS[version]}


{line}

data_pipeline_output_edges

loop_
_rlnPipeLineEdgeProcess #1
_rlnPipeLineEdgeToNode #2
Import/job001/ Import/job001/p.star

"""


@pytest.mark.parametrize("version", [3, 4, 5])
def test_a_job_is_added_in_the_words_of_its_version_and_nothing_else_changes(
    version: int, tmp_path: Path
) -> None:
    before = text_of(version)
    (tmp_path / "default_pipeline.star").write_text(before)
    pipeline = read_pipeline(tmp_path)
    assert (pipeline.version, pipeline.counter) == (version, 2)
    add_finished_job(tmp_path, pipeline, "External/job002/", "None", ["Import/job001/p.star"], NODES)
    pipeline.set_counter(3)
    write_pipeline_text(tmp_path, pipeline)
    after = (tmp_path / "default_pipeline.star").read_text()
    again = PipelineText(after)
    process, node = ADDED[version]
    assert " ".join(again.tables["pipeline_processes"].rows[1]) == process
    assert " ".join(again.tables["pipeline_nodes"].rows[1]) == node
    assert again.tables["pipeline_output_edges"].rows[1][1] == "External/job002/particles.star"
    assert again.tables["pipeline_input_edges"].rows == [["Import/job001/p.star", "External/job002/"]]
    assert again.counter == 3
    kept = [line for line in before.splitlines() if "JobCounter" not in line and line]
    lines = iter(after.splitlines())
    assert all(line in lines for line in kept), "every line is there, in its order"
    kind = FOLDER_OF_KIND[version]
    assert (tmp_path / ".Nodes" / kind / "External/job002/particles.star").is_file()
    assert (tmp_path / ".pipeline_has_changed").is_file()


def test_a_new_project_gets_its_first_tables(tmp_path: Path) -> None:
    (tmp_path / "default_pipeline.star").write_text(
        "# version 30001\n\ndata_pipeline_general\n\n_rlnPipeLineJobCounter   1\n\n"
    )
    pipeline = read_pipeline(tmp_path)
    add_finished_job(tmp_path, pipeline, "External/job001/", "None", [], NODES)
    assert pipeline.tables["pipeline_processes"].rows == [["External/job001/", "None", "99", "2"]]
    assert pipeline.tables["pipeline_nodes"].rows == [["External/job001/particles.star", "3"]]
    assert "pipeline_input_edges" not in pipeline.tables, "RELION reads no table without rows"


def test_other_records_and_unknown_columns_are_refused(tmp_path: Path) -> None:
    (tmp_path / "default_pipeline.star").write_text(
        "# CCP-EM Pipeliner vers-1.6.1\n\ndata_pipeline_general\n"
    )
    with pytest.raises(InputError, match="is kept by ccpem-pipeliner"):
        read_pipeline(tmp_path)
    with pytest.raises(InputError, match="has no _rlnPipeLineJobCounter"):
        PipelineText("data_pipeline_general\n").counter  # noqa: B018
    strange = PipelineText(
        text_of(3).replace("ProcessStatus #4", "ProcessStatus #4\n_rlnNew #5").replace("0 2", "0 2 x")
    )
    with pytest.raises(InputError, match="has the column _rlnNew, which GEM does not know"):
        add_finished_job(tmp_path, strange, "External/job002/", "None", [], NODES)


def test_a_lock_that_stays_is_named_and_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline_file, "SECONDS_TO_WAIT", 0.0)
    with locked_pipeline(tmp_path):
        assert (tmp_path / ".relion_lock" / "lock_default_pipeline.star").is_file()
        with (
            pytest.raises(RunError, match="where no RELION runs, remove that folder"),
            locked_pipeline(tmp_path),
        ):
            raise AssertionError("the lock was taken twice")
    assert not (tmp_path / ".relion_lock").exists()
