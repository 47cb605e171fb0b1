"""Movies of the explorer: a GIF always, an MP4 with the extra; other pictures are refused."""

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from served_explorer import Explorer

from gem_plugin.explorer import movies, saving_routes
from gem_plugin.explorer.movies import save_movie
from gem_plugin.io.run.files import RunFiles

GREYS = (0, 100, 200)


def frame(grey: int, width: int = 9, height: int = 8) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), (grey, grey, grey)).save(buffer, "PNG")
    return buffer.getvalue()


def address(picture: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(picture).decode()


def test_without_the_extra_there_is_a_gif_and_a_hint(
    explorer: Explorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (movies, saving_routes):
        monkeypatch.setattr(module, "can_write_mp4", lambda: False)
    answer = explorer.ask_json("/api/save/movie/film", {"frames": [address(frame(grey)) for grey in GREYS]})
    assert answer["files"] == [str(explorer.run.explore.root / "film.gif")]
    assert "pip install 'gem-em[movies]'" in answer["hint"]
    with Image.open(explorer.run.explore.root / "film.gif") as film:
        assert getattr(film, "n_frames", 1) == 4, "there and back"


def test_an_mp4_shows_the_same_frames(tmp_path: Path) -> None:
    av = pytest.importorskip("av", reason="PyAV is absent (pip install 'gem-em[movies]')")
    written = save_movie(RunFiles(tmp_path), "film", [frame(grey, 33, 32) for grey in GREYS])
    assert [path.name for path in written] == ["film.gif", "film.mp4"]
    with av.open(str(written[1])) as film:
        pictures = [picture.to_ndarray(format="rgb24") for picture in film.decode(video=0)]
    assert pictures[0].shape == (32, 32, 3), "players want even sides"
    means = [picture.mean() for picture in pictures]
    np.testing.assert_allclose(means, [0, 100, 200, 100], atol=6)


def test_other_pictures_are_refused(explorer: Explorer) -> None:
    for frames, reason in (
        ([address(frame(0))], b"2 to 400 frames"),
        (["aGVsbG8=", "aGVsbG8="], b"not a PNG"),
        ([address(frame(0)), address(frame(0, 10))], b"differ in size"),
        ([address(frame(0, 2001)), address(frame(0, 2001))], b"at most 2000 along a side"),
        ([1, 2], b"PNG data addresses"),
    ):
        status, content = explorer.ask("/api/save/movie/bad", {"frames": frames})
        assert status == 400
        assert reason in content, content
    assert not (explorer.run.explore.root / "bad.gif").exists()
