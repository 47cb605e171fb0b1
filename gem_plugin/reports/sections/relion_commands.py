"""Commands of RELION 3.1 and later that continue from the states of a run. They are run in the project folder."""

import contextlib
import math
import os
import shlex
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.imaging.bright_level import DISPLAY_PERCENTILE
from gem_plugin.io.mrc.maps import read_map
from gem_plugin.io.project_folder import find_stacks, project_above
from gem_plugin.io.run.landscape_files import LandscapeFiles
from gem_plugin.io.run.names import state_name
from gem_plugin.particles.prepared import ParticleOrigin
from gem_plugin.particles.table import ParticleTable
from gem_plugin.reports.sections.map_pictures import furthest_content, projections_of_map
from gem_plugin.results.run import Run

COARSEST_REFERENCE_IN_ANGSTROMS = 20  # of the low-pass filter: coarser where the working pixels are
LOW_PASS_PIXELS = 3  # of the working box, where that is coarser
ROOM_AROUND_THE_MOLECULE = 1.15  # of its diameter
MAXIMUM_FRACTION_OF_BOX = 0.95
DIAMETER_STEP_IN_ANGSTROMS = 10
MASK_FRACTION = 0.15  # of the bright level of a map: what the mask holds before it grows


@dataclass(frozen=True)
class RelionState:
    """A state as RELION needs it."""

    name: str  # state_001
    particles: Path  # absolute
    mean_map: Path  # absolute, in the working box
    reference: (
        Path | None
    )  # absolute, in the box of the particles: there for RELION jobs, or where the boxes are equal
    project_folder: Path
    box_size: int  # of the particles
    pixel_size_in_angstroms: float  # of the particles
    working_pixel_size_in_angstroms: float
    diameter_in_angstroms: int
    mask_level: float  # of the decoded map
    has_half_sets: bool

    @property
    def low_pass_in_angstroms(self) -> int:
        coarsest = math.ceil(LOW_PASS_PIXELS * self.working_pixel_size_in_angstroms)
        return max(COARSEST_REFERENCE_IN_ANGSTROMS, coarsest)

    @classmethod
    def of(cls, run: Run, number: int) -> "RelionState":
        """What the run knows about one of its states."""
        data, origin = run.particles, run.origin
        files = LandscapeFiles(run.files.landscape.root.absolute())
        mean_map = files.states.mean(number)
        reference: Path | None = files.states.reference(number)
        if reference is not None and not reference.is_file():
            reference = mean_map if data.box_size == origin.original_box_size else None
        return cls(
            state_name(number),
            files.states.particles(number, ".star"),
            mean_map,
            reference,
            project_folder_of(data, origin),
            origin.original_box_size,
            origin.original_pixel_size_in_angstroms,
            data.pixel_size_in_angstroms,
            particle_diameter_in_angstroms(run.state_maps[number]),
            MASK_FRACTION * float(np.percentile(read_map(mean_map).volume, DISPLAY_PERCENTILE)),
            {1, 2} == set(data.half_sets[run.states().rows(number)].tolist()),
        )

    def path(self, path: Path) -> str:
        """As short as it can be: seen from the project where it lies in it."""
        is_inside = path.is_relative_to(self.project_folder)
        return shlex.quote(os.path.relpath(path, self.project_folder) if is_inside else str(path))


def project_folder_of(data: ParticleTable, origin: ParticleOrigin) -> Path:
    """The folder that image names are relative to: where RELION has to be started."""
    if origin.project_folder is not None:
        return origin.project_folder.absolute()
    stack = str(data.stack_names[0])
    with contextlib.suppress(InputError):  # images that were moved away since
        found = find_stacks([stack], origin.particle_file)
        if found.names_start_here and not Path(stack).is_absolute():
            return found.folder.absolute()
    return project_above(origin.particle_file) or origin.particle_file.parent.absolute()


def particle_diameter_in_angstroms(state_map: Path) -> int:
    """Twice the way from the centre to the furthest bright place, with room, and less than the box."""
    grid = read_map(state_map)
    radius = furthest_content([projections_of_map(state_map)]) * grid.pixel_size_in_angstroms
    largest = MAXIMUM_FRACTION_OF_BOX * len(grid.volume) * grid.pixel_size_in_angstroms
    diameter = min(2 * radius * ROOM_AROUND_THE_MOLECULE, largest)
    return max(
        DIAMETER_STEP_IN_ANGSTROMS, int(diameter // DIAMETER_STEP_IN_ANGSTROMS) * DIAMETER_STEP_IN_ANGSTROMS
    )


def reconstruction_commands(state: RelionState) -> list[str]:
    """The map; where half-sets are given the half-maps, a mask of the decoded map, and their resolution."""
    folder = f"gem_{state.name}"
    reconstruct = f"relion_reconstruct --i {state.path(state.particles)} --ctf"
    commands = [_go_to(state), f"mkdir -p {folder}", f"{reconstruct} --o {folder}/map.mrc"]
    if not state.has_half_sets:
        return commands
    halves = [f"{folder}/half{half}_class001_unfil.mrc" for half in (1, 2)]
    commands += [f"{reconstruct} --subset {half} --o {name}" for half, name in zip((1, 2), halves)]
    reference, enlarging = _reference(state)
    pixel_size = f"--angpix {state.pixel_size_in_angstroms:g}"
    return [
        *commands,
        *enlarging,
        f"relion_mask_create --i {reference} --o {folder}/mask.mrc {pixel_size} --lowpass {state.low_pass_in_angstroms} "
        f"--ini_threshold {state.mask_level:.4g} --extend_inimask 3 --width_soft_edge 6",
        f"relion_postprocess --i {halves[0]} --o {folder}/postprocess {pixel_size} --mask {folder}/mask.mrc",
    ]


def refinement_commands(state: RelionState) -> list[str]:
    """3D auto-refine with local searches; where the working box is smaller, the reference is enlarged first."""
    folder = f"gem_{state.name}"
    reference, enlarging = _reference(state)
    refine = (
        f"mpirun -n 3 relion_refine_mpi --o {folder}/run --auto_refine --split_random_halves "
        f"--i {state.path(state.particles)} --ref {reference} --firstiter_cc --ini_high {state.low_pass_in_angstroms} "
        f"--ctf --particle_diameter {state.diameter_in_angstroms} --flatten_solvent --zero_mask --pad 2 "
        "--oversampling 1 --healpix_order 4 --auto_local_healpix_order 4 --offset_range 3 --offset_step 2 "
        "--low_resol_join_halves 40 --sym C1 --norm --scale --pool 30 --dont_combine_weights_via_disc --j 4"
    )
    return [_go_to(state), f"mkdir -p {folder}", *enlarging, refine]


def _reference(state: RelionState) -> tuple[str, list[str]]:
    """The decoded map in the box of the particles, and the command that makes it where it is not there."""
    if state.reference is not None:
        return state.path(state.reference), []
    reference, pixel_size = f"gem_{state.name}/reference.mrc", f"{state.pixel_size_in_angstroms:g}"
    enlarge = (
        f"relion_image_handler --i {state.path(state.mean_map)} --o {reference} "
        f"--angpix {state.working_pixel_size_in_angstroms:.6g} --rescale_angpix {pixel_size} "
        f"--force_header_angpix {pixel_size} --new_box {state.box_size}"
    )
    return reference, [enlarge]


def _go_to(state: RelionState) -> str:
    return f"cd {shlex.quote(str(state.project_folder))}"
