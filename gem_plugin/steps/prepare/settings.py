"""Settings of prepare."""

from dataclasses import dataclass
from pathlib import Path

from gem_plugin.errors import InputError
from gem_plugin.settings import setting


@dataclass(frozen=True)
class PrepareSettings:
    """What to read and how to sample it."""

    particles: Path | None = setting(
        None,
        "Particles with poses: a .star, .cs or .csg file, or a CryoSPARC job directory.",
        reads_file=True,
        or_folder=True,
    )
    map: Path | None = setting(
        None,
        "Consensus map of these particles (.mrc), checked here; another box or pixel size is resampled about its centre.",
        reads_file=True,
    )
    mask: Path | None = setting(
        None, "Mask of the molecule (.mrc), 0 to 1; checked like the map.", reads_file=True
    )
    box: int = setting(
        128,
        "Working box in pixels, even; never above the box of the images. 128 suits most machines.",
        16,
        1024,
    )
    particle_diameter: float | None = setting(
        None,
        "Diameter of the molecule in Angstrom; noise is measured outside. Default: the width of the box.",
        1.0,
    )
    project_folder: Path | None = setting(
        None,
        "Folder that image names start from. Default: the nearest project above the file that holds them, then any folder "
        "above the file or the working folder.",
    )
    datadir: Path | None = setting(
        None,
        "Folder of the image stacks where they were moved, as an archive has them: of each image name the longest end that "
        "exists below it is taken (Extract/job005/mic1.mrcs may be DATADIR/mic1.mrcs).",
    )
    strip_prefix: str | None = setting(
        None,
        "First folders to take off the image names before they are looked for, such as /old/project.",
    )
    pixel_size: float | None = setting(
        None,
        "Pixel size in Angstrom, for star files that have none, and for image series of tilts that were binned since, whose file "
        "still gives that of the detector.",
        0.01,
    )
    invert_contrast: bool = setting(
        False, "Invert the contrast of the images, for dark particles in a RELION star file."
    )
    normalise: str = setting(
        "auto",
        "Scale the background of each image to mean 0 and standard deviation 1. auto: where it is not so already.",
        choices=("auto", "always", "never"),
    )
    drop_duplicates: bool = setting(
        False,
        "Leave out rows that show an image in the pose of an earlier row, as joined files have them; without it they are "
        "an error. Copies of one image in other poses (symmetry expansion) are always kept.",
    )
    symmetry: str | None = setting(
        None,
        "Point group of the refinement that the particles come from (C3, D7, T, O, I, I1 to I4): every particle is used once "
        "for each subunit, in the copies of its pose; of tilt series with all of its tilt images. Needs the map. Default: every row "
        "is used as it is.",
    )
    samples: tuple[str, ...] | None = setting(
        None,
        "Instead of particles: several particle files of one program as name=file, separated by commas (apo=a.star,atp=b.star), "
        "refined against one map; they are joined, and the landscape compares them.",
    )
    tomograms: Path | None = setting(
        None,
        "Tilt series: the tomograms.star of the particles, where no optimisation set lies beside them.",
        reads_file=True,
    )
    max_dose: float | None = setting(
        None,
        "Tilt series: leave out images with more electrons per square Angstrom before them. Default: all are used.",
        0.0,
    )
    max_tilts: int | None = setting(
        None,
        "Tilt series: use so many images of each particle, those of its lowest doses. Default: all are used.",
        1,
    )
    grouping_column: str | None = setting(
        None,
        "Tilt series of a star file with a row per tilt image: the column that the rows of a particle share, where it is not "
        "rlnGroupName.",
    )


def check_prepare_settings(settings: PrepareSettings) -> None:
    """Refuse particles beside samples, before anything is read."""
    if settings.particles is not None and settings.samples:
        raise InputError(
            "Expected either --particles or --samples, not both. Name the particles as one of the samples."
        )
