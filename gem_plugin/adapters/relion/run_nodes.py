"""Which files of a finished run RELION should see as outputs of the job."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from gem_plugin.adapters.relion.output_nodes import NodeKind, OutputNode
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.reconstruct_files import CONTROL_NAME, ReconstructFiles

STAR = ".star"


def nodes_of_run(run: RunFiles) -> list[OutputNode]:
    """Particles, maps and the PDF that this job made itself; links to an earlier job's files are left out.

    The particles of a landscape carry their state as class number, for RELION's own Select job.
    Of each state the map in the particles' own box and pixel size, which RELION can refine against.
    """
    all_states = run.landscape.all_states()
    found = [
        (run.particles(STAR), NodeKind.PARTICLES),
        (run.refined_particles(STAR), NodeKind.PARTICLES),
        (run.consensus_map, NodeKind.MAP),  # what the training started from, to be looked at
        *((path, NodeKind.PARTICLES) for path in run.landscape.all_classes(STAR)),
        *((path, NodeKind.PARTICLES) for states in all_states for path in states.all_particles(STAR)),
        *((path, NodeKind.MAP) for states in all_states for path in states.references()),
        *_reconstructed(run.reconstruct),
        (run.pdf_log, NodeKind.PDF_LOG),
    ]
    found = [node for path, kind in found for node in _with_optimisation_set(path, kind)]
    own_files = [(path, kind) for path, kind in found if path.is_file() and not path.is_symlink()]
    return [OutputNode(path.relative_to(run.root).as_posix(), kind) for path, kind in own_files]


def _with_optimisation_set(path: Path, kind: NodeKind) -> Iterator[tuple[Path, NodeKind]]:
    """Particles of tilt series are written with the set that names their tomograms."""
    from gem_plugin.particles.tilt_series.subset import set_beside  # loads torch

    yield path, kind
    if kind is NodeKind.PARTICLES:
        yield set_beside(path), NodeKind.OPTIMISATION_SET


def _reconstructed(files: ReconstructFiles) -> Iterator[tuple[Path, NodeKind]]:
    """Maps of the particles themselves; like RELION's own jobs only the first half-map, PostProcess finds the other."""
    for name in files.names_with_half_maps():
        if name == CONTROL_NAME:
            continue
        yield files.final_map(name), NodeKind.MAP
        yield files.half_map(name, 1), NodeKind.HALF_MAP
        yield files.mask(name), NodeKind.MASK
        yield files.local_resolution(name), NodeKind.LOCAL_RESOLUTION


def with_telling_names(run: RunFiles, nodes: Sequence[OutputNode]) -> list[OutputNode]:
    """The same nodes, those of a bare name through a link in the job folder that says what they are.

    Where the disk has no links, or something else has the name, the node keeps its own.
    """
    return [OutputNode(_telling_name(run, node.file), node.kind) for node in nodes]


def _telling_name(run: RunFiles, file: str) -> str:
    """RELION's lists show the last part of a path only, and equal ones as one."""
    telling_names = {
        run.consensus_map: "consensus_map.mrc",
        run.landscape.particles(STAR): "particles_with_states.star",
        run.landscape.full.particles(STAR): "particles_with_full_states.star",
    }
    name = telling_names.get(run.root / file)
    if name is None:
        return file
    link = run.root / name
    if link.is_symlink() and os.readlink(link) == file:
        return name
    try:
        link.symlink_to(file)
    except OSError:
        return file
    return name
