"""RELION's flags of processed images, by optics group; what is no flag is refused."""

from pathlib import Path

import numpy as np
import pytest
from relion_projects import OPTICS, RelionProject

from gem_plugin.errors import InputError
from gem_plugin.imaging.processed_images import PHASE_FLIPPED, PREMULTIPLIED, RAW
from gem_plugin.notices import listening
from gem_plugin.particles.processing_flags import image_processing_of
from gem_plugin.results.particle_file import read_particles


def test_each_optics_group_has_its_own(tmp_path: Path) -> None:
    project = RelionProject(tmp_path)
    flags = ((0, 0), (1, 0), (0, 1), (1, 1))
    project.optics = [
        OPTICS
        | {
            "_rlnOpticsGroup": str(number),
            "_rlnCtfDataAreCtfPremultiplied": str(multiplied),
            "_rlnCtfDataArePhaseFlipped": str(flipped),
        }
        for number, (multiplied, flipped) in enumerate(flags, start=1)
    ]
    project.columns["_rlnOpticsGroup"] = ["1", "2", "3", "4", "2", "1"]
    with listening(lambda notice: None) as notices:
        table = read_particles(project.write_star())
    kinds = [RAW, PREMULTIPLIED, PHASE_FLIPPED, PREMULTIPLIED, PREMULTIPLIED, RAW]
    assert table.image_processing.tolist() == kinds
    said = " ".join(notice.sentence for notice in notices)
    assert "3 of 6 images were multiplied by their CTF at extraction" in said
    assert "1 of 6 images are taken as phase-flipped" in said
    assert table.take(np.array([2, 0])).image_processing.tolist() == [PHASE_FLIPPED, RAW]


def test_no_flags_are_raw_images_and_say_nothing() -> None:
    with listening(lambda notice: None) as notices:
        assert image_processing_of({}, 3, Path("a.star")).tolist() == [RAW] * 3
    assert not notices


def test_what_is_no_flag_is_refused() -> None:
    with pytest.raises(InputError, match=r"a.star, row 1: _rlnCtfDataArePhaseFlipped is 2; expected 0"):
        image_processing_of({"_rlnCtfDataArePhaseFlipped": np.array([0.0, 2])}, 2, Path("a.star"))
