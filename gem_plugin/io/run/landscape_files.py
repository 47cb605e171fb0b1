"""The table of the files of a landscape folder. Numbers in names count from 1 and have three digits or more."""

from dataclasses import dataclass
from pathlib import Path

from gem_plugin.io.run.names import component_folder, component_folders, map_file
from gem_plugin.io.run.position_files import PositionFiles
from gem_plugin.io.run.state_files import StateFiles
from gem_plugin.io.run.subunit_files import SubunitFiles


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
    def sketch_labels(
        self,
    ) -> Path:  # (n,) int64: position (from 0) of the sketch map of every particle, -1 = none
        return self.root / "sketch" / "labels.npy"

    @property
    def sketch_record(self) -> Path:  # JSON: number of the first map in file names
        return self.root / "sketch" / "sketch.json"

    def sketch_volume(self, number: int) -> Path:  # only with --keep-volumes
        return map_file(self.root / "sketch", number)

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

    def component_folder(self, number: int) -> Path:  # maps along a volume component
        return component_folder(self.root / "volume_pcs", number)

    def component_folders(self) -> dict[int, Path]:
        return component_folders(self.root / "volume_pcs")

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
    def populations(self) -> Path:  # csv: fraction of the particles in each state, with its interval
        return self.root / "populations.csv"

    @property
    def continuum(self) -> Path:  # csv: length and resolution of every continuum
        return self.root / "continuum.csv"

    @property
    def samples(self) -> Path:  # npz: names, and numbers (n,) of the sample of each particle; with --compare
        return self.root / "samples.npz"

    @property
    def sample_populations(self) -> Path:  # csv: fraction of each state in each sample, with its interval
        return self.root / "sample_populations.csv"

    @property
    def sample_comparison(self) -> Path:  # csv: difference of each state between two samples, with p-values
        return self.root / "sample_comparison.csv"

    @property
    def sample_energies(self) -> Path:  # npz: the fields of SampleEnergies
        return self.root / "sample_energies.npz"

    @property
    def states(self) -> StateFiles:
        return StateFiles(self.root / "states")

    @property
    def subunits(self) -> SubunitFiles:  # of particles with several views
        return SubunitFiles(self.root)

    @property
    def positions(self) -> PositionFiles:  # of particles in tomograms
        return PositionFiles(self.root)

    @property
    def regions(self) -> Path:  # npz: occupancy (k, r), motion_in_angstroms (k, r) of the sketch maps
        return self.root / "regions.npz"

    def particles(self, suffix: str) -> Path:  # all particles with _rlnClassNumber = state: ".star"
        return self.root / f"particles{suffix}"

    # plots and pictures of points
    @property
    def umap(self) -> Path:  # (n, 2) float32
        return self.root / "umap.npy"

    def all_states(self) -> tuple[StateFiles, ...]:
        """The folders of all sets of states."""
        return (self.states, self.full.states, self.full.leiden)

    def all_classes(self, suffix: str) -> tuple[Path, ...]:
        """All particles with class numbers, of landscape and of landscape-full."""
        return (self.particles(suffix), self.full.particles(suffix))

    @property
    def full(self) -> "FullLandscapeFiles":  # of landscape-full
        return FullLandscapeFiles(self.root / "full")

    @property
    def figures(self) -> Path:  # of a landscape in a folder of its own
        return self.root / "figures"


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

    @property
    def states(self) -> StateFiles:  # agglomerative
        return StateFiles(self.root / "states")

    @property
    def leiden(self) -> StateFiles:
        return StateFiles(self.root / "leiden")

    @property
    def state_table(self) -> Path:
        return self.root / "states.csv"

    @property
    def subunits(self) -> SubunitFiles:  # of particles with several views
        return SubunitFiles(self.root)

    @property
    def leiden_subunits(self) -> SubunitFiles:  # the same by Leiden communities
        return SubunitFiles(self.leiden.root)

    @property
    def positions(self) -> PositionFiles:  # of particles in tomograms
        return PositionFiles(self.root)

    @property
    def leiden_positions(self) -> PositionFiles:  # the same by Leiden communities
        return PositionFiles(self.leiden.root)

    def energy(self, first: int, second: int) -> Path:  # npz: the fields of FreeEnergy
        return self.root / f"free_energy_{first}_{second}.npz"

    def energies(self) -> list[Path]:
        return sorted(self.root.glob("free_energy_*_*.npz"))

    def energy_curve(self, number: int) -> Path:  # csv: coordinate, energy, error
        return self.root / f"free_energy_{number}.csv"

    def energy_curves(self) -> list[Path]:
        return sorted(self.root.glob("free_energy_*.csv"))

    @property
    def populations(self) -> Path:  # csv: fraction of the particles in each state, with its interval
        return self.root / "populations.csv"

    @property
    def leiden_populations(self) -> Path:  # the same of Leiden communities
        return self.root / "populations_leiden.csv"

    @property
    def path(self) -> Path:  # the maps along the minimum-energy path, and their latents
        return self.root / "path"

    @property
    def path_points(
        self,
    ) -> Path:  # csv: coordinates, energy, error, distance and particle row of every point
        return self.path / "points.csv"

    @property
    def path_rows(self) -> Path:  # text: rows of the particles along the path, counted from 0
        return self.path / "rows.txt"

    @property
    def test_errors(self) -> Path:  # text: error of every learned component on held-out maps
        return self.root / "test_error.txt"

    @property
    def sampled_rows(self) -> Path:  # text: rows of the particles whose maps were learned from
        return self.root / "sampled_rows.txt"

    @property
    def sampled_coordinates(self) -> Path:  # (m, c) float32: their coordinates
        return self.root / "volume_pca_sampled.npy"

    @property
    def figures(self) -> Path:  # of a landscape in a folder of its own
        return self.root / "figures"

    def particles(self, suffix: str) -> Path:  # the same with the states of landscape-full
        return self.root / f"particles{suffix}"

    @property
    def notebook(self) -> Path:
        return self.root / "gem_landscape.ipynb"
