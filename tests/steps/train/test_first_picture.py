"""The preliminary report of a training: there early, true to the model, cheap, and gone when it would be false."""

import re
import time

import numpy as np
import pytest
import torch
from run_to_train import copy_of, run_to_train

from gem_plugin.errors import StopRequestedError
from gem_plugin.heterogeneity.settings import TrainSettings
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.preliminary_report import is_preliminary, refresh_html
from gem_plugin.pipeline.run_steps import run_steps
from gem_plugin.progress import Progress
from gem_plugin.results.time_spent import read_training_times
from gem_plugin.steps.train import first_picture
from gem_plugin.steps.train import step as train_step
from gem_plugin.steps.train.first_picture import PreliminaryReport, view_of

VALUES = {
    "epochs": 4,
    "batch_size": 16,
    "anchors": 24,
    "encoder_width": 32,
    "encoder_box": 16,
    "n_basis": 6,
    "refine_poses": False,
}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> RunFiles:
    return run_to_train(tmp_path_factory.mktemp("picture"))


class Watching(Progress):
    """Keeps the preliminary page as it is after each epoch; stops after some of them."""

    def __init__(self, run: RunFiles, stop_after: int = 100) -> None:
        super().__init__(check_stop=self._stop)
        self.run, self.stop_after = run, stop_after
        self.pages: list[str] = []
        self.lines: list[str] = []
        self.views: list[object] = []

    def _stop(self) -> None:
        if len(self.pages) > self.stop_after:
            raise StopRequestedError("somebody asked for it")

    def say(self, message: str) -> None:
        self.lines.append(message)
        if re.match(r"Epoch \d+:", message):
            self.pages.append(self.run.report.read_text(encoding="utf-8") if self.run.report.exists() else "")

    def show_preview(self, view: object) -> None:
        self.views.append(view)


def train(run: RunFiles, progress: Progress, **others: object) -> None:
    run_steps(["train"], run, {**VALUES, **others}, progress)


def test_the_page_is_there_from_the_first_epoch_and_says_how_far_it_is(prepared, tmp_path):
    run = copy_of(prepared, tmp_path / "run")
    progress = Watching(run)
    train(run, progress)
    before_first, after_first = progress.pages[:2]
    assert "Training begins: at most 4 epochs" in before_first
    assert "No picture yet" in before_first
    assert "Training is running: epoch 1 of 4 is done. This picture is preliminary" in after_first
    assert "data:image/png" in after_first
    assert refresh_html() in after_first
    assert any(str(run.report) in line for line in progress.lines)
    assert progress.views
    text = run.report.read_text(encoding="utf-8")
    assert "train has ended" in text
    assert is_preliminary(run)


def test_the_final_report_takes_its_place(prepared, tmp_path):
    run = copy_of(prepared, tmp_path / "run")
    train(run, Watching(run), epochs=2)
    assert is_preliminary(run)
    run_steps(["report"], run, {"chimerax": False}, Progress())
    assert not is_preliminary(run)
    text = run.report.read_text(encoding="utf-8")
    assert "train has ended" not in text
    assert refresh_html() not in text
    assert "Where the time went" in text
    assert "train: " in text
    assert not list(run.root.rglob("*preview*"))


def test_a_stopped_training_says_so_and_a_new_one_begins_without_its_picture(prepared, tmp_path):
    run = copy_of(prepared, tmp_path / "run")
    with pytest.raises(StopRequestedError):
        train(run, Watching(run, stop_after=1))
    text = run.report.read_text(encoding="utf-8")
    assert "train has stopped: somebody asked for it" in text
    assert refresh_html() not in text
    assert "data:image/png" in text
    resumed = Watching(run)
    train(run, resumed)  # goes on
    assert "Training is running: epoch 2 of 4 is done" in resumed.pages[0]
    again = copy_of(prepared, tmp_path / "again")
    with pytest.raises(StopRequestedError):
        train(again, Watching(again, stop_after=1))
    other = Watching(again)
    train(again, other, seed=5)  # another training
    assert "data:image/png" not in other.pages[0]


def test_a_failed_training_says_why(prepared, tmp_path, monkeypatch):
    def fail(*arguments):
        raise ValueError("a <broken> file")

    run = copy_of(prepared, tmp_path / "run")
    monkeypatch.setattr(train_step, "embed_particles", fail)
    with pytest.raises(ValueError, match="broken"):
        train(run, Watching(run))
    text = run.report.read_text(encoding="utf-8")
    assert "train has stopped: a &lt;broken&gt; file" in text
    assert 'class="stopped"' in text


