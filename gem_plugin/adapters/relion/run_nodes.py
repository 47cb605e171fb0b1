"""Which files of a finished run RELION should see as outputs of the job."""

from collections.abc import Iterator
from pathlib import Path

from gem_plugin.adapters.relion.output_nodes import NodeKind, OutputNode
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.reconstruct_files import CONTROL_NAME, ReconstructFiles


def nodes_of_run(run: RunFiles) -> list[OutputNode]:
    """Particles, maps and the PDF that this job made itself; links to an earlier job's files are left out.

    The particles of a landscape carry their state as class number, for RELION's own Select job.
    Of each state the map in the particles' own box and pixel size, which RELION can refine against.
    """
    found = [
        (run.particles_star, NodeKind.PARTICLES),
        (run.consensus_map, NodeKind.MAP),  # what the training started from, to be looked at
        *((path, NodeKind.PARTICLES) for path in sorted(run.landscape.rglob("particles.star"))),
        *((path, NodeKind.PARTICLES) for path in sorted(run.landscape.rglob("state_*.star"))),
        *((path, NodeKind.MAP) for path in sorted(run.landscape.rglob("state_*_reference.mrc"))),
        *_reconstructed(ReconstructFiles(run.root / "reconstruct")),
        (run.pdf_log, NodeKind.PDF_LOG),
    ]
    own_files = [(path, kind) for path, kind in found if path.is_file() and not path.is_symlink()]
    return [OutputNode(path.relative_to(run.root).as_posix(), kind) for path, kind in own_files]


def _reconstructed(files: ReconstructFiles) -> Iterator[tuple[Path, NodeKind]]:
    """Maps of the particles themselves; like RELION's own jobs only the first half-map, PostProcess finds the other."""
    for first_half in sorted(files.root.glob("*_half1.mrc")):
        name = first_half.name.removesuffix("_half1.mrc")
        if name == CONTROL_NAME:
            continue
        yield files.final_map(name), NodeKind.MAP
        yield first_half, NodeKind.HALF_MAP
        yield files.mask(name), NodeKind.MASK
        yield files.local_resolution(name), NodeKind.LOCAL_RESOLUTION
