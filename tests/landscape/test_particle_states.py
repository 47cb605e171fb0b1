"""Without the optional package igraph: a sentence that says what to install, and everything else still works."""

import io
import sys

import numpy as np
import pytest

from gem_plugin.errors import InputError
from gem_plugin.landscape import particle_states
from gem_plugin.progress import Progress
from gem_plugin.steps.landscape_full.settings import LandscapeFullSettings
from gem_plugin.steps.landscape_full.states import leiden_wanted


@pytest.fixture
def without_igraph(monkeypatch: pytest.MonkeyPatch) -> None:
    """No folder holds igraph, as on a machine where it is not installed."""
    monkeypatch.delitem(sys.modules, "igraph", raising=False)
    monkeypatch.setattr(sys, "path", [])
    assert not particle_states.leiden_is_installed()


@pytest.mark.usefixtures("without_igraph")
def test_communities_say_what_to_install() -> None:
    with pytest.raises(InputError, match=r"pip install 'gem-em\[leiden\]'"):
        particle_states.leiden_states(np.eye(4), 2, 1.0, 0)


@pytest.mark.usefixtures("without_igraph")
def test_the_full_landscape_leaves_them_out_and_says_so() -> None:
    said = io.StringIO()
    assert not leiden_wanted(LandscapeFullSettings(), Progress(said))
    assert "pip install igraph" in said.getvalue()
