"""Atomic models of the pages: read once, then moved with the Gaussians of every molecule that is shown, as flex does."""

import hashlib
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.explorer.molecules import Molecules
from gem_plugin.gaussians.cloud import GaussianCloud
from gem_plugin.io.atoms.models import AtomicModel, model_as_mmcif, read_atomic_model
from gem_plugin.io.run.outliers import particles_in_states
from gem_plugin.landscape.motion.atoms import (
    MAXIMUM_REACH_IN_ANGSTROMS,
    MINIMUM_FRACTION_INSIDE,
    AtomCarrier,
)
from gem_plugin.landscape.motion.chain_closure import ChainCloser
from gem_plugin.landscape.volume_source import VolumeSource
from gem_plugin.steps.flex.reference import Clouds, clouds_of, reference_for

MAXIMUM_MODELS = 4  # of all open pages
MAXIMUM_MEGABYTES = 40
MAXIMUM_ATOMS = 200_000
SUFFIXES = (".pdb", ".ent", ".cif", ".mmcif")
SEED = 0  # as flex has it, so that both find the same reference
ROUNDS_OF_BONDS = 10  # lengths to a hundredth of an Angstrom; flex takes more
CONFORMATIONS_OF_SCALE = 24  # whose displacements say how far the colours reach
PERCENTILE_OF_SCALE = 98
SMALLEST_SCALE_IN_ANGSTROMS = 1.0


class Frame(NamedTuple):
    """How positions from the first voxel, as the page has them, become those of the Gaussians, and back."""

    centre_in_angstroms: float  # of the box, from its first voxel
    scale: float  # Angstrom of the Gaussians over Angstrom of the page
    last_voxel_in_angstroms: float | None  # where maps are mirrored along z, else None

    def to_gaussians(self, atoms: np.ndarray) -> np.ndarray:  # (a, 3) -> (a, 3)
        return self._mirrored(atoms * self.scale) - self.centre_in_angstroms

    def to_page(self, positions: np.ndarray) -> np.ndarray:  # (a, 3) -> (a, 3)
        return self._mirrored(positions + self.centre_in_angstroms) / self.scale

    def _mirrored(self, points: np.ndarray) -> np.ndarray:
        if self.last_voxel_in_angstroms is None:
            return points
        return np.stack([points[:, 0], points[:, 1], self.last_voxel_in_angstroms - points[:, 2]], axis=1)


