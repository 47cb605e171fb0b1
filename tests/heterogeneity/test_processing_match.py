"""Flipped or premultiplied images whose file does not say so are noticed, and so are raw ones that are flagged."""

import io
from pathlib import Path

import pytest
from processed_stacks import FLAGS, processed, simulate_raw, with_flag

from gem_plugin.imaging.processed_images import PHASE_FLIPPED, PREMULTIPLIED
from gem_plugin.io.run.files import RunFiles
from gem_plugin.notices import WARNING, listening
from gem_plugin.progress import Progress
from gem_plugin.steps.consensus.settings import ConsensusSettings
from gem_plugin.steps.consensus.step import run_consensus
from gem_plugin.steps.prepare.settings import PrepareSettings
from gem_plugin.steps.prepare.step import run_prepare


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return simulate_raw(tmp_path_factory.mktemp("phases") / "raw", 150, snr=0.2)


def warnings_of(star: Path, volume: Path, run: Path) -> str:
    with listening(lambda notice: None) as notices:
        prepare = PrepareSettings(particles=star, project_folder=star.parents[1])
        run_prepare(RunFiles(run), prepare, Progress(io.StringIO()))
        run_consensus(RunFiles(run), ConsensusSettings(map=volume, fit_images=0), Progress(io.StringIO()))
    return " ".join(notice.sentence for notice in notices if notice.level == WARNING)


@pytest.mark.parametrize("kind", [PHASE_FLIPPED, PREMULTIPLIED])
def test_processed_images_without_a_flag(kind: int, raw: Path, tmp_path: Path) -> None:
    star = processed(raw, tmp_path / "images", kind, is_flagged=False)
    said = warnings_of(star, raw.parent / "consensus.mrc", tmp_path / "run")
    assert "fit the map better with the absolute value of their CTF" in said
    assert "fit the map better as raw" not in said


@pytest.mark.parametrize("kind", [PHASE_FLIPPED, PREMULTIPLIED])
def test_processed_images_with_their_flag_are_silent(kind: int, raw: Path, tmp_path: Path) -> None:
    star = processed(raw, tmp_path / "images", kind)
    assert "standard errors" not in warnings_of(star, raw.parent / "consensus.mrc", tmp_path / "run")


@pytest.mark.parametrize("kind", [PHASE_FLIPPED, PREMULTIPLIED])
def test_raw_images_with_a_flag(kind: int, raw: Path, tmp_path: Path) -> None:
    star = raw.parent / f"flagged{kind}.star"
    star.write_text(with_flag(raw.read_text(), FLAGS[kind]))
    said = warnings_of(star, raw.parent / "consensus.mrc", tmp_path / "run")
    assert "they fit the map better as raw images" in said


def test_raw_images_are_silent(raw: Path, tmp_path: Path) -> None:
    assert warnings_of(raw, raw.parent / "consensus.mrc", tmp_path / "run") == ""
