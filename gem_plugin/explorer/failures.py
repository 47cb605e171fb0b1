"""Failures of the explorer as one sentence in JSON, which the page shows; nothing else leaves the server."""

from collections.abc import Awaitable, Callable

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gem_plugin.errors import GemError
from gem_plugin.explorer.guard import SAFE_HEADERS
from gem_plugin.explorer.run_watch import GONE, gone_in_words
from gem_plugin.explorer.saved_names import NameTakenError
from gem_plugin.explorer.step_jobs import WouldReplaceError

MAXIMUM_LENGTH = 300  # characters of an error that is not ours


async def _taken(request: Request, error: Exception) -> Response:
    assert isinstance(error, NameTakenError)
    return JSONResponse({"error": str(error), "newName": error.new_name}, 409)


async def _replaces(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error), "mayReplace": True}, 409)


async def _ours(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, 400)


async def _of_the_disk(request: Request, error: Exception) -> Response:
    """A full disk, a folder that may not be written, a file that is no longer there."""
    assert isinstance(error, OSError)
    files = getattr(request.app.state, "files", None)
    if files is not None and not files.root.is_dir():
        return JSONResponse({"error": gone_in_words(files)}, GONE)
    reason = error.strerror or str(error)
    file = f" ({error.filename})" if error.filename else ""
    text = f"The explorer could not read or write a file: {reason}{file}. Free space or change permissions, then try again."
    return JSONResponse({"error": text}, 500)


async def _no_such_address(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    text = (
        f"The explorer has nothing at {request.url.path[:80]!r}. "
        "Load the page again: it may be of another version of GEM."
    )
    return JSONResponse({"error": text}, error.status_code)


async def _unexpected(request: Request, error: Exception) -> Response:
    """The server logs the traceback after this answer."""
    reason = f"{type(error).__name__}: {error}"[:MAXIMUM_LENGTH]
    text = (
        f"An unexpected error in the explorer ({reason}). Nothing else is affected; the terminal in which "
        "`gem-em explore` runs shows where it happened. Please report it with that text."
    )
    return JSONResponse({"error": text}, 500, headers=SAFE_HEADERS)  # this answer does not pass the guard


Handler = Callable[[Request, Exception], Awaitable[Response]]
HANDLERS: dict[type[Exception], Handler] = {
    NameTakenError: _taken,
    WouldReplaceError: _replaces,
    GemError: _ours,
    OSError: _of_the_disk,
    HTTPException: _no_such_address,
    Exception: _unexpected,
}
