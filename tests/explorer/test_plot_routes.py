"""The server's answers for the plot: columns of the particle file, and the image of a particle."""

import json

import numpy as np
import pytest
from explorer_run import N_PARTICLES
from served_explorer import Explorer

from gem_plugin.explorer.plot_routes import MAXIMUM_SIDE, binned
from gem_plugin.results.run import Run


def test_columns_of_the_file_are_named_and_sent_one_at_a_time(explorer: Explorer) -> None:
    offered = explorer.ask_json("/api/file-columns")
    assert offered["file"].endswith(".star")
    assert "rlnDefocusU" in offered["columns"]
    head, content = explorer.ask_packed("/api/file-column/rlnDefocusU")
    values = np.frombuffer(content, "<f4")
    np.testing.assert_allclose(values, Run(explorer.run).column("rlnDefocusU"), rtol=1e-6)
    assert head["lowest"] == values.min()
    head, content = explorer.ask_packed("/api/file-column/rlnImageName")
    assert head["nCategories"] == N_PARTICLES
    assert len(head["categories"]) == 29
    found = explorer.ask_json("/api/file-categories/rlnImageName?text=000123@")["found"]
    assert [one["name"] for one in found] == [Run(explorer.run).particles.image_names[122]]
    assert np.frombuffer(content, "<f4")[122] == found[0]["number"]


@pytest.mark.parametrize("path", ["/api/file-column/absent", "/api/file-categories/../../etc/passwd"])
def test_what_is_no_column_is_refused_in_a_sentence(explorer: Explorer, path: str) -> None:
    status, content = explorer.ask(path)
    assert status in (400, 404)
    assert len(json.loads(content)["error"]) > 20


def test_the_image_of_a_particle_is_small_and_its_own(explorer: Explorer) -> None:
    head, content = explorer.ask_packed("/api/particle-image/7")
    size = head["imageSize"]
    assert 0 < size <= MAXIMUM_SIDE
    image = np.frombuffer(content, "<f4").reshape(size, size)
    _, other = explorer.ask_packed("/api/particle-image/8")
    assert np.std(image) > 0
    assert not np.array_equal(image, np.frombuffer(other, "<f4").reshape(size, size))
    status, content = explorer.ask(f"/api/particle-image/{N_PARTICLES}")
    assert status == 400
    assert f"{N_PARTICLES} particles" in json.loads(content)["error"]


@pytest.mark.parametrize(
    "path", ["/api/file-columns", "/api/file-column/rlnDefocusU", "/api/particle-image/0"]
)
def test_the_token_is_asked_for(explorer: Explorer, path: str) -> None:
    status, _ = explorer.ask(path, with_token=False)
    assert status == 401


def test_squares_of_pixels_are_averaged() -> None:
    image = np.arange(36, dtype=np.float32).reshape(6, 6)
    np.testing.assert_array_equal(binned(image, 6), image)
    assert binned(image, 3)[0, 0] == image[:2, :2].mean()
    assert binned(np.ones((129, 129), np.float32), 64).shape == (43, 43)
