"""The forms name settings that there are."""

import pytest

from gem_plugin.adapters.pipeliner.commands import fields_of_job
from gem_plugin.adapters.pipeliner.shown_settings import FORMS, LABELS
from gem_plugin.settings import flag_of


@pytest.mark.parametrize("name", FORMS)
def test_every_shown_setting_is_one_of_the_job(name: str) -> None:
    form = FORMS[name]
    known = fields_of_job(name)
    assert set(form.settings) <= set(known)
    assert len(form.settings) == len(set(form.settings))
    assert set(form.may_change) <= set(form.settings)
    assert set(form.settings) | set(form.inputs) <= set(LABELS)
    assert all(known[key].metadata["help"] and flag_of(known[key]) for key in form.settings)


def test_labels_are_unique() -> None:
    """The pipeliner keys run.job files by label: two options of one label would overwrite each other."""
    assert len(set(LABELS.values())) == len(LABELS)
    shown = {key for form in FORMS.values() for key in (*form.settings, *form.inputs)}
    assert set(LABELS) == shown


def test_a_select_job_promises_nothing() -> None:
    """Until it has succeeded, its particles.star is a link to all particles of the earlier job."""
    assert FORMS["select"].promised_particles is None
