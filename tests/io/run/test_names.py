"""Names with numbers: made and read back by one module."""

from pathlib import Path

import pytest

from gem_plugin.io.run.analyze_files import AnalyzeFiles
from gem_plugin.io.run.explore_files import ExploreFiles
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.names import (
    component_folder,
    component_folders,
    map_file,
    map_files,
    point_name,
    state_name,
    state_number,
)
from gem_plugin.io.run.state_files import StateFiles


@pytest.mark.parametrize("number", [1, 12, 999, 1000])
def test_numbers_come_back(number: int) -> None:
    assert state_number(state_name(number)) == number
    assert len(state_name(number)) >= len("state_001")
    assert point_name(number).endswith(f"{number:03d}")


@pytest.mark.parametrize("name", ["all", "random_subset", "state_", "state_001_mean", "point_001"])
def test_other_names_are_no_states(name: str) -> None:
    assert state_number(name) is None


def test_series_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for number in (1000, 2, 10):
        map_file(tmp_path, number).touch()
    for other in ("vol_mean.mrc", "vol_.mrc", "map_001.mrc"):
        (tmp_path / other).touch()
    assert [path.name for path in map_files(tmp_path)] == ["vol_002.mrc", "vol_010.mrc", "vol_1000.mrc"]
    for number in (10, 2):
        component_folder(tmp_path, number).mkdir()
    (tmp_path / "pca").mkdir()
    assert list(component_folders(tmp_path)) == [2, 10]


def test_states_with_maps_are_found_and_removed(tmp_path: Path) -> None:
    files = StateFiles(tmp_path)
    for number in (12, 3):
        for path in (
            files.mean(number),
            files.standard_deviation(number),
            files.rows(number),
            files.particles(number, ".star"),
        ):
            path.touch()
    files.minus(3, 12).touch()
    assert files.minus(3, 12).name == "state_003_minus_state_012.mrc"
    assert files.numbers_with_maps() == [3, 12]
    files.remove_differences()
    assert not files.minus(3, 12).exists()
    files.remove_maps()
    assert files.numbers_with_maps() == []
    assert files.rows(3).is_file()
    files.remove_particles()
    assert list(tmp_path.iterdir()) == []


def test_kmeans_and_sessions_are_found_by_their_names(tmp_path: Path) -> None:
    analyze = AnalyzeFiles(tmp_path)
    for n_maps in (20, 3):
        analyze.kmeans(n_maps).root.mkdir()
    (tmp_path / "kmeans").mkdir()
    assert list(analyze.all_kmeans()) == [3, 20]
    explore = ExploreFiles(tmp_path)
    explore.session("my_view").touch()
    assert explore.session_names() == ["my_view"]
    assert RunFiles(tmp_path).half(2).latents == tmp_path / "train" / "half2" / "latents.npy"
