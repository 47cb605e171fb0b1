"""The one table of the files of a run. Steps talk to each other through these files and nothing else."""

from dataclasses import dataclass
from pathlib import Path

from gem_plugin.io.run.analyze_files import AnalyzeFiles
from gem_plugin.io.run.chimerax_files import ChimeraxFiles
from gem_plugin.io.run.explore_files import ExploreFiles
from gem_plugin.io.run.landscape_files import LandscapeFiles
from gem_plugin.io.run.reconstruct_files import ReconstructFiles


@dataclass(frozen=True)
class RunFiles:
    """Paths inside one run folder (in RELION: the job's own folder)."""

    root: Path

    def _folder(self, name: str) -> Path:
        return self.root / name

    # the whole run
    @property
    def settings(self) -> Path:  # everything that shaped the run, versions and seed included
        return self.root / "settings.toml"

    @property
    def log(self) -> Path:
        return self.root / "run.log"

    @property
    def report(self) -> Path:
        return self.root / "report.html"

    @property
    def pdf_log(self) -> Path:
        return self.root / "logfile.pdf"

    @property
    def summary(self) -> Path:  # numbers of every finished step, JSON: {step: {name: number or text}}
        return self.root / "summary.json"

    @property
    def manifest(self) -> Path:  # JSON: command, machine, versions and identity of the inputs of every step
        return self.root / "manifest.json"

    @property
    def warnings(self) -> Path:  # JSON: what the finished steps warned about
        return self.root / "warnings.json"

    @property
    def cryosparc_source(
        self,
    ) -> Path:  # JSON: project, workspace and jobs that hold the particles; external jobs only
        return self.root / "cryosparc.json"

    @property
    def lock(self) -> Path:  # held by the process that works in this folder
        return self.root / ".gem.lock"

    @property
    def tree(
        self,
    ) -> Path:  # where landscape writes kmeansK, vol_pcs, ... under the names of cryoDRGN, if asked
        return self.root

    def as_users_know(self, path: Path) -> Path:
        """A path of a file that a step is making, as it will be when the step has ended."""
        return path

    def where_to_make(self, path: Path) -> Path:
        """The path of a file or folder while a step works."""
        return path

    # prepare
    @property
    def prepared_images(self) -> Path:  # (n, box, box) float32, Fourier-cropped, normalised, positive density
        return self._folder("prepared") / "particles.mrcs"

    @property
    def prepared_table(self) -> Path:  # ParticleTable at the working pixel size, plus noise_spectrum
        return self._folder("prepared") / "table.npz"

    @property
    def prepared_tilt_series(
        self,
    ) -> Path:  # particles and tilt images as read, and their noise; tilt series only
        return self._folder("prepared") / "tilt_series.npz"

    @property
    def prepared_samples(
        self,
    ) -> Path:  # npz: names, and numbers (n,) of the sample of each row; with --samples
        return self._folder("prepared") / "samples.npz"

    def joined_particles(self, suffix: str) -> Path:  # the particle files of --samples as one
        return self.root / "joined" / f"particles{suffix}"

    @property
    def excluded(
        self,
    ) -> Path:  # csv: row, image and reason of particles that are in no training and in no state
        return self.root / "excluded.csv"

    # consensus
    @property
    def consensus_gaussians(self) -> Path:
        return self._folder("consensus") / "gaussians.ply"

    @property
    def consensus_map(self) -> Path:
        return self._folder("consensus") / "map.mrc"

    @property
    def optics_readings(self) -> Path:  # csv: how CryoSPARC's columns of optics were read; not for RELION's
        return self._folder("consensus") / "optics_readings.csv"

    # train, embed
    @property
    def checkpoint(self) -> Path:  # newest whole state: model, optimiser, epoch, random state
        return self._folder("train") / "checkpoint.pt"

    @property
    def history(self) -> Path:  # one row an epoch
        return self._folder("train") / "history.csv"

    @property
    def training_times(self) -> Path:  # JSON: seconds of each phase of the training, over all its starts
        return self._folder("train") / "times.json"

    @property
    def latents(self) -> Path:  # (n, latent_size) float32, row order of the input
        return self.root / "latents.npy"

    @property
    def latents_std(self) -> Path:
        return self.root / "latents_std.npy"

    @property
    def contrasts(
        self,
    ) -> Path:  # (n,) float32: best contrast of each particle against its model image; 1 is usual
        return self.root / "contrasts.npy"

    @property
    def outliers(
        self,
    ) -> Path:  # (n,) float32: probability that a particle is noise, or no molecule where its pose says
        return self.root / "outliers.npy"

    @property
    def refined_poses(self) -> Path:  # npz of io/run/refined_poses.py; absent where poses were right
        return self.root / "refined_poses.npz"

    def particles(self, suffix: str) -> Path:  # the input rows with the latents: ".star" or ".cs"
        return self.root / f"particles{suffix}"

    def refined_particles(self, suffix: str) -> Path:  # the same with the poses refined in training
        return self.root / f"particles_refined{suffix}"

    def half(self, half: int) -> "RunFiles":  # the training on one half-set: 1 or 2
        return RunFiles(self._folder("train") / f"half{half}")

    @property
    def halves(self) -> Path:  # JSON: how well the two trainings agree
        return self._folder("train") / "halves.json"

    # analyze, landscape, reconstruct
    @property
    def analyze(self) -> AnalyzeFiles:
        return AnalyzeFiles(self._folder("analyze"))

    @property
    def landscape(self) -> LandscapeFiles:
        return LandscapeFiles(self._folder("landscape"))

    @property
    def reconstruct(self) -> ReconstructFiles:
        return ReconstructFiles(self._folder("reconstruct"))

    @property
    def figures(self) -> Path:
        return self._folder("figures")

    # report
    @property
    def chimerax(self) -> ChimeraxFiles:  # scripts, arrows and atoms to be opened in ChimeraX
        return ChimeraxFiles(self._folder("chimerax"))

    @property
    def motion(self) -> Path:  # npz: the fields of GaussianMotion, one row a Gaussian
        return self.root / "motion.npz"

    @property
    def diagnostics(self) -> Path:  # JSON: every check with value, threshold, verdict and sentence
        return self.root / "diagnostics.json"

    @property
    def checks(self) -> Path:  # csv: every check of the run, as results/checks.py defines it
        return self.root / "checks.csv"

    @property
    def flex(self) -> Path:  # atomic models moved with the Gaussians
        return self._folder("flex")

    # what eval-vol, select and export-ply write unless told otherwise
    @property
    def volumes(self) -> Path:
        return self._folder("volumes")

    def selected(self, suffix: str) -> Path:
        return self.root / "selected" / f"particles{suffix}"

    @property
    def gaussianem(self) -> Path:
        return self._folder("gaussianem")

    @property
    def particle_rows(self) -> Path:  # text: rows of the particles that GaussianEM was trained on
        return self.root / "particle_rows.txt"

    # explore
    @property
    def explore(self) -> ExploreFiles:  # selections, maps, movies and sessions that the explorer saved
        return ExploreFiles(self.root / "explore")
