"""Flags and slices of 2D stacks: what fits is read in both forms, what does not names its particle."""

from pathlib import Path

import mrcfile
import numpy as np
import pytest
from tilt_projects import RELION, WARPTOOLS, changed_star, read, read_with_notices

from gem_plugin.errors import InputError


def _change(project: Path, label: str, row: int, value: object, form: str = RELION) -> None:
    with changed_star((project / form).with_name("particles.star")) as blocks:
        blocks["particles"] = blocks["particles"].astype({label: object})
        blocks["particles"].loc[row, label] = value


def _refused(project: Path, words: str, form: str = RELION) -> None:
    with pytest.raises(InputError, match=words):
        read(project / form)


def _stack_of(project: Path, row: int, form: str = RELION) -> Path:
    particles = read(project / form)
    return particles.stack_paths[particles.images.stack_names[particles.first_images[row]]]


def test_stacks_with_hidden_tilts_are_noted(tilt_project: Path) -> None:
    _, sentences = read_with_notices(tilt_project / WARPTOOLS)
    assert any("the stacks of 12 particles hold all tilts" in sentence for sentence in sentences)
    _, sentences = read_with_notices(tilt_project / RELION)
    assert not any("hold all tilts" in sentence for sentence in sentences)


def test_premultiplied_images_are_counted(tilt_project: Path) -> None:
    particles, sentences = read_with_notices(tilt_project / RELION)
    assert (particles.images.image_processing == 1).all()
    n_images = len(particles.images)
    assert any(f"{n_images} of {n_images} images were multiplied" in sentence for sentence in sentences)


@pytest.mark.parametrize("form", [RELION, WARPTOOLS])
def test_a_stack_of_another_number_of_slices_names_the_particle(own_project: Path, form: str) -> None:
    path = _stack_of(own_project, 5, form)
    stored = mrcfile.read(path)
    with mrcfile.new(path, overwrite=True) as stack:
        stack.set_data(np.concatenate([stored, stored, stored[:1]]))
    n_slices = 2 * len(stored) + 1
    _refused(
        own_project,
        rf"row 5 .*particle TS_02/2: its stack .* has {n_slices} slices; expected \d+ .* or 31",
        form,
    )


def test_flags_of_another_length_name_the_particle(own_project: Path) -> None:
    _change(own_project, "rlnTomoVisibleFrames", 3, "[1,1,0]")
    _refused(
        own_project, r"row 3 .*particle TS_01/4: _rlnTomoVisibleFrames has 3 values, but .* 31 tilt images"
    )


@pytest.mark.parametrize("text", ["1,1,0", "[1,2,0]", "[]", "none"])
def test_flags_that_are_none(own_project: Path, text: str) -> None:
    _change(own_project, "rlnTomoVisibleFrames", 3, text)
    _refused(own_project, r"row 3 .*particle TS_01/4: _rlnTomoVisibleFrames is .* expected a list of 0 and 1")


def test_a_stack_that_is_missing(own_project: Path) -> None:
    _stack_of(own_project, 2).unlink()
    _refused(own_project, r"1 of 12 image stacks are missing: .*TS_01/3_stack2d.mrcs")


def test_a_stack_of_another_box(own_project: Path) -> None:
    path = _stack_of(own_project, 2)
    stored = mrcfile.read(path)
    with mrcfile.new(path, overwrite=True) as stack:
        stack.set_data(stored[:, 2:-2, 2:-2].copy())
    _refused(own_project, "has images of 28 x 28 pixels, expected 32 x 32")


def test_a_slice_too_many_on_disk_is_a_truncated_file(own_project: Path) -> None:
    path = _stack_of(own_project, 2)
    path.write_bytes(path.read_bytes()[:-100])
    _refused(own_project, r"3_stack2d.mrcs is truncated")


def test_particles_outside_their_tomogram_are_warned_of(own_project: Path) -> None:
    _change(own_project, "rlnCenteredCoordinateXAngst", 0, 90000.0)
    _, sentences = read_with_notices(own_project / RELION)
    assert any("1 of 12 particles lie outside their tomogram" in sentence for sentence in sentences)


def test_origins_in_pixels_are_taken_too(own_project: Path) -> None:
    before = read(own_project / RELION)
    with changed_star(own_project / "relion5" / "particles.star") as blocks:
        table = blocks["particles"]
        for axis in "XYZ":
            table[f"rlnOrigin{axis}"] = table.pop(f"rlnOrigin{axis}Angst") / 8.0
    after = read(own_project / RELION)
    np.testing.assert_allclose(after.images.shifts_in_angstroms, before.images.shifts_in_angstroms, atol=1e-4)
