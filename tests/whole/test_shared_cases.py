"""Every case of ../shared/cases through the command that its README names: what comes out, or which sentence.

A row of the table is one command. It `works`, with numbers of the step's summary and a check of what was written, or it
`refuses`; `says` is a part of what the user reads, in the log, in a warning or in the error.
"""

import warnings
from pathlib import Path

import pytest
from case_rows import (
    RUN_DATA,
    Row,
    brought_back,
    converted,
    has_columns,
    has_lf_line_ends,
    has_origins_in_its_own_pixels,
    has_rows_of_bodies,
    has_slot_type_of_its_group,
    is_the_same_as,
    not_brought_back,
    not_converted,
    not_prepared,
    prepared,
    reads_images_of,
)

from gem_plugin.cli.main import gem_em
from gem_plugin.errors import InputError
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.settings import read_summary

ABERRATIONS, SELECT, BACK = "cryosparc/aberrations", "cryosparc/select_names", "cryosparc/star_back"
SYM, COUNTS = "cryosparc/sym_expand", "cryosparc/counts"
MAGNIFICATION = "cryosparc/magnification_combined"
TABLE = [
    # RELION
    prepared("relion/01b_sym_by_links", particles=120),
    prepared(
        "relion/01b_sym_by_links",
        "expanded.star",
        says="Particles: 120 images, 360 views",
        images=120,
        views=360,
    ),
    not_prepared(
        "relion/01b_sym_by_links",
        "1 of 121 rows show an image in the pose that an earlier row has: row 120 as row 5",
        "dup1.star",
    ),
    prepared("relion/01b_sym_by_links", "dup1.star", "--drop-duplicates", particles=120),
    prepared("relion/01b_sym_by_links", "expanded_links.star", particles=360, stacks=9),
    prepared(
        "relion/02j_tworoots",
        f"inner/{RUN_DATA}",
        says="holds stacks of the same names with other images; those below",
        check=reads_images_of("inner/Extract/job005"),
        particles=120,
    ),
    prepared(
        "relion/02j_tworoots",
        says="02j_tworoots (the project of run_data.star)",
        check=reads_images_of("Extract/job005"),
    ),
    prepared(
        "relion/02j_tworoots",
        f"inner/{RUN_DATA}",
        "--project-folder CASE",
        check=reads_images_of("Extract/job005"),
    ),
    prepared(
        "relion/02l_empiar_flat",
        says="no stack lies under its whole name, such as Extract/job005/mic1.mrcs",
        check=reads_images_of("data"),
        particles=120,
    ),
    *(
        prepared(
            "relion/02l_empiar_flat",
            options=f"{option} CASE/data",
            check=reads_images_of("data"),
            particles=120,
        )
        for option in ("--datadir", "--project-folder")
    ),
    not_prepared(
        "relion/03a_two_pixel_sizes", "expected one pixel size, but row 0 has 5 A and row 60 has 4.98 A"
    ),
    not_prepared("relion/03b_rounding", "expected one pixel size, but row 0 has 5 A and row 60 has 5.0008 A"),
    not_prepared(
        "relion/03c_two_boxes", "expected one box size, but row 0 has 48 pixels and row 80 has 40 pixels"
    ),
    not_prepared(
        "relion/03d_imagesize_wrong",
        "has images of 48 x 48 pixels, expected 40 x 40 as in",
        options="--map CASE/map.mrc",
    ),
    prepared(
        "relion/04k2_evenZ00_0.3", says="corrected here: even aberrations (rlnEvenZernike)", particles=20
    ),
    prepared(
        "relion/04k3_evenZ20_0.3", says="corrected here: even aberrations (rlnEvenZernike)", particles=20
    ),
    prepared("relion/04o_hr_mag1pc", says="corrected here: a magnification matrix", particles=10),
    prepared(
        "relion/04p_hr_relion30_beamtilt", says="corrected here: beam tilt of up to 1.00 mrad", particles=10
    ),
    prepared("relion/08c_mixed_norm", options="--normalise always", background_normalised_here=True),
    prepared(
        "relion/08c_mixed_norm",
        says="About 50 % of the images",
        background_normalised_here=True,
        grey_scale_factor=1.0,
    ),
    prepared("relion/09a_bin2", particles=120),
    not_prepared(
        "relion/09a_bin2", "the map has 24 x 24 x 24 voxels, expected 48", options="--map CASE/map_bin2.mrc"
    ),
    *(
        not_prepared(
            "relion/09b_crop",
            f"the map has {box} x {box} x {box} voxels, expected 48",
            options=f"--map CASE/{name}",
        )
        for name, box in (("crop.mrc", 40), ("pad.mrc", 64))
    ),
    *(
        Row(
            "relion/11a_multibody",
            command,
            options,
            (),
            False,
            {"particles": 6},
            has_rows_of_bodies,
            RUN_DATA,
        )
        for command, options in (
            ("write-star", "--rows CASE/rows.txt --out OUT/a.star --no-latents"),
            ("select", "--rows CASE/rows.txt --out OUT/a.star"),
        )
    ),
    Row(
        "relion/11b_crlf",
        "write-star",
        "--rows CASE/rows.txt --out OUT/a.star --no-latents",
        check=has_lf_line_ends,
        first=RUN_DATA,
    ),
    # CryoSPARC
    prepared(ABERRATIONS, "P1/J42", particles=12, stacks=4),
    prepared(ABERRATIONS, "P1/J70", says="corrected here: ctf/tilt_A (beam tilt)", particles=12),
    converted(ABERRATIONS, "P1/J70", has_columns(rlnBeamTiltX=[-0.1, 0.1], rlnBeamTiltY=[-0.05, 0.05])),
    prepared(ABERRATIONS, "P1/J71", says="corrected here: ctf/trefoil_A (trefoil)"),
    converted(ABERRATIONS, "P1/J71", None, "written in the usual reading"),
    not_converted(ABERRATIONS, "P1/J71", "refused because of --strict", "--strict"),
    prepared(ABERRATIONS, "P1/J72", says="a magnification matrix that stretches the images by up to 0.41 %"),
    prepared(ABERRATIONS, "P1/J73", particles=12),
    converted(ABERRATIONS, "P1/J72", None, "written in the usual reading"),
    converted(ABERRATIONS, "P1/J74", has_columns(rlnPhaseShift=[90])),
    prepared(ABERRATIONS, "P1/J75", particles=12),
    prepared(ABERRATIONS, "P1/J76", particles=12),
    converted(
        ABERRATIONS, "P1/J76", None, "6 of 12 images are dark on light (blob/sign -1), the others white"
    ),
    not_prepared(ABERRATIONS, "blob/sign is 0.0 in row 0; expected 1 or -1", "P1/J77"),
    not_converted(ABERRATIONS, "P1/J77", "blob/sign is 0.0 in row 0; expected 1 or -1"),
    not_prepared(ABERRATIONS, "12 of 12 particles cannot be used, more than a tenth", "P1/J78"),
    not_prepared(ABERRATIONS, "2 of 12 particles cannot be used, more than a tenth", "P1/J79"),
    converted(ABERRATIONS, "P1/J80", has_columns(rlnCtfBfactor=[50])),
    converted(ABERRATIONS, "P1/J81", has_columns(rlnVoltage=[200, 300], rlnSphericalAberration=[2.66, 2.7])),
    prepared(ABERRATIONS, "P1/J82", particles=12),
    prepared(ABERRATIONS, "P1/J83", says="corrected here: ctf/tilt_A (beam tilt)"),
    converted(ABERRATIONS, "P1/J83", has_columns(rlnBeamTiltX=None)),  # in rlnOddZernike: no angle without Cs
    *(
        row
        for job, says in (
            ("J84", "alignments3D/pose is not a number in 12 of 12 rows"),
            ("J87", "alignments3D/psize_A is 0 in 12 of 12 rows"),
            ("J90", "alignments3D/split has the values 0, 2; expected the half sets 0 and 1"),
        )
        for row in (
            not_prepared(ABERRATIONS, says, f"P1/{job}"),
            not_converted(ABERRATIONS, f"P1/{job}", says),
        )
    ),
    prepared(ABERRATIONS, "P1/J85", particles=12),
    converted(ABERRATIONS, "P1/J86", has_columns(rlnAngleRot=[0], rlnAngleTilt=[0], rlnAnglePsi=[0])),
    converted(ABERRATIONS, "P1/J88", has_origins_in_its_own_pixels),
    not_prepared(ABERRATIONS, "expected one pixel size, found 3.0000 to 3.0100 A", "P1/J89"),
    converted(ABERRATIONS, "P1/J89", has_columns(rlnImagePixelSize=[3.0, 3.01])),
    converted(ABERRATIONS, "P1/J91", has_columns(rlnRandomSubset=None), "rlnRandomSubset is left out"),
    Row(
        "cryosparc/alignments_class_0",
        "write-cs",
        "--rows CASE/rows.txt --out OUT/a.cs --no-latents",
        check=has_slot_type_of_its_group,
        first="P1/J63",
    ),
    prepared("cryosparc/box_mismatch", "P1/J42", particles=6),
    *(
        not_prepared("cryosparc/box_mismatch", says, "P1/J42", f"--map CASE/{name}")
        for name, says in (
            ("map96.mrc", "the map has 64 x 64 x 64 voxels, expected 48 x 48 x 48"),
            ("map_p.mrc", "3.02 A"),
        )
    ),
    not_prepared("cryosparc/box_mismatch", "has images of 48 x 48 pixels, expected 64 x 64", "P1/J97"),
    not_converted("cryosparc/box_mismatch", "P1/J97", "has images of 48 x 48 pixels, expected 64 x 64"),
    prepared("cryosparc/class3d_multi", "P1/J61", particles=12),
    not_prepared("cryosparc/class3d_multi", "the particles have no 3D alignments (alignments3D)", "P1/J62"),
    converted("cryosparc/class3d_multi", "P1/J62", has_columns(rlnAngleRot=None), "alignments3D_multi"),
    converted(
        "cryosparc/constant_split",
        "P1/J42",
        has_columns(rlnRandomSubset=None),
        "alignments3D/split is 0 in all 12 particles",
    ),
    not_prepared(COUNTS, "promises [13] particles, but its particle file has 12", "P1/J42"),
    not_prepared(COUNTS, "holds no particles. Was the selection empty?", "P1/J50"),
    not_prepared(COUNTS, "1 uids occur more than once", "P1/J53"),
    *(
        not_prepared(COUNTS, f"holds {number}", name)
        for name, number in (
            ("P1/J51", "1 particle; expected thousands"),
            ("P1/J52", "2 particles; expected thousands"),
            ("n1.star", "1 particle; expected thousands"),
            ("n2.star", "2 particles; expected thousands"),
        )
    ),
    converted(
        "cryosparc/filament_star",
        "P1/J64",
        has_columns(
            rlnHelicalTubeID=[1, 2, 3],
            rlnHelicalTrackLengthAngst=[0, 4.75, 9.5, 14.25],
            rlnAnglePsiPrior=None,
        ),
        "filament/filament_pose",
    ),
    prepared(
        MAGNIFICATION, "P1/J95", says="a magnification matrix that stretches the images by up to 1.01 %"
    ),
    converted(
        MAGNIFICATION, "P1/J95", has_columns(rlnMagMat00=[1.0, 1.01010101], rlnMagMat11=[1.0, 1.01010101])
    ),
    prepared("cryosparc/replaced_blob", "P1/J98", original_pixel_size_in_angstroms=9.0),
    not_prepared(SELECT, "this CryoSPARC job is queued, expected completed", "P1/J42"),
    *(
        not_prepared(SELECT, f"holds several particle groups: {names}. Name the one to use.", f"P1/{job}")
        for job, names in (
            ("J70", "J70_particles_excluded.csg, J70_particles_selected.csg"),
            ("J71", "J71_remainder.csg, J71_split_0.csg, J71_split_1.csg"),
            ("J72", "J72_particles_kept.csg, J72_particles_rejected.csg"),
            ("J73", "J73_A_minus_B.csg, J73_intersection.csg"),
            ("J74", "J74_cluster_0.csg, J74_cluster_1.csg, J74_cluster_2.csg"),
        )
    ),
    *(prepared(SELECT, f"P1/{name}") for name in ("J70/J70_particles_selected.csg", "J75", "J76")),
    *(converted(SELECT, f"P1/{name}.csg") for name in ("J71/J71_split_0", "J74/J74_cluster_2")),
    *(
        brought_back(BACK, f"{name}.star", f"P1/{job}", is_the_same_as("uid.star", job.split("/")[0]))
        for name, job in (
            ("uid", "J42"),
            ("nouid", "J42"),
            ("reextract", "J42"),
            ("imported", "J90/J90_001_particles.cs"),
        )
    ),
    not_brought_back(BACK, "empty.star", "P1/J42", "holds no particles, so there is nothing to bring back"),
    not_brought_back(BACK, "floatuid.star", "P1/J42", "expected whole numbers"),
    brought_back(SYM, "sub_uid.star", "P1/J50", is_the_same_as("sub_uid.star", "J50")),
    brought_back(SYM, "sub_nouid.star", "P1/J50", is_the_same_as("sub_uid.star", "J50")),
    brought_back(SYM, "all_nouid.star", "P1/J50", is_the_same_as("all.star", "J50")),
    prepared(SYM, "P1/J50", says="Particles: 30 images, 60 views", images=30, views=60),
    *(  # the links to their stacks are small texts here; with the stacks: tests/steps/prepare/test_views.py
        not_prepared(SYM, "is truncated: it has 75 bytes, less than an MRC header", star)
        for star in ("all.star", "all_nouid.star")
    ),
]


