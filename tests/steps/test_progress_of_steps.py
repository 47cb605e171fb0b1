"""Every long piece of work of every step reports its time left; what comes in one piece reports the time so far."""

import io
import re
from pathlib import Path

import gemmi
import numpy as np
import pytest

from gem_plugin import progress as progress_module
from gem_plugin.explorer.opened_run import OpenedRun
from gem_plugin.heterogeneity.settings import TrainSettings
from gem_plugin.io.gaussian_files import read_gaussians
from gem_plugin.io.mrc.maps import write_map
from gem_plugin.io.run.files import RunFiles
from gem_plugin.pipeline.run_steps import run_step
from gem_plugin.pipeline.step_table import STEPS
from gem_plugin.progress import Progress
from gem_plugin.results.references import write_state_references
from gem_plugin.steps.analyze.settings import AnalyzeSettings
from gem_plugin.steps.consensus.settings import ConsensusSettings
from gem_plugin.steps.diagnose.settings import DiagnoseSettings
from gem_plugin.steps.doctor.settings import DoctorSettings
from gem_plugin.steps.doctor.step import run_doctor
from gem_plugin.steps.eval_vol.settings import EvalVolSettings
from gem_plugin.steps.flex.settings import FlexSettings
from gem_plugin.steps.landscape.settings import LandscapeSettings
from gem_plugin.steps.landscape_full.settings import LandscapeFullSettings
from gem_plugin.steps.prepare.settings import PrepareSettings
from gem_plugin.steps.reconstruct.settings import ReconstructSettings
from gem_plugin.steps.report.settings import ReportSettings
from gem_plugin.steps.select.settings import SelectSettings
from gem_plugin.steps.simulate.settings import SimulateSettings
from gem_plugin.steps.simulate.step import run_simulate
from gem_plugin.steps.write_star.settings import WriteStarSettings

WITH_TIME_LEFT = {  # loops, whose lines show 3/10 [so far<left
    "simulate": ("strength of the signal", "simulating"),
    "prepare": ("headers of the stacks", "Inspecting some images", "Preparing images"),
    "consensus": ("positions of the Gaussians", "Grey scale", "Consensus fit"),
    "train": (
        "Reading images",
        "Reading anchor scores",
        "Epoch 1 of 2",
        "Epoch 2 of 2",
        "Held-out particles",
        "Embedding particles",
        "Refining latents",
        "compared maps",
    ),
    "analyze": ("k-means rounds", "k-means maps", "component 1", "UMAP epochs", "figures of the latents"),
    "eval-vol": ("maps",),
    "landscape": (
        "k-means rounds",
        "sketch maps",
        "masked maps",
        "inner products of maps",
        "components of maps",
        "maps along the components",
        "trees of random subsets",
        "numbers of states",
        "state maps",
        "particles of the states",
        "regions of the maps",
        "figures of the landscape",
        "maps as cryoDRGN names them",
    ),
    "landscape-full": (
        "exact coordinates",
        "regions",
        "nearest neighbours",
        "maps of states",
        "maps of leiden",
        "particles of the states",
        "UMAP epochs",
        "figures of all particles",
        "bootstrap samples",
        "maps along the path",
    ),
    "landscape-full regress": ("decoded maps", "learning the coordinates", "learned coordinates"),
    "reconstruct": ("state_001", "random subset", "local resolution", "half-map check of the states"),
    "reconstruct points": ("100 particles", "point_001"),
    "reconstruct deformed": ("motion of the parts", "part 1 of 2", "without motion"),
    "diagnose": ("latents against poses and CTF", "images"),
    "flex": ("conformation of the model", "bonds between residues"),
    "report": (
        "morphs for ChimeraX",
        "motion of the Gaussians",
        "colours for ChimeraX",
        "Gaussians for ChimeraX",
        "figures of the report",
        "chapters of the report",
    ),
    "references": ("references of the states",),
    "explore": ("sketch maps",),
}
IN_ONE_PIECE = {  # whose time so far is told, and how long they took
    "simulate": ("consensus and files",),
    "prepare": ("reading particles.star", "stacks of the images"),
    "consensus": ("Gaussians from the map", "map of the Gaussians"),
    "train": ("Epoch 1 of 2", "particles with their latents", "agreement of the latents"),
    "analyze": ("k-means of 160 latents", "UMAP of 160 latents"),
    "landscape": (
        "sketch of 160 latents",
        "mask of the landscape",
        "volume components",
        "states of the sketch maps",
        "differences of the states",
    ),
    "landscape-full": (
        "states of 160 particles",
        "Leiden communities of 160 particles",
        "UMAP of the coordinates of 160 particles",
        "class numbers in particles.star",
        "free energy",
        "minimum-energy path",
    ),
    "reconstruct": ("state_001: half-maps", "all: maps and curves"),
    "reconstruct points": ("cross-validation", "point_001: maps and curves"),
    "reconstruct deformed": ("parts that move together", "part 1 of 2: half-maps"),
    "diagnose": ("agreement of the latents", "states and masks"),
    "flex": ("reading model.pdb", "states: atoms"),
    "select": ("conditions", "writing particles.star"),
    "write-star": ("writing particles.star",),
    "report": ("motion and scripts for ChimeraX", "figures and report"),
    "doctor": ("self-test",),
}
WITHOUT_LONG_WORK = ("export-ply", "write-cs")  # one small file; write-cs is write-star for other particles
SMALL_MODEL = {"batch_size": 16, "anchors": 24, "encoder_width": 32, "encoder_box": 16, "n_basis": 6}


