"""default_pipeline.star of a RELION project: a finished job is added as RELION itself writes it, under RELION's own lock.

Lines that are there stay byte for byte. 3.1 knows kinds and states by numbers, 4 and 5 by labels.
"""

import contextlib
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gem_plugin.adapters.relion.output_nodes import OutputNode
from gem_plugin.errors import InputError, RunError
from gem_plugin.io.star.write import VERSION_LINE
from gem_plugin.io.whole_files import whole_file

PIPELINE, LOCK_FOLDER, LOCK_FILE = "default_pipeline.star", ".relion_lock", "lock_default_pipeline.star"
CHANGED = ".pipeline_has_changed"  # an empty file by which an open GUI knows that it has to read again
NODES_FOLDER = ".Nodes"  # empty files by which RELION's file browser finds nodes
SECONDS_TO_WAIT, SECONDS_BETWEEN_TRIES = 30.0, 0.5  # RELION itself waits for two minutes
VERSION_LINE_OF_5 = "# version 50001"
COUNTER = re.compile(r"^(_rlnPipeLineJobCounter\s+)(\d+)", re.MULTILINE)
EXTERNAL_TYPE, FINISHED = ("99", "relion.external"), ("2", "Succeeded")  # of 3.1; of 4 and 5
PROCESSES, NODES = "pipeline_processes", "pipeline_nodes"
INPUT_EDGES, OUTPUT_EDGES = "pipeline_input_edges", "pipeline_output_edges"


@dataclass
class PipelineTable:
    """One loop of the file: its columns, its rows as words, and the line after which a new row goes."""

    columns: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    last_line: int = -1

    def column(self, label: str) -> list[str]:
        """The words of a column; none where the file does not have it."""
        if label not in self.columns:
            return []
        return [row[self.columns.index(label)] for row in self.rows]


class PipelineText:
    """The text of a pipeline file, and rows added to it."""

    def __init__(self, text: str) -> None:
        self.lines = text.splitlines()
        self.tables = _tables_of(self.lines)

    @property
    def version(self) -> int:
        """3, 4 or 5; 3 where no job says otherwise, as 4 and 5 read that too."""
        if VERSION_LINE_OF_5 in self.lines:
            return 5
        columns = self.tables.get(PROCESSES, PipelineTable()).columns
        return 4 if "_rlnPipeLineProcessTypeLabel" in columns else 3

    @property
    def counter(self) -> int:
        """The number of the next job."""
        found = COUNTER.search("\n".join(self.lines))
        if found is None:
            raise InputError(
                f"{PIPELINE} has no _rlnPipeLineJobCounter, so RELION would not read it either. Open the project in RELION first."
            )
        return int(found[2])

    def set_counter(self, number: int) -> None:
        self.lines = COUNTER.sub(rf"\g<1>{number}", "\n".join(self.lines), count=1).split("\n")

    def names(self, block: str, label: str) -> list[str]:
        return self.tables.get(block, PipelineTable()).column(label)

    def add_row(self, block: str, values: Mapping[str, str]) -> None:
        """Add a row; of its values those that the file has columns for, or all where the table is new."""
        table = self.tables.get(block)
        if table is None or not table.columns:
            labels = [f"{label} #{number}" for number, label in enumerate(values, start=1)]
            row = " ".join(values.values())
            line = VERSION_LINE_OF_5 if self.version == 5 else VERSION_LINE
            self.lines += ["", line, "", f"data_{block}", "", "loop_", *labels, row, ""]
        else:
            missing = [label for label in table.columns if label not in values]
            if missing:
                raise InputError(
                    f"{PIPELINE} has the column {missing[0]}, which GEM does not know. Import the star file in RELION instead."
                )
            row = " ".join(values[label] for label in table.columns)
            self.lines.insert(table.last_line + 1, row + " ")
        self.tables = _tables_of(self.lines)

    def __str__(self) -> str:
        return "\n".join(self.lines) + "\n"


