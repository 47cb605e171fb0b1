"""UMAP's compiled code is kept between processes, apart for every version, and not missed where it cannot be kept."""

import os
import subprocess
import sys
import types
from pathlib import Path

import pytest
from numba import config, njit

from gem_plugin.landscape.latents import compiled_umap
from gem_plugin.landscape.latents.compiled_umap import cache_folder

LAY_OUT = """
import numpy, umap.umap_
from gem_plugin.landscape.latents.umap import umap_embedding
layout = umap_embedding(numpy.random.default_rng(0).normal(size=(60, 4)), seed=0)
hits = umap.umap_.smooth_knn_dist.stats.cache_hits
print(sum(hits.values()), float(layout.sum()))
"""


def test_the_folder_names_the_versions(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = cache_folder()
    assert folder is not None
    assert folder.is_dir()
    assert {name.partition("-")[0] for name in folder.name.split("_")} >= {"umap", "pynndescent", "numba"}


def test_no_folder_where_none_can_be_made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert cache_folder() is None


def test_code_of_other_modules_and_the_setting_of_numba_stay(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    module = types.ModuleType("umap.made_up")
    borrowed = njit(lambda x: x + 1)  # of this file, so not of that module
    module.borrowed = borrowed  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "umap.made_up", module)
    before = config.CACHE_DIR
    compiled_umap._keep_compiled_code(tmp_path)
    assert type(borrowed._cache).__name__ == compiled_umap.NO_CACHE_YET
    assert before == config.CACHE_DIR


@pytest.mark.slow
def test_a_second_process_compiles_nothing_and_gives_the_same(tmp_path: Path) -> None:
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
    answers = [
        subprocess.run(
            [sys.executable, "-c", LAY_OUT], env=environment, capture_output=True, text=True, check=True
        )
        for _ in range(2)
    ]
    (first_hits, first), (second_hits, second) = [answer.stdout.split() for answer in answers]
    assert first_hits == "0"
    assert int(second_hits) > 0
    assert first == second
