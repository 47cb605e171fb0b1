"""The table of the files of a landscape folder. Numbers in names count from 1 and have three digits or more."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class LandscapeFiles:
    """Paths inside one landscape folder."""

    root: Path

    # sketch
    @property
    def sketch_latents(self) -> Path:  # (k, latent_size) text: latents of the particles that stand for all
        return self.root / "sketch" / "centers.txt"

    @property
    def sketch_rows(self) -> Path:  # (k,) text: their rows, counted from 0
        return self.root / "sketch" / "centers_ind.txt"

    @property
    def sketch_labels(self) -> Path:  # (n,) int64: number of the sketch map of every particle, 0 = none
        return self.root / "sketch" / "labels.npy"

    def sketch_volume(self, number: int) -> Path:  # only with --keep-volumes
        return self.root / "sketch" / f"vol_{number:03d}.mrc"

    @property
    def scan(self) -> Path:  # npz: brightest, bright_levels, mean
        return self.root / "sketch" / "scan.npz"

    @property
    def mean_volume(self) -> Path:
        return self.root / "sketch" / "vol_mean.mrc"

    # mask and volume components
    @property
    def mask(self) -> Path:
        return self.root / "mask.mrc"

    @property
    def volume_pca(self) -> Path:  # npz: mean, components, explained_variance, explained_variance_ratio, ...
        return self.root / "volume_pca.npz"

    @property
    def volume_pca_scores(self) -> Path:  # (k, c) float64
        return self.root / "volume_pca_scores.npy"

    @property
    def distances(self) -> Path:  # (k, k) float64 between masked sketch maps
        return self.root / "sketch" / "distances.npy"

    def component_folder(self, number: int) -> Path:
        return self.root / "volume_pcs" / f"pc{number}"

    # states
    @property
    def state_labels(self) -> Path:  # (k,) int64: state of every sketch map, from 1
        return self.root / "state_labels.npy"

    @property
    def particle_states(self) -> Path:  # (n,) int64: state of every particle, 0 = none
        return self.root / "particle_states.npy"

    @property
    def tree(self) -> Path:  # (k - 1, 4): merges in scipy's linkage format
        return self.root / "tree.npy"

    @property
    def state_choices(self) -> Path:  # csv: how good each number of states is
        return self.root / "state_choices.csv"

    @property
    def state_table(self) -> Path:  # csv: one row a state
        return self.root / "states.csv"

    @property
    def states(self) -> Path:
        return self.root / "states"

    def state_file(self, number: int, what: str) -> Path:  # what: "mean.mrc", "std.mrc", "particles.txt", ...
        return self.states / f"state_{number:03d}_{what}"

    def state_star(self, number: int) -> Path:
        return self.states / f"state_{number:03d}.star"

    @property
    def regions(self) -> Path:  # npz: occupancy (k, r), motion_in_angstroms (k, r) of the sketch maps
        return self.root / "regions.npz"

    @property
    def particles_star(self) -> Path:  # all particles with _rlnClassNumber = state
        return self.root / "particles.star"

    # plots and pictures of points
    @property
    def umap(self) -> Path:  # (n, 2) float32
        return self.root / "umap.npy"


@dataclass(frozen=True)
class FullLandscapeFiles:
    """Paths inside the folder of landscape-full."""

    root: Path

    @property
    def coordinates(self) -> Path:  # (n, c) float32: volume-component coordinates of every particle
        return self.root / "volume_pca_all.npy"

    @property
    def regions(self) -> Path:  # npz: occupancy (n, r), motion_in_angstroms (n, r)
        return self.root / "regions.npz"

    @property
    def umap(self) -> Path:  # (n, 2) float32: UMAP of the coordinates
        return self.root / "umap.npy"

    @property
    def particle_states(self) -> Path:  # (n,) int64 from 1: agglomerative
        return self.root / "particle_states.npy"

    @property
    def leiden_states(self) -> Path:  # (n,) int64 from 1
        return self.root / "leiden_states.npy"

    def states(self, kind: str) -> Path:  # kind: "states" (agglomerative) or "leiden"
        return self.root / kind

    @property
    def state_table(self) -> Path:
        return self.root / "states.csv"

    def energy(self, first: int, second: int) -> Path:  # npz: the fields of FreeEnergy
        return self.root / f"free_energy_{first}_{second}.npz"

    def energy_curve(self, number: int) -> Path:  # csv: coordinate, energy, error
        return self.root / f"free_energy_{number}.csv"

    @property
    def path(
        self,
    ) -> Path:  # folder of the minimum free-energy path: points.csv, rows.txt, z_values.txt, maps
        return self.root / "path"

    @property
    def particles_star(self) -> Path:
        return self.root / "particles.star"

    @property
    def notebook(self) -> Path:
        return self.root / "gem_landscape.ipynb"