class Said:
    """Does steps and keeps what each said."""

    def __init__(self, root: Path) -> None:
        self.run, self.data, self.texts = RunFiles(root / "run"), root / "data", dict[str, str]()

    def progress_of(self, name: str) -> Progress:
        self._log = io.StringIO()
        self._name = name
        return Progress(self._log, seconds_between_lines=0)

    def keep(self) -> None:
        self.texts[self._name] = self.texts.get(self._name, "") + self._log.getvalue()

    def step(self, name: str, settings: object, variant: str = "") -> None:
        title = f"{name} {variant}".strip()
        run_step(STEPS[name], self.run, settings, self.progress_of(title))
        self.keep()


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The whole way, on a set that takes seconds."""
    said = Said(tmp_path_factory.mktemp("progress"))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(progress_module, "MINIMUM_SECONDS_WORTH_A_LINE", 0.0)
        do_everything(said)
    return said.texts


def do_everything(said: Said) -> None:
    run, data = said.run, said.data
    simulation = SimulateSettings(out=data, n_particles=160, box=24, pixel_size=11.0, snr=0.2)
    run_simulate(simulation, said.progress_of("simulate"))
    said.keep()
    consensus, particles = data / "consensus.mrc", data / "particles.star"
    said.step("prepare", PrepareSettings(particles=particles, map=consensus))
    said.step("consensus", ConsensusSettings(map=consensus, n_gaussians=60, fit_images=320))
    said.step("train", TrainSettings(epochs=2, halves=True, refine_latents=True, **SMALL_MODEL))
    said.step("analyze", AnalyzeSettings(ksample=5, pc=1, trajectory_points=3))
    (data / "rows.txt").write_text("0\n5\n")
    said.step("eval-vol", EvalVolSettings(particles=data / "rows.txt"))
    half = np.zeros((24, 24, 24), np.float32)
    half[:, :, :12] = 1
    write_map(data / "half.mrc", half, 11.0)
    region = (f"half={data / 'half.mrc'}",)
    said.step("landscape", LandscapeSettings(sketch_size=40, n_states="auto", region=region, focus=False))
    said.step(
        "landscape",
        LandscapeSettings(sketch_size=40, n_states=2, region=region, focus=False, cryodrgn_layout=True),
    )
    said.step("landscape-full", LandscapeFullSettings(n_states=3, region=region, maps_per_state=3))
    few = {"coordinates": "regress", "training_volumes": 120, "epochs": 5, "dim": 8, "layers": 1}
    regress = LandscapeFullSettings(**few, skip_umap=True, leiden=False, maps_per_state=0, path_points=0)
    said.step("landscape-full", regress, "regress")
    said.step("reconstruct", ReconstructSettings(local_resolution=True, local_window=150))
    said.step("diagnose", DiagnoseSettings(other_run=run.root))
    said.step("reconstruct", ReconstructSettings(particles=data / "rows.txt"), "points")
    said.step("reconstruct", ReconstructSettings(deformed=True, parts=2), "deformed")
    write_model(data / "model.pdb", read_gaussians(run.consensus_gaussians).positions_in_angstroms)
    said.step("flex", FlexSettings(model=data / "model.pdb", origin="centre"))
    said.step("select", SelectSettings(states=(1,)))
    said.step("write-star", WriteStarSettings())
    said.step("report", ReportSettings())
    write_state_references(run, said.progress_of("references"))
    said.keep()
    OpenedRun(run).warm_up(said.progress_of("explore").track)
    said.keep()
    run_doctor(DoctorSettings(folder=data), said.progress_of("doctor"))
    said.keep()


def write_model(path: Path, places: np.ndarray) -> None:
    """A chain of bonded single atoms, beginning at the first Gaussian."""
    chain = gemmi.Chain("A")
    for number in range(1, 9):
        place = places[0] + [1.3 * number, 0, 0]
        residue, atom = gemmi.Residue(), gemmi.Atom()
        residue.name, residue.seqid = "ALA", gemmi.SeqId(str(number))
        atom.name, atom.element, atom.pos = "CA", gemmi.Element("C"), gemmi.Position(*place.tolist())
        residue.add_atom(atom)
        chain.add_residue(residue)
    structure, model = gemmi.Structure(), gemmi.Model(1)
    model.add_chain(chain)
    structure.add_model(model)
    structure.write_pdb(str(path))


@pytest.mark.parametrize(
    ("step", "piece"), [(step, piece) for step, pieces in WITH_TIME_LEFT.items() for piece in pieces]
)
def test_a_loop_tells_how_much_is_done_and_the_time_left(said: dict[str, str], step: str, piece: str) -> None:
    line = rf"^{re.escape(piece)}: +\d+% \d+/\d+ \[\d\d:\d\d<\d\d:\d\d, "
    assert re.search(line, said[step], re.MULTILINE), said[step]


@pytest.mark.parametrize(
    ("step", "piece"), [(step, piece) for step, pieces in IN_ONE_PIECE.items() for piece in pieces]
)
def test_work_in_one_piece_tells_how_long_it_took(said: dict[str, str], step: str, piece: str) -> None:
    assert re.search(rf"^{re.escape(piece)}: \d+\.\d s$", said[step], re.MULTILINE), said[step]


def test_no_step_is_without_progress() -> None:
    told = {name.split()[0] for name in (*WITH_TIME_LEFT, *IN_ONE_PIECE, *WITHOUT_LONG_WORK)}
    assert set(STEPS) <= told


def test_a_log_holds_no_bars(said: dict[str, str]) -> None:
    assert "\r" not in "".join(said.values())
