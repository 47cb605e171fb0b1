"""Rows of the table of shared cases: one command on one case, what it gives or says, and checks of what was written."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pytest
import starfile
import torch
from scipy.spatial.transform import Rotation

from gem_plugin.gaussians.cloud import GaussianCloud
from gem_plugin.heterogeneity.consensus_fit import GreyScaleTerms, fit_grey_scale, grey_scale_terms
from gem_plugin.io.cryosparc.files import read_cs_rows, read_csg
from gem_plugin.io.gaussian_files import read_gaussians
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.star.particles import read_relion_file
from gem_plugin.steps.train.images import open_observations

RUN_DATA = "Refine3D/job010/run_data.star"


@dataclass(frozen=True)
class Row:
    """One command on one case; CASE and OUT stand for the folders of the case and of the results."""

    case: str  # relion/01b_sym_by_links
    command: str  # prepare, convert, write-star, ...
    options: str
    says: tuple[str, ...] = ()
    refuses: bool = False
    numbers: dict[str, Any] = field(default_factory=dict)  # of the step's summary
    check: Callable[[Path, Path], None] | None = None  # of the folders of the case and of the results
    first: str = ""  # options of a prepare before it

    @property
    def name(self) -> str:
        return (
            f"{self.case.split('/')[1]}-{self.command}-{self.options.replace('CASE/', '').replace(' ', '_')}"
        )


def prepared(
    case: str,
    file: str = RUN_DATA,
    options: str = "",
    says: str = "",
    check=None,
    **numbers,
) -> Row:
    """`gem-em prepare` reads the particles; the numbers are those of its summary."""
    is_relion = case.startswith("relion") and "--map" not in options
    text = f"--particles CASE/{file} --box 48 {'--map CASE/map.mrc ' * is_relion}{options}"
    return Row(case, "prepare", text.strip(), (says,), False, numbers, check)


def not_prepared(case: str, says: str, file: str = RUN_DATA, options: str = "") -> Row:
    """`gem-em prepare` refuses with a sentence."""
    text = f"--particles CASE/{file} --box 48 {options}".strip()
    return Row(case, "prepare", text, (says,), True)


def with_map(case: str, volume: str, says: str) -> Row:
    """`gem-em consensus` with another map than that of the particles' own box: what the log says of it."""
    options = f"--map CASE/{volume} --n-gaussians 200 --fit-images 0"
    return Row(case, "consensus", options, (says,), first=f"{RUN_DATA} --map CASE/{volume}")


def converted(case: str, job: str, check=None, says: str = "", options: str = "") -> Row:
    """`gem-em convert` to a star file."""
    text = f"--particles CASE/{job} --out OUT/a.star {options}".strip()
    return Row(case, "convert", text, (says,), False, {}, check)


def not_converted(case: str, job: str, says: str, options: str = "") -> Row:
    return Row(case, "convert", f"--particles CASE/{job} --out OUT/a.star {options}".strip(), (says,), True)


def brought_back(case: str, star: str, original: str, check) -> Row:
    """`gem-em convert` from a star file to the rows of a CryoSPARC job."""
    text = f"--particles CASE/{star} --original CASE/{original} --out OUT/a.cs"
    return Row(case, "convert", text, ("Not carried over into a.cs",), False, {}, check)


def not_brought_back(case: str, star: str, original: str, says: str) -> Row:
    text = f"--particles CASE/{star} --original CASE/{original} --out OUT/a.cs"
    return Row(case, "convert", text, (says,), True)


# Checks of what was written


def has_contrast_in_every_group(case: Path, out: Path) -> None:
    """The map, in the poses and on the grid of the prepared images, fits the images of all optics groups alike."""
    observations, table = open_observations(RunFiles(out / "run"))
    found = read_gaussians(RunFiles(out / "run").consensus_gaussians)
    cloud = GaussianCloud(*(torch.from_numpy(values) for values in found))
    terms = grey_scale_terms(cloud, observations, torch.arange(len(table)))
    scales = {
        int(group): fit_grey_scale(GreyScaleTerms(*(values[of_group] for values in terms)))
        for group in np.unique(table.optics_groups)
        for of_group in [torch.from_numpy(table.optics_groups == group)]
    }
    assert len(scales) == 2
    assert max(scales.values()) == pytest.approx(min(scales.values()), rel=0.1)


