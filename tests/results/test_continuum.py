"""continuum.csv is read as it was written, and its sentences say what it holds."""

import dataclasses
from pathlib import Path

import pytest

from gem_plugin.errors import InputError
from gem_plugin.io.run.landscape_files import LandscapeFiles
from gem_plugin.results.continuum import StateContinuum, load_continua, save_continua

LOOP = StateContinuum(0, True, 192.1, 249.7, 0.188, 10.68, 38.9, 1.0)
UNKNOWN = float("nan")


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    files = LandscapeFiles(tmp_path)
    assert load_continua(files) == (), "as in runs of earlier versions"
    save_continua(files, [LOOP, dataclasses.replace(LOOP, state=2, is_closed=False)])
    first, second = load_continua(files)
    assert first == LOOP
    assert (second.state, second.is_closed) == (2, False)
    save_continua(files, [])
    assert load_continua(files) == ()
    files.continuum.write_text("state,is_closed\n1,1\n")
    with pytest.raises(
        InputError, match=r"is not a table of continua: expected the columns state, is_closed, rms"
    ):
        load_continua(files)


def test_sentences() -> None:
    assert LOOP.sentence == (
        "The particles form a closed continuum (a loop), 192 Å long: so far the moving density (19 % of all) goes once around (root mean "
        "square; the farthest goes 250 Å); about 39 positions can be distinguished."
    )
    sheet = dataclasses.replace(LOOP, state=3, is_closed=False, explained=0.55)
    assert sheet.sentence.startswith(
        "State 3 is in itself a continuum, 192 Å long: so far the moving density (19 % of all) goes from end to end"
    )
    assert "the curve holds 55 % of the variation, so it has more than one direction" in sheet.sentence
    fading = dataclasses.replace(LOOP, rms_in_angstroms=0.3, largest_in_angstroms=0.6)
    assert "along which density changes rather than moves (by at most 0.6 Å once around)" in fading.sentence
    maps = dataclasses.replace(
        LOOP, rms_in_angstroms=UNKNOWN, largest_in_angstroms=UNKNOWN, n_positions=UNKNOWN
    )
    assert "10.7 units of the latents long (without Gaussians there is no length in Å)" in maps.sentence
    assert "not known, as the model gives no uncertainty of the latents" in maps.sentence
