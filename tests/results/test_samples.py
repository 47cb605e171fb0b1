"""Samples as they are saved and read again."""

from pathlib import Path

import numpy as np
import pytest

from gem_plugin.errors import InputError
from gem_plugin.results.samples import Samples


def test_samples_are_saved_and_loaded(tmp_path: Path) -> None:
    Samples("when", ("früh", "late"), np.array([1, 2, 0])).save(tmp_path / "samples.npz")
    loaded = Samples.load(tmp_path / "samples.npz", "this")
    assert (loaded.column, loaded.names, loaded.numbers.tolist()) == ("when", ("früh", "late"), [1, 2, 0])
    assert loaded.texts.tolist() == ["früh", "late", ""]
    assert loaded.in_words == "1 früh, 2 late"


def test_what_is_not_there_is_named_with_its_command(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="gem-em landscape --compare"):
        Samples.load(tmp_path / "samples.npz", "gem-em landscape --compare COLUMN")
