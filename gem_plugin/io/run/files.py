"""The one table of the files of a run. Steps talk to each other through these files and nothing else."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class RunFiles:
    """Paths inside one run folder (in RELION: the job's own folder)."""

    root: Path

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
    def cryosparc_place(
        self,
    ) -> Path:  # JSON: project, workspace and jobs that hold the particles; external jobs only
        return self.root / "cryosparc.json"

    @property
    def lock(self) -> Path:  # held by the process that works in this folder
        return self.root / ".gem.lock"

    # prepare
    @property
    def prepared_images(self) -> Path:  # (n, box, box) float32, Fourier-cropped, normalised, positive density
        return self.root / "prepared" / "particles.mrcs"

    @property
    def prepared_table(self) -> Path:  # ParticleTable at the working pixel size, plus noise_spectrum
        return self.root / "prepared" / "table.npz"

    # consensus
    @property
    def consensus_gaussians(self) -> Path:
        return self.root / "consensus" / "gaussians.ply"

    @property
    def consensus_map(self) -> Path:
        return self.root / "consensus" / "map.mrc"

    # train, embed
    @property
    def checkpoint(self) -> Path:  # newest whole state: model, optimiser, epoch, random state
        return self.root / "train" / "checkpoint.pt"

    @property
    def history(self) -> Path:  # one row an epoch
        return self.root / "train" / "history.csv"

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
    def particles_star(self) -> Path:  # the input rows with _gemLatentN columns
        return self.root / "particles.star"

    # analyze, landscape
    @property
    def analyze(self) -> Path:
        return self.root / "analyze"

    @property
    def landscape(self) -> Path:
        return self.root / "landscape"

    @property
    def figures(self) -> Path:
        return self.root / "figures"

    # report
    @property
    def chimerax(self) -> Path:  # scripts, arrows and atoms to be opened in ChimeraX
        return self.root / "chimerax"

    @property
    def motion(self) -> Path:  # npz: the fields of GaussianMotion, one row a Gaussian
        return self.root / "motion.npz"

    # explore
    @property
    def explore(self) -> Path:  # selections, maps, movies and sessions that the explorer saved
        return self.root / "explore"
