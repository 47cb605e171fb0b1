"""Movies of frames that the page drew: a GIF always, an MP4 too where the extra `movies` is installed."""

import importlib.util
import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from gem_plugin.errors import InputError
from gem_plugin.explorer.saved_names import check_name_is_free
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.whole_files import whole_file

MAXIMUM_FRAMES = 400
MAXIMUM_SIDE_OF_A_FRAME = 2000  # pixels along a side
FRAMES_PER_SECOND = 12
SUFFIXES = (".gif", ".mp4")
CODECS = ("libx264", "libopenh264", "mpeg4")  # the first that this build of PyAV has
QUALITY = {"crf": "18", "preset": "medium"}
HOW_TO_GET_MP4 = "For mp4 too: pip install 'gem-em[movies]', then start the page again."


def can_write_mp4() -> bool:
    return importlib.util.find_spec("av") is not None


def save_movie(run: RunFiles, name: str, frames: list[bytes], overwrite: bool = False) -> list[Path]:
    """PNG frames as movies that go there and back."""
    check_name_is_free(name, lambda other: _movies_of(run, other), overwrite)
    if not 2 <= len(frames) <= MAXIMUM_FRAMES:
        raise InputError(f"A movie has 2 to {MAXIMUM_FRAMES} frames, got {len(frames)}.")
    pictures = [_open_frame(frame) for frame in frames]
    if len({picture.size for picture in pictures}) > 1:
        raise InputError("The frames of the movie differ in size.")
    pictures += pictures[-2:0:-1]
    gif, mp4 = (run.explore.movie(name, suffix) for suffix in SUFFIXES)
    _write_gif(gif, pictures)
    if can_write_mp4():
        _write_mp4(mp4, pictures)
    else:
        mp4.unlink(missing_ok=True)  # that of an earlier movie, which was to be overwritten
    return _movies_of(run, name)


def _movies_of(run: RunFiles, name: str) -> list[Path]:
    paths = [run.explore.movie(name, suffix) for suffix in SUFFIXES]
    return [path for path in paths if path.exists()]


def _write_gif(path: Path, pictures: list[Image.Image]) -> None:
    few_colours = [picture.quantize(128) for picture in pictures]
    with whole_file(path) as temporary:
        few_colours[0].save(
            temporary,
            save_all=True,
            append_images=few_colours[1:],
            duration=1000 // FRAMES_PER_SECOND,
            loop=0,
        )


def _write_mp4(path: Path, pictures: list[Image.Image]) -> None:
    """Even width and height, and yuv420p: what every player opens."""
    import av

    codec = next(name for name in CODECS if name in av.codecs_available)
    width, height = (side - side % 2 for side in pictures[0].size)
    with whole_file(path) as temporary, av.open(str(temporary), "w") as film:
        options = QUALITY if codec == CODECS[0] else {}
        stream: Any = film.add_stream(codec, rate=FRAMES_PER_SECOND, options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for picture in pictures:
            pixels = np.ascontiguousarray(np.asarray(picture)[:height, :width])
            film.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        film.mux(stream.encode())


def _open_frame(content: bytes) -> Image.Image:
    try:
        picture = Image.open(io.BytesIO(content), formats=("PNG",))
        if max(picture.size) > MAXIMUM_SIDE_OF_A_FRAME:
            raise InputError(
                f"A frame has {picture.size} pixels; expected at most {MAXIMUM_SIDE_OF_A_FRAME} along a side."
            )
        return picture.convert("RGB")
    except (OSError, SyntaxError, ValueError) as error:
        raise InputError(f"A frame of the movie is not a PNG picture ({error}).") from error
