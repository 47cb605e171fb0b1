"""A finished run that is started again with other settings is refused, with what would be lost."""

from pathlib import Path

import pytest

from gem_plugin.errors import InputError
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.settings import write_step_settings, write_step_summary
from gem_plugin.pipeline.finished_runs import check_nothing_is_lost
from gem_plugin.pipeline.last_settings import with_number_of_states_of_before
from gem_plugin.pipeline.run_steps import RUN_STEPS, is_finished
from gem_plugin.pipeline.settings_of_steps import settings_of_step
from gem_plugin.pipeline.step_table import STEPS

VALUES = {"particles": "particles.star", "map": "map.mrc", "n_states": 3, "epochs": 2}


@pytest.fixture
def run(tmp_path: Path) -> RunFiles:
    run = RunFiles(tmp_path / "RUN")
    for name in RUN_STEPS:
        write_step_settings(run, name, settings_of_step(STEPS[name], VALUES))
        write_step_summary(run, name, {"seconds": 1})
    return run


def test_other_settings_are_refused_with_what_would_be_lost(run: RunFiles):
    (run.root.parent / "RUN-2").mkdir()
    told = (
        r"RUN is finished with other settings of landscape: n_states was 3, is 10\. The results of landscape would be "
        r"lost\. To do landscape alone again, with the model that is there: `gem-em landscape \S*RUN -M 10`\. "
        r"Give another folder, such as --out \S*RUN-3, .* or --overwrite"
    )
    with pytest.raises(InputError, match=told):
        check_nothing_is_lost(RUN_STEPS, run, {**VALUES, "n_states": 10})
    with pytest.raises(
        InputError, match=r"of train: latent_size was \d+, is 3\. The results of train, analyze, landscape "
    ):
        check_nothing_is_lost(RUN_STEPS, run, {**VALUES, "latent_size": 3})


def test_mask_that_is_new_or_gone_counts_as_another_setting(run: RunFiles):
    with pytest.raises(InputError, match=r"of prepare: mask was not given, is mask\.mrc"):
        check_nothing_is_lost(RUN_STEPS, run, {**VALUES, "mask": "mask.mrc"})


def test_the_same_settings_more_epochs_and_another_machine_go_on(run: RunFiles):
    check_nothing_is_lost(RUN_STEPS, run, VALUES)
    check_nothing_is_lost(RUN_STEPS, run, {**VALUES, "epochs": 5, "device": "cpu"})
    check_nothing_is_lost(RUN_STEPS, RunFiles(run.root / "new"), {**VALUES, "n_states": 10})


def test_run_that_was_not_finished_may_be_started_with_others(run: RunFiles):
    run.summary.write_text('{"prepare": {}, "consensus": {}}')
    check_nothing_is_lost(RUN_STEPS, run, {**VALUES, "n_states": 10, "latent_size": 3})


def test_a_finished_run_of_ten_states_by_default_is_not_made_again(tmp_path: Path):
    run, without = RunFiles(tmp_path / "RUN"), {"particles": "particles.star", "map": "map.mrc"}
    for name in RUN_STEPS:
        write_step_settings(run, name, settings_of_step(STEPS[name], {**without, "n_states": 10}))
        write_step_summary(run, name, {"seconds": 1})
    check_nothing_is_lost(RUN_STEPS, run, without)
    with pytest.raises(InputError, match="n_states was 10, is auto"):
        check_nothing_is_lost(RUN_STEPS, run, {**without, "n_states": "auto"})
    landscape = STEPS["landscape"]
    assert is_finished(
        run, "landscape", settings_of_step(landscape, with_number_of_states_of_before(landscape, run, {}))
    )
    assert not is_finished(run, "landscape", settings_of_step(landscape, {}))
