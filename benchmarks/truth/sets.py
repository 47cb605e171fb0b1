"""The sets of the bench by name, and how each is made; a set is made once and kept in the work folder."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from gem_plugin.io.whole_files import whole_file
from truth.images import Imaging, make_images
from truth.molecules import MOLECULES
from truth.pieces import make_in_pieces

CONDITIONS: dict[str, dict[str, float | bool]] = {  # what real images have
    "": {},
    "pose": {"pose_noise": 3, "shift_noise": 2},
    "junk": {"junk": 0.1},
    "contrast": {"contrast": 0.2},
}
CONDITIONS["wild"] = {
    **CONDITIONS["pose"],
    **CONDITIONS["junk"],
    **CONDITIONS["contrast"],
    "defocus_noise": 200,
    "no_bfactor_column": True,
    "coloured": 8,
    "neighbours": 0.1,
}
N_PARTICLES, N_PARTICLES_QUICK = 12_000, 3_000
MAKER, ATOMS = Path("tools") / "make_dataset.py", Path("data") / "1hzh.pdb"


class CannotMakeError(Exception):
    """A set that cannot be made here, with the reason."""


@dataclass(frozen=True)
class MadeSet:
    """One set: a molecule and the conditions of its images."""

    name: str
    molecule: str  # igg1d or static, which make_dataset.py makes; else one of truth.molecules
    condition: str = ""
    n_particles: int = N_PARTICLES
    box_size: int = 64
    pixel_size_in_angstroms: float = 6.0
    largest_shift_in_angstroms: float = 10.0
    extra: dict[str, float | bool] = field(default_factory=dict)

    @property
    def conditions(self) -> dict[str, float | bool]:
        return {**CONDITIONS[self.condition], **self.extra}


OF_MAKE_DATASET = ("igg1d", "static")


def _all_sets() -> Iterator[MadeSet]:
    yield MadeSet("clean", "igg1d")
    yield from (MadeSet(name, "igg1d", name) for name in CONDITIONS if name)
    for molecule in ("static", *MOLECULES):
        for condition in CONDITIONS:
            yield MadeSet("_".join(filter(None, (molecule, condition))), molecule, condition)
    for number in (20_000, 100_000):
        yield MadeSet(f"igg1d_128_{number}", "igg1d", "", number, 128, 3.0, 30.0)


SETS = {made.name: made for made in _all_sets()}
USUAL_SETS = ("clean", "pose", "junk", "contrast", "wild", "static", "static_wild", *MOLECULES)


def set_folder(work: Path, made: MadeSet, n_particles: int, seed: int) -> Path:
    """Where a set lies: its name, with number and seed where they are not the usual ones."""
    parts = [made.name]
    parts += [str(n_particles)] if n_particles != made.n_particles else []
    parts += [f"seed{seed}"] if seed else []
    return work / "_".join(parts)


def ensure_set(
    work: Path,
    shared: Path,
    made: MadeSet,
    n_particles: int,
    seed: int,
    n_pieces: int = 1,  # of a set of make_dataset.py, made side by side; the particles are others then
) -> Path:
    """The folder of a set, made if it is not there. Raises CannotMakeError with the reason where it cannot be made."""
    folder = set_folder(work, made, n_particles, seed)
    if (folder / "made.txt").is_file():
        return folder
    if made.molecule in OF_MAKE_DATASET or MOLECULES[made.molecule].needs_atoms:
        for path in (shared / MAKER, shared / ATOMS):
            if not path.is_file():
                raise CannotMakeError(f"{path} is not there; give the folder that holds it with --shared")
    shutil.rmtree(folder, ignore_errors=True)  # of a making that was interrupted
    folder.mkdir(parents=True)
    print(f"making {folder}", flush=True)
    if made.molecule in OF_MAKE_DATASET:
        said = _with_make_dataset(folder, shared, made, n_particles, seed, n_pieces)
    else:
        said = _with_own_code(folder, shared, made, n_particles, seed)
    with whole_file(
        folder / "made.txt"
    ) as temporary:  # the last file, so that a set is whole when it is there
        temporary.write_text(said, encoding="utf-8")
    return folder


def options_of_make_dataset(made: MadeSet, n_particles: int, seed: int) -> list[str]:
    """The command-line options of a set."""
    options = ["--motion", made.molecule, "-n", str(n_particles), "--seed", str(seed)]
    options += ["--box", str(made.box_size), "--apix", str(made.pixel_size_in_angstroms)]
    options += ["--shift", str(made.largest_shift_in_angstroms)]
    for name, value in made.conditions.items():
        flag = "--" + name.replace("_", "-")
        options += [flag] if value is True else [flag, str(value)]
    return options


def _with_make_dataset(
    folder: Path, shared: Path, made: MadeSet, n_particles: int, seed: int, n_pieces: int
) -> str:
    def command_of(target: Path, size: int, of_piece: int) -> list[str]:
        words = [sys.executable, shared / MAKER, shared / ATOMS, target]
        return [str(word) for word in words] + options_of_make_dataset(made, size, of_piece)

    try:
        if n_pieces > 1:
            make_in_pieces(folder, command_of, n_particles, n_pieces, seed)
            return f"{n_particles} particles in {n_pieces} pieces\n"
        command = command_of(folder, n_particles, seed)
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout
    except subprocess.CalledProcessError as error:
        said = error.stderr if isinstance(error.stderr, str) else error.stderr.decode()
        raise CannotMakeError(f"make_dataset.py ended with {said.strip().splitlines()[-1:]}") from error


def _with_own_code(folder: Path, shared: Path, made: MadeSet, n_particles: int, seed: int) -> str:
    molecule = MOLECULES[made.molecule].make(shared / ATOMS)
    conditions = dict(made.conditions)
    has_column = not conditions.pop("no_bfactor_column", False)
    imaging = Imaging(
        n_particles=n_particles,
        box_size=made.box_size,
        pixel_size_in_angstroms=made.pixel_size_in_angstroms,
        largest_shift_in_angstroms=made.largest_shift_in_angstroms,
        seed=seed,
        has_bfactor_column=has_column,
        **conditions,
    )
    resolution = make_images(folder, molecule, imaging)
    return f"{molecule.description}; {n_particles} particles, consensus at {resolution:.1f} A\n"
