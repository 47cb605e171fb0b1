"""Outputs of a job that RELION still lists after Continue made fewer: they are taken out of default_pipeline.star.

RELION only ever adds the nodes of RELION_OUTPUT_NODES.star to those it knows. What is taken out here are nodes of this
job whose file is gone and that no other job uses; the file is changed under RELION's own lock, line by line.
"""

from collections.abc import Iterator
from pathlib import Path

from gem_plugin.adapters.relion.output_nodes import project_path
from gem_plugin.adapters.relion.pipeline_file import (
    INPUT_EDGES,
    NODES,
    NODES_FOLDER,
    OUTPUT_EDGES,
    PIPELINE,
    locked_pipeline,
)
from gem_plugin.io.whole_files import whole_file

NAME_COLUMNS = {  # block -> the column with the name of the node
    NODES: "_rlnPipeLineNodeName",
    INPUT_EDGES: "_rlnPipeLineEdgeFromNode",
    OUTPUT_EDGES: "_rlnPipeLineEdgeToNode",
}


def forget_missing_nodes(job_folder: Path) -> list[str]:
    """Take the outputs of this job that are no more out of the project's pipeline; gives their names."""
    pipeline = Path.cwd() / PIPELINE
    if not pipeline.is_file() or "CCP-EM Pipeliner" in _text_of(job_folder / "job.star"):
        return []  # not started by RELION; ccpem-pipeliner keeps its own records
    prefix = project_path(job_folder) + "/"
    if not _missing(_text_of(pipeline), prefix):
        return []
    with locked_pipeline(pipeline.parent):
        text = _text_of(pipeline)
        missing = _missing(text, prefix)
        with whole_file(pipeline) as temporary:
            temporary.write_bytes(_without(text, missing).encode("utf-8", "surrogateescape"))
    for name in missing:
        for path in (pipeline.parent / NODES_FOLDER).glob(f"**/{name}"):
            path.unlink()
    return missing


def _missing(text: str, prefix: str) -> list[str]:
    """Nodes of the job without a file that no job takes as input."""
    names: dict[str, list[str]] = {block: [] for block in NAME_COLUMNS}
    for block, name, _ in _rows(text):
        names[block].append(name)
    own = [name for name in names[NODES] if name.startswith(prefix)]
    gone = [name for name in own if not (Path.cwd() / name).exists() and name not in names[INPUT_EDGES]]
    is_left = {block: set(names[block]) - set(gone) for block in (NODES, OUTPUT_EDGES)}
    return gone if all(is_left.values()) else []  # RELION reads no table without rows


def _without(text: str, missing: list[str]) -> str:
    left_out = {number for _, name, number in _rows(text) if name in missing}
    lines = text.splitlines(keepends=True)
    return "".join(line for number, line in enumerate(lines) if number not in left_out)


def _rows(text: str) -> Iterator[tuple[str, str, int]]:
    """Block, name of the node and number of the line, of every row of the tables with nodes."""
    block, column, labels = "", None, 0
    for number, line in enumerate(text.splitlines()):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if words[0].startswith("data_"):
            block, column, labels = words[0].removeprefix("data_"), None, 0
        elif words[0].startswith("_"):
            column = labels if words[0] == NAME_COLUMNS.get(block) else column
            labels += 1
        elif column is not None and len(words) == labels:
            yield block, words[column], number


def _text_of(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "surrogateescape") if path.is_file() else ""