def reads_images_of(folder: str) -> Callable[[Path, Path], None]:
    """The first prepared image is the first of the stack in that folder, as far as prepare leaves it unchanged."""

    def check(case: Path, out: Path) -> None:
        first = mrcfile.mmap(RunFiles(out / "run").prepared_images, mode="r")
        with first, mrcfile.mmap(case / folder / "mic1.mrcs", mode="r") as expected:
            np.testing.assert_allclose(first.data[0], expected.data[0], atol=2e-5)

    return check


def has_rows_of_bodies(case: Path, out: Path) -> None:
    """Body tables of this case hold the row number as first angle."""
    rows = [int(row) for row in (case / "rows.txt").read_text().split()]
    tables = starfile.read(out / "a.star")
    for body in (1, 2):
        assert tables[f"images_body_{body}"]["rlnAngleRot"].tolist() == rows
    assert len(tables["particles"]) == len(rows)


def has_lf_line_ends(case: Path, out: Path) -> None:
    assert b"\r" not in (out / "a.star").read_bytes()
    rows = [int(row) for row in (case / "rows.txt").read_text().split()]
    assert read_relion_file(out / "a.star").particles.n_rows == len(rows)


def star_of(out: Path) -> dict[str, Any]:
    return starfile.read(out / "a.star", always_dict=True)


def has_columns(**expected: Any) -> Callable[[Path, Path], None]:
    """Distinct values of columns of the particles, or of the optics groups where they are there; None: no such column."""

    def check(case: Path, out: Path) -> None:
        tables = star_of(out)
        for name, values in expected.items():
            table = next((table for table in tables.values() if name in table), None)
            if values is None:
                assert table is None, name
            else:
                assert table is not None, name
                np.testing.assert_allclose(sorted(set(table[name])), values, rtol=1e-5, err_msg=name)

    return check


def has_origins_in_its_own_pixels(case: Path, out: Path) -> None:
    """alignments3D/psize_A is 1 here, blob/psize_A 3."""
    rows = read_cs_rows(next((case / "P1" / "J88").glob("*.cs")))
    np.testing.assert_allclose(
        star_of(out)["particles"]["rlnOriginXAngst"], rows["alignments3D/shift"][:, 0], rtol=1e-5
    )


def has_poses_of_the_refinement(case: Path, out: Path) -> None:
    """J62 has alignments of four classes, with those that J61 has as alignments3D too."""
    rows = read_cs_rows(next((case / "P1" / "J61").glob("*.cs")))
    expected = Rotation.from_rotvec(rows["alignments3D/pose"])
    found = star_of(out)["particles"]
    angles = found[["rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi"]].to_numpy()
    difference = Rotation.from_euler("ZYZ", angles, degrees=True).inv() * expected
    np.testing.assert_allclose(difference.magnitude(), 0, atol=1e-5)
    origins = rows["alignments3D/shift"][:, 0] * rows["alignments3D/psize_A"]
    np.testing.assert_allclose(found["rlnOriginXAngst"], origins, rtol=1e-5, atol=1e-4)


def is_the_same_as(star: str, job: str) -> Callable[[Path, Path], None]:
    """The uids that another star file of the case has, which kept them."""

    def check(case: Path, out: Path) -> None:
        expected = starfile.read(case / star, parse_as_string=["gemCryosparcUid"])["particles"][
            "gemCryosparcUid"
        ]
        assert read_cs_rows(out / "a.cs")["uid"].astype(str).tolist() == expected.tolist()
        assert set(read_cs_rows(out / "a.cs")["uid"]) <= all_uids(case / "P1" / job)

    return check


def all_uids(job: Path) -> set[int]:
    files = [file for file in job.glob("*.cs") if "passthrough" not in file.name]
    return {uid for file in files for uid in read_cs_rows(file)["uid"].tolist()}


def has_slot_type_of_its_group(case: Path, out: Path) -> None:
    assert read_csg(out / "a.csg").slot_types["alignments_class_0"] == "particle.alignments3D"