def read_pipeline(project: Path) -> PipelineText:
    """The pipeline of a project. Raises InputError where it is ccpem-pipeliner's, which keeps its own records."""
    text = (project / PIPELINE).read_bytes().decode("utf-8", "surrogateescape")
    if "CCP-EM Pipeliner" in text:
        raise InputError(
            f"{project / PIPELINE} is kept by ccpem-pipeliner, which lists only jobs that it ran itself. Import the star file there."
        )
    return PipelineText(text)


def add_finished_job(
    project: Path,
    pipeline: PipelineText,
    job: str,  # External/job006/, relative to the project
    alias: str,  # External/open_state/, or None as RELION writes it
    inputs: Sequence[str],  # nodes of the pipeline that the job read
    outputs: Sequence[OutputNode],  # their files are relative to the job
) -> None:
    """Add an External job and its outputs. To be called under the lock, with the pipeline that was read under it."""
    of_version = 0 if pipeline.version == 3 else 1
    suffix = ("", "Label")[of_version]
    process = {
        "_rlnPipeLineProcessName": job,
        "_rlnPipeLineProcessAlias": alias,
        f"_rlnPipeLineProcessType{suffix}": EXTERNAL_TYPE[of_version],
        f"_rlnPipeLineProcessStatus{suffix}": FINISHED[of_version],
    }
    pipeline.add_row(PROCESSES, process)
    for node in outputs:
        kind = str(node.kind.value[{3: 0, 4: 1, 5: 2}[pipeline.version]])
        row = {"_rlnPipeLineNodeName": job + node.file, f"_rlnPipeLineNodeType{suffix}": kind}
        if "_rlnPipeLineNodeTypeLabelDepth" in pipeline.tables.get(NODES, PipelineTable()).columns:
            row["_rlnPipeLineNodeTypeLabelDepth"] = "1"
        pipeline.add_row(NODES, row)
        edge = {"_rlnPipeLineEdgeProcess": job, "_rlnPipeLineEdgeToNode": job + node.file}
        pipeline.add_row(OUTPUT_EDGES, edge)
        shown = project / NODES_FOLDER / kind.split(".")[0] / (job + node.file)
        shown.parent.mkdir(parents=True, exist_ok=True)
        shown.touch()
    for name in inputs:
        pipeline.add_row(INPUT_EDGES, {"_rlnPipeLineEdgeFromNode": name, "_rlnPipeLineEdgeProcess": job})


def write_pipeline_text(project: Path, pipeline: PipelineText) -> None:
    """Replace the file, and let an open GUI know."""
    with whole_file(project / PIPELINE) as temporary:
        temporary.write_bytes(str(pipeline).encode("utf-8", "surrogateescape"))
    (project / CHANGED).touch()


@contextlib.contextmanager
def locked_pipeline(project: Path) -> Iterator[None]:
    """RELION's own lock: the folder that only one program can make. Raises RunError where another keeps it."""
    folder, end = project / LOCK_FOLDER, time.monotonic() + SECONDS_TO_WAIT
    while True:
        try:
            folder.mkdir()
            break
        except FileExistsError:
            if time.monotonic() > end:
                raise RunError(
                    f"{folder} is there for more than {SECONDS_TO_WAIT:.0f} seconds: RELION is writing its job list, or a RELION that "
                    "crashed left it. Try again; where no RELION runs, remove that folder first."
                ) from None
            time.sleep(SECONDS_BETWEEN_TRIES)
    try:
        (folder / LOCK_FILE).write_text("lock file of GEM\n", encoding="utf-8")
        yield
    finally:
        (folder / LOCK_FILE).unlink(missing_ok=True)
        folder.rmdir()


def _tables_of(lines: Sequence[str]) -> dict[str, PipelineTable]:
    """Every loop by the name of its block."""
    tables: dict[str, PipelineTable] = {}
    table: PipelineTable | None = None
    block = ""
    for number, line in enumerate(lines):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if words[0].startswith("data_"):
            block, table = words[0].removeprefix("data_"), None
        elif words[0] == "loop_":
            table = tables[block] = PipelineTable(last_line=number)
        elif table is not None and words[0].startswith("_"):
            table.columns.append(words[0])
            table.last_line = number
        elif table is not None and len(words) == len(table.columns):
            table.rows.append(words)
            table.last_line = number
    return tables
