"""What a user sees of a job in the workspace, and what the server is asked before the work begins."""

import numpy as np
import pytest

from cryosparc_server.commands import INPUTS, N_PARTICLES, newest, run
from cryosparc_server.conftest import GENERATION
from cryosparc_server.fake_steps import fake_run_steps, states_of
from cryosparc_server.faults import operation
from cryosparc_server.instance import Instance, ServerError
from gem_plugin.adapters.cryosparc import work as cryosparc_work
from gem_plugin.notices import warn

pytest.importorskip("cryosparc.tools", reason="cryosparc-tools is absent (pip install 'gem-em[cryosparc]')")
WARNING = "The half-maps of state 2 agree to 20 A only. " + "Look at its particles. " * 20


def with_calls_noted(monkeypatch: pytest.MonkeyPatch, instance: Instance, warning: str = "") -> list[int]:
    """How many calls the server had got when the first step began; the step warns."""
    before: list[int] = []

    def steps(names, run_files, values, progress):
        if not before:
            before.append(len(instance.calls))
            if warning:
                warn(warning)
        return fake_run_steps(names, run_files, values, progress)

    monkeypatch.setattr(cryosparc_work, "run_steps", steps)
    return before


def test_folder_file_and_outputs_are_tried_before_the_work(
    rows: np.ndarray, instance: Instance, monkeypatch: pytest.MonkeyPatch
):
    before = with_calls_noted(monkeypatch, instance)
    assert run("run", *INPUTS, "-M", "3") == 0
    calls = instance.calls[: before[0]]
    expected = [operation(name) for name in ("mkdir", "upload", "download", "output")]
    assert set(expected) <= set(calls)
    assert [calls.index(name) for name in expected] == sorted(calls.index(name) for name in expected)
    assert calls.count(operation("output")) == 3 + 2 * 3  # particles, consensus, mask; two of each state
    titles = {name: one.title for name, one in newest(instance).outputs.items()}
    count = int((states_of(N_PARTICLES) == 2).sum())
    assert titles["particles_state_2"].endswith(f": {count} particles")  # what is known at the end


def test_with_an_unknown_number_of_states_theirs_are_declared_at_the_end(
    rows: np.ndarray, instance: Instance, monkeypatch: pytest.MonkeyPatch
):
    before = with_calls_noted(monkeypatch, instance)
    assert run("run", *INPUTS) == 0
    assert instance.calls[: before[0]].count(operation("output")) == 3
    assert "volume_state_3" in newest(instance).outputs


@pytest.mark.parametrize("what", ["make_folder", "add_output"])
def test_a_server_that_refuses_results_says_so_before_the_work(
    rows: np.ndarray, instance: Instance, monkeypatch: pytest.MonkeyPatch, capsys, what: str
):
    """The quota of the project is used up, or the server knows no such slot."""
    before = with_calls_noted(monkeypatch, instance)

    def refuse(*given: object) -> None:
        raise ServerError(422, "not here")

    monkeypatch.setattr(type(instance), what, refuse)
    assert run("run", *INPUTS) == 1
    assert before == []
    assert newest(instance).statuses == ["running", "failed"]
    assert "not here" in capsys.readouterr().err


def test_the_log_has_settings_states_and_warnings_in_full(
    rows: np.ndarray, instance: Instance, monkeypatch: pytest.MonkeyPatch
):
    with_calls_noted(monkeypatch, instance, WARNING)
    assert run("run", *INPUTS, "--epochs", "7") == 0
    job = newest(instance)
    texts = [event["text"] for event in job.events if event["type"] != "checkpoint"]
    assert any(text.startswith("Settings of train\ngiven: ") for text in texts)
    table = next(text for text in texts if text.startswith("States\n"))
    counts = np.bincount(states_of(N_PARTICLES))
    for number in (1, 2, 3):
        row = next(line for line in table.splitlines() if line.startswith(f"{number} "))
        assert row.split()[:3] == [str(number), str(counts[number]), f"{counts[number] / N_PARTICLES:.1%}"]
        assert row.endswith("not tested")
    assert sum(WARNING.strip() in text for text in texts) == 2  # when it came up, and at the end
    assert "Warnings of this job: 1\n1. The half-maps" in job.texts()


def test_at_most_ten_pictures_with_words_tell_the_story(rows: np.ndarray, instance: Instance):
    assert run("run", *INPUTS) == 0
    job = newest(instance)
    captions = [event["text"] for event in job.events if event["type"] == "image"]
    assert [caption.split(":")[0].split(",")[0] for caption in captions] == [
        "Consensus map",
        "Particles in the latent space",
        "Mean maps of the states",
        "States as surfaces",
        "Training",
    ]
    assert all("_" not in caption and len(caption) <= 300 for caption in captions)
    if GENERATION >= 5:
        assert job.tile is not None
        assert {"consensus", "volume_state_1", "mask"} <= set(job.output_images)