def run_command(words: list[str], capsys: pytest.CaptureFixture) -> tuple[str, bool]:
    """Everything that a user reads, and whether the command was refused."""
    refusal = ""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            gem_em.main(words, standalone_mode=False)
        except InputError as error:
            refusal = str(error)
    captured = capsys.readouterr()
    said = [captured.out, captured.err, refusal, *(str(warning.message) for warning in caught)]
    return "\n".join(said), bool(refusal)


def words_of(text: str, case: Path, out: Path) -> list[str]:
    return [word.replace("CASE", str(case)).replace("OUT", str(out)) for word in text.split()]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_case(
    row: Row,
    shared_cases: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    case, out = shared_cases / row.case, tmp_path / "out"
    out.mkdir()
    monkeypatch.chdir(case if row.case.startswith("relion") else tmp_path)
    if row.first:
        text = f"prepare OUT/run --particles CASE/{row.first} --box 48"
        assert not run_command(words_of(text, case, out), capsys)[1]
    run = "" if row.command == "convert" else "OUT/run "
    said, is_refused = run_command(words_of(f"{row.command} {run}{row.options}", case, out), capsys)
    assert is_refused == row.refuses, said
    for part in row.says:
        assert part in said
    numbers = read_summary(RunFiles(out / "run")).get(row.command, {}) if run else {}
    assert {name: numbers[name] for name in row.numbers} == row.numbers
    if row.check is not None:
        row.check(case, out)


def test_every_case_has_a_row(shared_cases: Path) -> None:
    cases = {f"{folder.parent.name}/{folder.name}" for folder in shared_cases.glob("*/*") if folder.is_dir()}
    assert cases == {row.case for row in TABLE}
