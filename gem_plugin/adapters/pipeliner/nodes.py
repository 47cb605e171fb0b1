"""Which kind of node each result is to the pipeliner, and the keywords by which other jobs find it."""

from pathlib import Path

from pipeliner.nodes import (
    NODE_DENSITYMAP,
    NODE_IMAGE3D,
    NODE_LOGFILE,
    NODE_MASK3D,
    NODE_PARTICLEGROUPMETADATA,
    NODE_TOMOOPTIMISATIONSET,
)

from gem_plugin.adapters.relion.output_nodes import NodeKind, OutputNode
from gem_plugin.adapters.relion.run_nodes import nodes_of_run
from gem_plugin.io.run.files import RunFiles

KINDS = {
    NodeKind.PARTICLES: (NODE_PARTICLEGROUPMETADATA, ("relion", "gem")),
    NodeKind.MAP: (NODE_DENSITYMAP, ("gem",)),
    NodeKind.MASK: (NODE_MASK3D, ("gem",)),
    NodeKind.HALF_MAP: (NODE_DENSITYMAP, ("halfmap", "gem")),
    NodeKind.LOCAL_RESOLUTION: (NODE_IMAGE3D, ("localresmap", "gem")),
    NodeKind.PDF_LOG: (NODE_LOGFILE, ("gem",)),
    NodeKind.OPTIMISATION_SET: (NODE_TOMOOPTIMISATIONSET, ("relion", "gem")),
}
PARTICLES_NODE, LOG_NODE = KINDS[NodeKind.PARTICLES], KINDS[NodeKind.PDF_LOG]


def finished_nodes(job_folder: Path) -> list[tuple[str, str, list[str]]]:
    """(file relative to the job, type, keywords) of everything that a finished job made itself."""
    return [
        (node.file, KINDS[node.kind][0], [*KINDS[node.kind][1], *_origin_of_map(node)])
        for node in nodes_of_run(RunFiles(job_folder))
    ]


def _origin_of_map(node: OutputNode) -> list[str]:
    """consensus, state or reconstructed, by the folder, where the file is a whole map."""
    if node.kind is not NodeKind.MAP:
        return []
    folder = node.file.split("/")[0]
    return [{"consensus": "consensus", "landscape": "state", "reconstruct": "reconstructed"}[folder]]
