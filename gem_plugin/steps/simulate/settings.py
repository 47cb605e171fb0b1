"""Settings of simulate."""

from dataclasses import dataclass
from pathlib import Path

from gem_plugin.settings import setting


@dataclass(frozen=True)
class SimulateSettings:
    """What to make. Without --atoms or --trajectory the molecule is the built-in phantom."""

    out: Path = setting(Path("simulated"), "Folder to write into.")
    atoms: Path | None = setting(None, "PDB or mmCIF file of one model; needs --moving and --hinge.")
    moving: str = setting(
        "", "Atoms that rotate: chain, chain:first-last or chain:residue:ATOM+ATOM, separated by commas."
    )
    hinge: str = setting("", "The two atoms of the bond that is the rotation axis, as in H:230:CA,H:230:C.")
    trajectory: Path | None = setting(None, "PDB or mmCIF file of several models, each one conformation.")
    phantom: str = setting(
        "turning-arm",
        "The phantom: with one rotating arm, with missing arms, or a subunit with one rotating domain, for --symmetry.",
        choices=("turning-arm", "missing-arms", "subunit"),
    )
    symmetry: str = setting(
        "C1",
        "Point group of a complex (C3, D2, T, O, I): as many molecules, each in a conformation of its own; the poses are those "
        "of a symmetric refinement.",
    )
    cooperativity: float = setting(
        0.0,
        "Fraction of the complexes in which all subunits have one conformation; in the others they are independent.",
        0,
        1,
    )
    turn_from: float = setting(0.0, "First angle of the hinge, in degrees.", -360, 360)
    turn_to: float = setting(180.0, "Last angle of the hinge, in degrees.", -360, 360)
    conformations: int = setting(100, "Number of conformations (angles of the hinge).", 1, 10_000)
    wells: int = setting(
        0, "Energy wells along the motion; 0: all conformations are equally frequent.", 0, 20
    )
    well_depth: float = setting(3.0, "Height of the barriers between the wells, in kT.", 0, 20)
    n_particles: int = setting(10_000, "Number of particles.", 2, 10_000_000)
    box: int = setting(128, "Box in pixels, even.", 16, 1024)
    pixel_size: float = setting(3.0, "Pixel size in Angstrom.", 0.1, 50, flag="--apix")
    snr: float = setting(
        0.05, "Signal-to-noise ratio of the final images (ratio of variances); 0: no noise.", 0, 1e6
    )
    atom_width: float = setting(1.5, "Standard deviation of an atom's density in Angstrom.", 0.1, 20)
    b_factor: float = setting(100.0, "B factor of the CTF envelope in square Angstrom.", 0, 2000)
    defocus_from: float = setting(9000.0, "Smallest defocus in Angstrom.", 0, 100_000)
    defocus_to: float = setting(24000.0, "Largest defocus in Angstrom.", 0, 100_000)
    voltage: float = setting(300.0, "Voltage in kV.", 50, 1000)
    cs: float = setting(2.7, "Spherical aberration in mm.", 0, 20)
    amplitude_contrast: float = setting(0.1, "Amplitude contrast, 0 to 1.", 0, 1)
    largest_shift: float = setting(
        10.0, "Largest shift of a particle from the image centre, in Angstrom.", 0, 1000
    )
    pose_error: float = setting(
        0.0, "Errors added to the angles of the star file, in degrees (standard deviation).", 0, 90
    )
    stack_folder: str = setting(
        "", "Folder of the stack as the star file names it, relative to the RELION project."
    )
    seed: int = setting(0, "Random seed.", 0)
    overwrite: bool = setting(False, "Replace files that are there already.")
