"""RELION_OUTPUT_NODES.star: how a finished External job tells RELION what it made. Written before SUCCESS.

RELION 3.1 reads only the integer type, 4 and 5 only the label, and the labels of 4 and 5 differ; see docs of the pipeliner.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from gem_plugin.io.whole_files import write_text_whole

NODES_FILE = "RELION_OUTPUT_NODES.star"
HEADER = """
# version 30001

data_output_nodes

loop_
_rlnPipeLineNodeName #1
_rlnPipeLineNodeType #2
_rlnPipeLineNodeTypeLabel #3
"""


class NodeKind(Enum):
    """What a file is to RELION: integer of 3.1, label of 4, label of 5 and ccpem-pipeliner."""

    PARTICLES = (3, "ParticlesData.star.relion", "ParticleGroupMetadata.star.relion")
    MAP = (6, "DensityMap.mrc", "DensityMap.mrc")
    MASK = (7, "Mask3D.mrc", "Mask3D.mrc")
    HALF_MAP = (10, "DensityMap.mrc.halfmap", "DensityMap.mrc.halfmap")
    LOCAL_RESOLUTION = (12, "Image3D.mrc.localresmap", "Image3D.mrc.localresmap")
    PDF_LOG = (13, "LogFile.pdf.relion", "LogFile.pdf.relion")
    OPTIMISATION_SET = (
        0,
        "TomoOptimisationSet.star.relion",
        "TomoOptimisationSet.star.relion",
    )  # none in 3.1


@dataclass(frozen=True)
class OutputNode:
    """One file of a job folder that RELION can use in other jobs."""

    file: str  # relative to the job folder
    kind: NodeKind


def write_output_nodes(job_folder: Path, nodes: Sequence[OutputNode], project: Path | None = None) -> None:
    """Write the node list of a job; files that do not exist are left out, RELION would keep them as broken nodes.

    project: default: the working folder, as in every job that RELION starts.
    """
    version = relion_version(job_folder)
    is_version_4 = version == 4
    if version == 3:
        nodes = [node for node in nodes if node.kind is not NodeKind.OPTIMISATION_SET]
    prefix = project_path(job_folder, project)
    rows = [
        f"{prefix}/{node.file} {node.kind.value[0]} {node.kind.value[1 if is_version_4 else 2]}"
        for node in nodes
        if (job_folder / node.file).is_file()
    ]
    write_text_whole(job_folder / NODES_FILE, HEADER + "\n".join(rows) + "\n\n")


def relion_version(job_folder: Path) -> int:
    """3, 4 or 5, by the job.star that the pipeliner has just written there; 5 without one (and for ccpem-pipeliner)."""
    try:
        text = (job_folder / "job.star").read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return 5
    if "CCP-EM Pipeliner" in text or "# version 50001" in text:
        return 5
    return 4 if "_rlnJobTypeLabel" in text else 3


def project_path(job_folder: Path, project: Path | None = None) -> str:
    """The job folder as RELION writes it: relative to the project, which is the working folder of every job."""
    try:
        return job_folder.absolute().relative_to((project or Path.cwd()).absolute()).as_posix()
    except ValueError:  # outside the project: started by hand
        return job_folder.as_posix()
