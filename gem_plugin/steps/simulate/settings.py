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
    tilt_series: bool = setting(
        False,
        "Make tilt series in place of single particles: every particle is seen in all tilts of its tomogram; --snr is that of one "
        "tilt image on average, and --largest-shift moves the particle in x, y and z.",
    )
    tilt_form: str = setting(
        "all",
        "Files of --tilt-series, from one truth: 2D stacks of RELION 5, of WarpTools (in its form before July 2026), an image series "
        "as of Warp and M, or all three in folders of their own.",
        choices=("all", "relion5", "warptools", "image-series"),
    )
    tomograms: int = setting(3, "Number of tomograms of --tilt-series.", 1, 10_000)
    tilt_to: float = setting(
        60.0, "Largest tilt of --tilt-series in degrees; the smallest is minus this.", 1, 80
    )
    tilt_step: float = setting(3.0, "Degrees between two tilts of --tilt-series.", 0.5, 30)
    dose_per_tilt: float = setting(
        3.0, "Electrons per square Angstrom of one tilt image of --tilt-series.", 0, 100
    )
    fewest_tilts: int = setting(
        6,
        "Fewest visible tilts of a particle of --tilt-series; the number is even between this and all tilts.",
        1,
        1000,
    )
    subtomogram_angles: bool = setting(
        False, "Give the particles of --tilt-series random subtomogram angles, as after --apply_orientations."
    )
    raw_tilts: bool = setting(
        False, "Do not multiply the 2D stacks of --tilt-series by the CTF, as relion_tomo_subtomo --no_ctf."
    )
    float16: bool = setting(
        False, "Write the 2D stacks of --tilt-series as 16-bit numbers, as RELION 5 does by default."
    )
    seed: int = setting(0, "Random seed.", 0)
    overwrite: bool = setting(False, "Replace files that are there already.")