def frame_of(source: VolumeSource) -> Frame:
    """The frame of the maps that a source decodes."""
    pixel_size = source.cloud_pixel_size_in_angstroms or source.pixel_size_in_angstroms
    last = (source.box_size - 1) * pixel_size if source.is_flipped else None
    return Frame(source.box_size // 2 * pixel_size, pixel_size / source.pixel_size_in_angstroms, last)


class MovedAtoms(NamedTuple):
    """The model in one conformation."""

    positions_in_angstroms: np.ndarray  # (atoms, 3) float32 xyz, from the first voxel
    displacement_in_angstroms: np.ndarray  # (atoms,) float32: of the residue of each atom


class LoadedModel:
    """One model, ready to be moved."""

    def __init__(self, model: AtomicModel, name: str, source: VolumeSource, rows: np.ndarray) -> None:
        """rows: of particles that count. Raises InputError where the model is not in the density."""
        self.model, self.name, self.frame = model, name, frame_of(source)
        generator = np.random.default_rng(SEED)
        some = clouds_of(source, source.latents[rows[:: max(1, len(rows) // CONFORMATIONS_OF_SCALE)]])
        self.atoms, self.is_centred = self._placed(some)
        placed = self.frame.to_gaussians(self.atoms)
        positions, amplitudes = reference_for(placed, source, generator, rows=rows)
        self.carrier = AtomCarrier(placed, model.residue_of_atom, positions[0], amplitudes[0])
        starts, ends = placed[model.bonds.T]
        lengths = np.linalg.norm(ends - starts, axis=1)
        self.closer = ChainCloser(model.residue_of_atom, model.bonds, lengths, ROUNDS_OF_BONDS)
        largest = [self.carrier.carry(*cloud)[1] for cloud in zip(*some, strict=True)]
        scale = float(np.percentile(largest, PERCENTILE_OF_SCALE)) / self.frame.scale
        self.scale_in_angstroms = max(scale, SMALLEST_SCALE_IN_ANGSTROMS)

    def move(self, cloud: GaussianCloud) -> MovedAtoms:
        """The atoms where the Gaussians of one conformation carry them."""
        positions = cloud.positions.reshape(-1, 3).cpu().numpy()
        amplitudes = np.broadcast_to(cloud.amplitudes.reshape(-1).cpu().numpy(), (len(positions),))
        atoms, displacement, _ = self.carrier.carry(positions, amplitudes)
        placed = self.frame.to_page(self.closer.close(atoms))
        of_atom = (displacement / self.frame.scale)[self.model.residue_of_atom]
        return MovedAtoms(placed.astype(np.float32), of_atom.astype(np.float32))

    def text(self) -> str:
        """The model as the page draws it first: mmCIF, positions from the first voxel."""
        return model_as_mmcif(self.model, self.atoms)

    def order(self) -> list[float]:  # 3 sums
        """Others for atoms in another order: the page compares what its viewer read. surface_atoms.js has the same."""
        return (np.sin(np.arange(len(self.atoms)))[:, None] * self.atoms).sum(0).tolist()

    def _placed(self, clouds: Clouds) -> tuple[np.ndarray, bool]:
        """Positions from the first voxel, and whether the file has them from the centre of the box."""
        given = self.model.positions_in_angstroms
        centred = given + self.frame.centre_in_angstroms / self.frame.scale
        inside = [self._fraction_inside(atoms, clouds) for atoms in (given, centred)]
        if max(inside) < MINIMUM_FRACTION_INSIDE:
            raise InputError(
                f"{self.name} does not lie in the map of this run: {max(inside):.0%} of its atoms are within "
                f"{MAXIMUM_REACH_IN_ANGSTROMS:.0f} Å of the density, with the origin at the first voxel or at the centre of the "
                "box. Fit it into the map of the run (ChimeraX: fitmap), save it relative to that map, and load it again."
            )
        is_centred = inside[1] > inside[0]
        return (centred if is_centred else given), is_centred

    def _fraction_inside(self, atoms: np.ndarray, clouds: Clouds) -> float:
        from scipy.spatial import cKDTree

        points = clouds[0].reshape(-1, 3)
        distances, _ = cKDTree(points).query(
            self.frame.to_gaussians(atoms), distance_upper_bound=MAXIMUM_REACH_IN_ANGSTROMS
        )
        return float(np.isfinite(distances).mean())


class AtomModels:
    """The models that pages have loaded, by a number that their content gives; the latest few are kept."""

    def __init__(self) -> None:
        self._models: OrderedDict[str, tuple[LoadedModel, bytes]] = OrderedDict()
        self._lock = threading.Lock()

    def load(
        self, name: str, content: bytes, open_molecules: Callable[[], Molecules]
    ) -> tuple[str, LoadedModel]:
        """Read a model and find the conformation that it shows, which takes seconds. Raises InputError."""
        suffix = check_file(name, content)
        key = hashlib.sha256(content + suffix.encode()).hexdigest()[:16]
        if found := self.get(key):
            return key, found
        molecules = open_molecules()
        source = molecules.source
        if source.clouds_at is None:
            raise InputError(
                "The model of this run has no Gaussians, so there is no motion to apply to atoms."
            )
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"model{suffix}"
            path.write_bytes(content)
            try:
                model = read_atomic_model(path, with_water=False)
            except InputError as error:
                raise InputError(str(error).replace(str(path), name)) from error
        if len(model.positions_in_angstroms) > MAXIMUM_ATOMS:
            raise InputError(
                f"{name} has {len(model.positions_in_angstroms):,} atoms; the page moves at most {MAXIMUM_ATOMS:,}. Load a part of "
                "it, or run `gem-em flex`, which takes any number."
            )
        if not np.isfinite(model.positions_in_angstroms).all():
            raise InputError(
                f"{name} has atoms whose position is not a number. Repair the file, and load it again."
            )
        rows = np.flatnonzero(particles_in_states(molecules.run, source.n_particles))
        loaded = LoadedModel(model, name, _decoding_in_turn(molecules), rows)
        with self._lock:
            self._models[key] = loaded, content
            while len(self._models) > MAXIMUM_MODELS:
                self._models.popitem(last=False)
        return key, loaded

    def get(self, key: str) -> LoadedModel | None:
        """The model of that number, where it is still kept."""
        with self._lock:
            if key not in self._models:
                return None
            self._models.move_to_end(key)
            return self._models[key][0]

    def clear(self) -> None:
        """The run is another one now: pages send their models again."""
        with self._lock:
            self._models.clear()

    def file(self, key: str) -> tuple[str, bytes]:
        """Name and content of the file, for a step that reads it."""
        with self._lock:
            if key not in self._models:
                raise InputError("The atomic model is no longer kept by the explorer. Load it again.")
            model, content = self._models[key]
            return model.name, content


def check_file(name: str, content: bytes) -> str:
    """The suffix of a file that may be an atomic model; its name ends in no folder."""
    suffix = "." + name.rpartition(".")[2].lower()
    if suffix not in SUFFIXES:
        raise InputError(
            f"{name[:80]} is not taken; expected an atomic model that ends in {', '.join(SUFFIXES)}."
        )
    if len(content) > MAXIMUM_MEGABYTES * 1_000_000:
        raise InputError(
            f"{name[:80]} has {len(content) / 1e6:.0f} MB; expected at most {MAXIMUM_MEGABYTES} MB. Load a part of the model."
        )
    return suffix


def _decoding_in_turn(molecules: Molecules) -> VolumeSource:
    """The source of the molecules, whose kernels are not made for several threads at once."""
    clouds_at = molecules.source.clouds_at
    assert clouds_at is not None

    def decoded(latents: np.ndarray) -> GaussianCloud:
        with molecules.lock:
            return clouds_at(latents)

    return replace(molecules.source, clouds_at=decoded)
