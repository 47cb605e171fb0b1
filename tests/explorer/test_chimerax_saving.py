"""Files for ChimeraX: the maps as they are, a script with their levels and colours, and nothing overwritten."""

from pathlib import Path

import numpy as np
import pytest

from gem_plugin.explorer.chimerax_saving import ShownMap, file_name, save_for_chimerax
from gem_plugin.explorer.saved_names import NameTakenError
from gem_plugin.io.mrc.maps import read_map
from gem_plugin.io.run.files import RunFiles


def shown(name: str, std: np.ndarray | None = None) -> ShownMap:
    volume = np.random.default_rng(0).normal(size=(8, 8, 8)).astype(np.float32)
    return ShownMap(name, "#0072b2", 0.6, 0.25, volume, std)


def test_maps_and_script_are_written_and_never_overwritten(tmp_path: Path) -> None:
    run = RunFiles(tmp_path / "run")
    maps = [shown("state 1"), shown('my "lid" / open')]
    script, *files = save_for_chimerax(run, "lid", maps, 1.5, 0.0)
    assert [path.name for path in files] == ["1_state_1.mrc", "2_my_lid_open.mrc"]
    found = read_map(files[0])
    np.testing.assert_array_equal(found.volume, maps[0].mean)
    assert found.pixel_size_in_angstroms == pytest.approx(1.5)
    text = script.read_text(encoding="utf-8")
    assert 'open "2_my_lid_open.mrc" id #2 name "my _lid_ / open"' in text
    assert "volume #1 level 0.25 step 1 color #0072b2 transparency 0.4" in text
    assert "color sample" not in text
    with pytest.raises(NameTakenError, match="Save as lid-2, or overwrite"):
        save_for_chimerax(run, "lid", maps, 1.5, 0.0)
    assert script.read_text(encoding="utf-8") == text


def test_variability_is_a_second_map_and_a_key(tmp_path: Path) -> None:
    std = np.ones((8, 8, 8), np.float32)
    maps = [shown("mean", std), shown("one")]
    script, *files = save_for_chimerax(RunFiles(tmp_path), "v", maps, 1.0, 0.5)
    assert {path.name for path in files} == {"1_mean.mrc", "1_mean_std.mrc", "2_one.mrc"}
    text = script.read_text(encoding="utf-8")
    assert "color sample #1 map #3 palette" in text
    assert "range 0,0.5" in text
    assert "\nkey " in text


def test_names_of_files_hold_letters_and_digits_only() -> None:
    assert file_name(3, "../../x y;z") == "3_x_y_z.mrc"
    assert file_name(1, "状態") == "1_map.mrc"
