"""At most ten pictures, in the order of the story, with captions of whole sentences."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from gem_plugin.adapters.cryosparc import pictures
from gem_plugin.adapters.cryosparc.pictures import MAXIMUM_PICTURES, JobPictures, in_words, short
from gem_plugin.io.run import figure_names as names
from gem_plugin.io.run.files import RunFiles
from gem_plugin.reports.training_page import TrainingView


def save(run: RunFiles, *stems: str) -> None:
    run.figures.mkdir(parents=True, exist_ok=True)
    for stem in stems:
        Figure(figsize=(1, 1)).savefig(run.figures / f"{stem}.png")


def test_the_story_begins_with_the_first_page_and_ends_with_the_training(tmp_path: Path) -> None:
    run, shown = RunFiles(tmp_path), list[str]()
    save(run, names.TRAINING, names.UMAP, names.LATENTS_PCA, names.MOTION, names.FIRST_PAGE, names.DENDROGRAM)
    JobPictures(run, lambda picture, text: shown.append(text)).show_story(None)
    assert [text.split(":")[0] for text in shown] == [
        "What was found",
        "States on the UMAP of the latents",
        "Motion of the Gaussians",
        "Training",
    ]


def test_figures_of_an_earlier_job_are_not_shown_again(tmp_path: Path) -> None:
    run, shown = RunFiles(tmp_path / "now"), list[str]()
    save(RunFiles(tmp_path / "earlier"), names.TRAINING)
    run.figures.mkdir(parents=True)
    (run.figures / "training.png").symlink_to(tmp_path / "earlier" / "figures" / "training.png")
    JobPictures(run, lambda picture, text: shown.append(text)).show_story(None)
    assert shown == []


def test_there_are_never_more_than_ten_and_the_story_has_its_room(tmp_path: Path) -> None:
    run, shown = RunFiles(tmp_path), list[str]()
    save(run, names.TRAINING, names.UMAP, names.MOTION, names.FIRST_PAGE)
    one = JobPictures(run, lambda picture, text: shown.append(text))
    for number in range(50):
        one.show(Figure(figsize=(1, 1)), f"picture {number}")
    one.show_story(None)
    assert len(shown) <= MAXIMUM_PICTURES
    assert shown[-4].startswith("What was found")
    assert shown[-1].startswith("Training")


def test_the_training_curve_is_shown_twice_at_most(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, shown = RunFiles(tmp_path), list[str]()
    run.history.parent.mkdir(parents=True)
    run.history.write_text("epoch,loss\n1,3.5\n2,3.1\n")
    one = JobPictures(run, lambda picture, text: shown.append(text))
    one.show_curve_when_due()
    assert shown == []
    monkeypatch.setattr(pictures, "SECONDS_OF_CURVES", (0.0, 0.0))
    for _ in range(9):
        one.show_curve_when_due()
    assert shown == ["Training so far"] * 2


def test_while_training_goes_on_particles_and_two_projections_are_shown_twice_at_most(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = list[tuple[bytes, str]]()
    one = JobPictures(RunFiles(tmp_path), lambda picture, text: shown.append((picture, text)))
    generator = np.random.default_rng(0)
    one.preview = TrainingView(
        generator.normal(size=(90, 2)), 90, np.array([[-1.0, 0], [1, 0]]), generator.random((2, 2, 16, 16))
    )
    one.show_curve_when_due()
    assert shown == []  # not in the first minute
    monkeypatch.setattr(pictures, "SECONDS_OF_CURVES", (0.0, 0.0))
    for _ in range(9):
        one.show_curve_when_due()
    assert [text for _, text in shown] == [pictures.PREVIEW] * 2
    assert all(picture.startswith(b"\x89PNG") for picture, _ in shown)
    assert short(pictures.PREVIEW) == pictures.PREVIEW


def test_captions_are_words_and_end_with_a_sentence(tmp_path: Path) -> None:
    caption = in_words(tmp_path / f"{names.TRAINING}.png")
    assert caption.startswith("Training: Left: loss per epoch")
    assert len(short(caption)) <= 300
    assert short(caption) in caption
    assert short("x" * 900).endswith("...")
    assert short("A short one.") == "A short one."
