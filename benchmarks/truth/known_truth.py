"""What is true of a made set: the atoms of every state, and the state, pose and kind of every image."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from gem_plugin.gaussians.cloud import GaussianCloud
from gem_plugin.gaussians.volume import render_volumes
from gem_plugin.imaging.fourier import fourier_crop_volume

TRUTH_FILE = "truth.npz"
ATOM_WIDTH_IN_ANGSTROMS = 1.5  # of the sets of make_dataset.py, which do not write it
SUPERSAMPLING = 2
MOLECULE, NOISE_ALONE, WRONG_POSE = 0, 1, 2  # kinds of images


@dataclass(frozen=True)
class KnownTruth:
    """k states of one molecule of a atoms (or points), and n images of them."""

    which: np.ndarray  # (n,) int64: state of each image
    positions_in_angstroms: np.ndarray  # (k, a, 3) float32, ordered xyz, relative to the rotation centre
    amplitudes: np.ndarray  # (k, a) float32; 0 where an atom is absent
    widths_in_angstroms: np.ndarray  # (a,) float32, standard deviation of the density of each atom
    kinds: (
        np.ndarray
    )  # (n,) int64: 0 the molecule, 1 noise alone, 2 the molecule in another pose than the written one
    rotation_matrices: np.ndarray  # (n, 3, 3): a point v lands on (A v)[:2]
    shifts_in_angstroms: np.ndarray  # (n, 2), ordered xy; RELION's origin
    pixel_size_in_angstroms: float
    box_size: int  # pixels

    def __len__(self) -> int:
        return len(self.which)

    @property
    def n_states(self) -> int:
        return len(self.positions_in_angstroms)

    @property
    def is_molecule(self) -> np.ndarray:  # (n,) bool
        return self.kinds == MOLECULE

    def members(self, state: int) -> np.ndarray:  # (m,) int64
        """Rows of the images that show the molecule in this state."""
        return np.flatnonzero((self.which == state) & self.is_molecule)

    def true_map(self, state: int) -> np.ndarray:  # (box, box, box) float32, ordered zyx
        """The density of one state on the grid of the images: rendered on voxels of half the size, then Fourier-cropped."""
        cloud = GaussianCloud(
            torch.from_numpy(self.positions_in_angstroms[state]),
            torch.from_numpy(self.amplitudes[state]),
            torch.from_numpy(self.widths_in_angstroms),
        )
        fine_pixel = self.pixel_size_in_angstroms / SUPERSAMPLING
        fine = render_volumes(cloud, SUPERSAMPLING * self.box_size, fine_pixel)[0]
        return fourier_crop_volume(fine, self.box_size).numpy().astype(np.float32) * SUPERSAMPLING**3


def read_truth(folder: Path) -> KnownTruth:
    """Read truth.npz of a set, of make_dataset.py or of this bench."""
    with np.load(folder / TRUTH_FILE, allow_pickle=False) as arrays:
        values = {name: arrays[name] for name in arrays.files}
    n_atoms = values["xyz"].shape[1]
    width = values.get("atom_width", np.float32(ATOM_WIDTH_IN_ANGSTROMS))
    inverse = Rotation.from_euler("ZYZ", values["angles"], degrees=True).as_matrix()
    return KnownTruth(
        which=values["which"].astype(np.int64),
        positions_in_angstroms=values["xyz"].astype(np.float32),
        amplitudes=values["weight"].astype(np.float32),
        widths_in_angstroms=np.broadcast_to(width, n_atoms).astype(np.float32),
        kinds=values["kind"].astype(np.int64),
        rotation_matrices=inverse.transpose(0, 2, 1),
        shifts_in_angstroms=values["origins"],
        pixel_size_in_angstroms=float(values["apix"]),
        box_size=int(values["box"]),
    )
