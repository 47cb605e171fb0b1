"""Whether the run on disk is still the one that the page shows: trained again, its landscape made again, or gone."""

from pathlib import Path
from typing import NamedTuple

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from gem_plugin.io.run.files import RunFiles

GONE = 410  # of requests that would read or write a run that is no more
WRITING = ("/api/save/", "/api/session/", "/api/mask/", "/api/jobs/", "/api/reconstruction/start/")


class Stamp(NamedTuple):
    """Size and time of the files that say which results a run has; None where there is no such file."""

    particles: tuple[int, int] | None
    training: tuple[int, int] | None
    landscape: tuple[int, int] | None


class RunNews(NamedTuple):
    """What the pages are told."""

    stamp: str  # of the results that the explorer has open; a page that has another one is to be loaded again
    is_gone: bool
    words: str  # what changed since, as a sentence; empty where nothing did


def stamp_of(files: RunFiles) -> Stamp:
    """Quick: no file is read."""
    landscape = files.landscape
    return Stamp(_of_file(files.prepared_table), _of_file(files.latents), _of_file(landscape.particle_states))


def news_of(files: RunFiles, opened: Stamp) -> RunNews:
    """What changed since the run was opened."""
    text = "-".join(str(one) for one in opened)
    if not files.root.is_dir():
        return RunNews(text, True, gone_in_words(files))
    now = stamp_of(files)
    if now == opened:
        return RunNews(text, False, "")
    return RunNews(text, False, _in_words(opened, now))


def gone_in_words(files: RunFiles) -> str:
    return (
        f"The folder of the run, {files.root}, is no longer there. Put it back, or stop the explorer; "
        "what is shown was read before."
    )


def _in_words(opened: Stamp, now: Stamp) -> str:
    if now.particles != opened.particles:
        what = "Its particles were prepared again" if now.particles else "Its particles are gone"
    elif now.training != opened.training:
        what = "The run was trained again" if now.training else "The latents of the run are gone"
    else:
        what = "Its landscape was made again" if now.landscape else "Its landscape is gone"
    return f"{what} since this page was opened: it shows the earlier results."


def _of_file(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns


class RunGuard:
    """Refuses what would write into a run that is gone: nothing makes its folder anew by accident."""

    def __init__(self, app: ASGIApp, files: RunFiles) -> None:
        self.app, self.files = app, files

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_writing = (
            scope["type"] == "http" and scope["method"] == "POST" and scope["path"].startswith(WRITING)
        )
        if is_writing and not self.files.root.is_dir():
            await JSONResponse({"error": gone_in_words(self.files)}, GONE)(scope, receive, send)
            return
        await self.app(scope, receive, send)
