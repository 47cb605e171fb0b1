"""Rounds of k-means and epochs of UMAP are told, and change nothing of the result; a stop is heard."""

import io
import re
import sys
import threading
import warnings

import numpy as np
import pytest
from scipy.spatial import cKDTree
from sklearn.cluster import KMeans
from tqdm import tqdm

from gem_plugin.errors import StopRequestedError
from gem_plugin.landscape.latents import neighbour_search
from gem_plugin.landscape.latents.neighbour_search import nearest_points
from gem_plugin.landscape.latents.umap import N_NEIGHBORS, _neighbours, umap_embedding
from gem_plugin.landscape.printed_rounds import PushedLoop, rounds_printed
from gem_plugin.landscape.sketch import KMEANS_ITERATIONS, make_sketch
from gem_plugin.progress import Progress

TIME_LEFT = r"\d+/{} \[\d\d:\d\d<\d\d:\d\d, "


@pytest.fixture
def points() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(400, 5)).astype(np.float32)


def test_kmeans_tells_its_rounds_and_finds_what_scikit_learn_finds(points: np.ndarray) -> None:
    log = io.StringIO()
    sketch = make_sketch(points, 20, 0, Progress(log, seconds_between_lines=0).track)
    alone = KMeans(20, n_init=1, max_iter=KMEANS_ITERATIONS, random_state=0).fit(points)
    for cell, row in enumerate(sketch.rows):
        np.testing.assert_array_equal(sketch.labels == cell, alone.labels_ == alone.labels_[row])
    assert len(sketch) == len(np.unique(alone.labels_)) == 20
    assert re.search(rf"^k-means rounds: +10% {TIME_LEFT.format(KMEANS_ITERATIONS)}", log.getvalue())


def test_umap_tells_its_epochs_and_lays_out_as_alone(points: np.ndarray) -> None:
    log = io.StringIO()
    layout = umap_embedding(points[:60], 3, track=Progress(log, seconds_between_lines=0).track)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from umap import UMAP

        rows, distances = _neighbours(points[:60], N_NEIGHBORS)
        settings = {"n_neighbors": N_NEIGHBORS, "precomputed_knn": (rows, distances)}
        alone = UMAP(**settings, random_state=3, n_jobs=1).fit_transform(points[:60])
    np.testing.assert_array_equal(layout, alone)
    epochs = [line for line in log.getvalue().splitlines() if "/500 [" in line]
    assert len(epochs) == 500
    assert re.match(r"UMAP epochs: +50% 250/500 \[.*<", epochs[249])


def test_a_stop_is_heard_between_two_rounds_of_kmeans(points: np.ndarray) -> None:
    said, printed_to = io.StringIO(), sys.stdout
    progress = Progress(said, check_stop=StopAfter(3), seconds_between_lines=0)
    with pytest.raises(StopRequestedError):
        make_sketch(points, 20, 0, progress.track)
    assert "3/10" in said.getvalue()
    assert "4/10" not in said.getvalue()
    assert sys.stdout is printed_to, "printing works again"


def test_a_stop_in_umap_is_heard_and_leaves_no_lock_held(points: np.ndarray) -> None:
    progress = Progress(io.StringIO(), check_stop=StopAfter(3))
    with pytest.raises(StopRequestedError):
        umap_embedding(points[:60], 0, track=progress.track)
    other = threading.Thread(target=lambda: tqdm(total=1, file=io.StringIO()).close(), daemon=True)
    other.start()
    other.join(timeout=10)
    assert not other.is_alive(), "another bar waits for ever"


def test_what_is_printed_within_is_swallowed_and_what_comes_after_is_not(
    capsys: pytest.CaptureFixture[str],
) -> None:
    done = []

    def track(items, description, total=None, unit="step"):  # type: ignore[no-untyped-def]
        for item in items:
            yield item
            done.append(item)

    with rounds_printed(PushedLoop(track, "rounds", "round"), 5, ends="Round"):
        print("Round 1 of 5")
        print("something else")
        print("Round 2 of 5")
    print("afterwards")
    assert done == [0, 1], "a loop that ends early ends there"
    assert capsys.readouterr().out == "afterwards\n"


def test_neighbours_in_parts_are_those_of_the_whole(
    points: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(neighbour_search, "POINTS_AT_A_TIME", 150)
    log = io.StringIO()
    tree = cKDTree(points)
    found = nearest_points(tree, points, 4, Progress(log, seconds_between_lines=0).track)
    for mine, whole in zip(found, tree.query(points, 4), strict=True):
        np.testing.assert_array_equal(mine, whole)
    assert re.search(rf"nearest neighbours: +67% {TIME_LEFT.replace('{}', '3')}", log.getvalue())
    assert [len(part) for part in nearest_points(tree, points[:0], 4)] == [0, 0]


class StopAfter:
    """Asks to stop when it was asked so many times before."""

    def __init__(self, n_rounds: int) -> None:
        self.n_left = n_rounds

    def __call__(self) -> None:
        self.n_left -= 1
        if self.n_left < 0:
            raise StopRequestedError("stop")
