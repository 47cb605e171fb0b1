"""Names of sets, the options they stand for, and what happens where one cannot be made."""

import dataclasses
from pathlib import Path

import pytest
from truth import sets
from truth.sets import SETS, USUAL_SETS, CannotMakeError, ensure_set, options_of_make_dataset, set_folder


def test_the_sets_of_the_goals_are_there() -> None:
    assert {"clean", "pose", "junk", "contrast", "wild", "static", "static_wild"} <= set(SETS)
    assert {"igg1d_128_20000", "igg1d_128_100000"} <= set(SETS)
    assert set(USUAL_SETS) <= set(SETS)
    assert {f"{name}_wild" for name in ("ligand", "membrane", "two_motions", "small_domain")} <= set(SETS)


def test_wild_is_everything_at_once() -> None:
    options = " ".join(options_of_make_dataset(SETS["wild"], 12_000, 3))
    assert options == (
        "--motion igg1d -n 12000 --seed 3 --box 64 --apix 6.0 --shift 10.0 --pose-noise 3 --shift-noise 2 --junk 0.1 "
        "--contrast 0.2 --defocus-noise 200 --no-bfactor-column --coloured 8 --neighbours 0.1"
    )
    assert "--pose-noise" not in options_of_make_dataset(SETS["clean"], 12_000, 0)
    assert "--shift 30.0" in " ".join(options_of_make_dataset(SETS["igg1d_128_20000"], 20_000, 0))


def test_the_maker_knows_every_option(maker, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    class ReadToTheEndError(Exception):
        pass

    def stop(*_: object, **__: object) -> None:
        raise ReadToTheEndError

    monkeypatch.setattr(maker.os, "makedirs", stop)  # what follows the reading of the options
    monkeypatch.setattr("sys.argv", ["make", "a.pdb", "out", *options_of_make_dataset(SETS["wild"], 10, 0)])
    with pytest.raises(ReadToTheEndError):
        maker.main()


def test_folders_say_number_and_seed_where_unusual(tmp_path: Path) -> None:
    clean = SETS["clean"]
    assert set_folder(tmp_path, clean, 12_000, 0).name == "clean"
    assert set_folder(tmp_path, clean, 3_000, 2).name == "clean_3000_seed2"


@pytest.mark.parametrize("name", ["clean", "ligand"])
def test_without_the_shared_folder_the_reason_is_said(name: str, tmp_path: Path) -> None:
    with pytest.raises(CannotMakeError, match=r"make_dataset\.py is not there; give .* --shared"):
        ensure_set(tmp_path / "work", tmp_path / "absent", SETS[name], 100, 0)
    assert not (tmp_path / "work").exists()


def test_a_set_is_made_once_and_again_after_an_interruption(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def make_images(folder: Path, *_: object) -> float:
        calls.append(sorted(path.name for path in folder.iterdir()))
        (folder / "particles.star").touch()
        if len(calls) == 1:
            raise KeyboardInterrupt
        return 20.0

    monkeypatch.setattr(sets, "make_images", make_images)
    membrane = dataclasses.replace(SETS["membrane_wild"], box_size=32)
    with pytest.raises(KeyboardInterrupt):
        ensure_set(tmp_path, tmp_path, membrane, 10, 0)
    for _ in range(2):
        folder = ensure_set(tmp_path, tmp_path, membrane, 10, 0)
    assert calls == [[], []]
    assert "consensus at 20.0 A" in (folder / "made.txt").read_text()