def test_a_finished_run_keeps_its_report_while_it_trains_longer(prepared, tmp_path):
    run = copy_of(prepared, tmp_path / "run")
    train(run, Watching(run), epochs=2)
    run.report.write_text("the report of the finished run")
    longer = Watching(run)
    train(run, longer, epochs=3)
    assert longer.pages == ["the report of the finished run"]
    assert run.report.read_text() == "the report of the finished run"


def test_the_picture_changes_nothing_in_the_training(prepared, tmp_path, monkeypatch):
    run, without = (copy_of(prepared, tmp_path / name) for name in ("with", "without"))
    train(run, Watching(run))
    monkeypatch.setattr(PreliminaryReport, "_draw", lambda *arguments: None)
    train(without, Watching(without))
    assert "data:image" not in without.report.read_text(encoding="utf-8")
    assert np.array_equal(np.load(run.latents), np.load(without.latents))


def test_the_pictures_after_the_first_take_a_hundredth_of_the_time(prepared, tmp_path, monkeypatch):
    run = copy_of(prepared, tmp_path / "run")
    drawn: list[int] = []

    def slow(trainer):
        drawn.append(trainer.epoch)
        time.sleep(0.2)
        return None

    monkeypatch.setattr(first_picture, "view_of", slow)
    train(run, Watching(run), epochs=12)
    assert drawn[0] == 1
    assert len(drawn) <= 4  # the first, perhaps a second within the first moments, and the end


def test_a_page_that_cannot_be_written_stops_no_training(prepared, tmp_path, monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    run = copy_of(prepared, tmp_path / "run")
    monkeypatch.setattr(first_picture, "write_training_page", full)
    progress = Watching(run)
    train(run, progress, epochs=2)
    assert run.latents.is_file()
    assert not run.report.exists()
    assert sum("could not be written during training" in line for line in progress.lines) == 1


def trainer_of(run: RunFiles, **others: object):
    from gem_plugin.steps.train.images import open_cached_observations
    from gem_plugin.steps.train.setup import make_trainer, read_consensus

    settings = TrainSettings(**{**VALUES, **others})
    observations, table = open_cached_observations(run, settings, torch.device("cpu"), Progress())
    consensus = read_consensus(run, settings, observations, Progress())
    return make_trainer(run, settings, observations, consensus, torch.arange(len(table)), Progress())[0]


@pytest.mark.parametrize("latent_size", [1, 4])
def test_what_is_shown_is_what_the_model_says(prepared, latent_size):
    trainer = trainer_of(prepared, latent_size=latent_size)
    trainer.run_epoch()
    trainer.model.train()
    view = view_of(trainer)
    assert view is not None
    assert trainer.model.training
    assert view.points.shape == (len(trainer.training_rows), 2)
    trainer.model.eval()
    latents = trainer.embed(trainer.training_rows).means.numpy()
    variances = np.sort(np.linalg.eigvalsh(np.cov(latents.T).reshape(latents.shape[1], -1)))[::-1]
    assert np.allclose(view.points[:, 0].var(ddof=1), variances[0], rtol=1e-3)
    assert view.chosen[0, 0] < np.median(view.points[:, 0]) < view.chosen[1, 0]
    mass = view.projections.sum(axis=(2, 3))  # one map has the same density in both views
    assert np.allclose(mass[:, 0], mass[:, 1], rtol=2e-2)


def test_latents_that_are_no_numbers_are_not_drawn(prepared):
    trainer = trainer_of(prepared)
    with torch.no_grad():
        for parameter in trainer.model.encoder.parameters():
            parameter.fill_(float("nan"))
    assert view_of(trainer) is None


def test_phases_add_up_to_the_training_also_over_two_starts(prepared, tmp_path):
    run = copy_of(prepared, tmp_path / "run")
    start = time.monotonic()
    with pytest.raises(StopRequestedError):
        train(run, Watching(run, stop_after=1))
    first = read_training_times(run)
    train(run, Watching(run))
    seconds = time.monotonic() - start
    both = read_training_times(run)
    assert {"projection", "gradients", "encoder and decoder", "optimiser", "validation"} <= set(both)
    assert all(both[name] >= first[name] for name in first)
    assert 0.3 * seconds < sum(both.values()) <= seconds
