"""Routes of the current work: what is new, and what a page changed."""

import asyncio
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gem_plugin.errors import GemError, InputError
from gem_plugin.explorer.current_work import CurrentWork
from gem_plugin.explorer.opened_run import OpenedRun
from gem_plugin.explorer.request_fields import json_of, whole_number

SECONDS_BEFORE_WRITING = 0.5  # further changes are written with the first


class WorkAnswers:
    """Opened when a page first asks; written a moment after a change, and when the explorer stops."""

    def __init__(self, opened: OpenedRun) -> None:
        self.opened = opened
        self._work: CurrentWork | None = None
        self._opening = asyncio.Lock()
        self._writing: asyncio.Task[None] | None = None
        self._failure = ""  # why the last writing failed

    def routes(self) -> list[Route]:
        return [Route("/api/work", self.read), Route("/api/work", self.change, methods=["POST"])]

    async def read(self, request: Request) -> Response:
        """The parts that are newer than the version that the page has."""
        seen = request.query_params.get("after", "0")
        if not seen.isdigit() or len(seen) > 15:
            raise InputError(f"Expected a version of the work, got {seen[:80]!r}.")
        work = await self._opened()
        changes = await run_in_threadpool(
            work.changed_since, int(seen), _page(request.query_params.get("page"))
        )
        return JSONResponse({**changes._asdict(), "notices": work.notices, "failure": self._failure})

    async def change(self, request: Request) -> Response:
        fields = await json_of(request)
        parts = fields.get("parts")
        if not isinstance(parts, dict):
            raise InputError("Expected the changed parts of the work as a JSON object.")
        work = await self._opened()
        accepted = await run_in_threadpool(
            work.change, whole_number(fields, "seen"), parts, _page(fields.get("page"))
        )
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_soon(work))
        return JSONResponse({**accepted._asdict(), "failure": self._failure})

    async def close(self) -> None:
        """Write what is not written yet."""
        if self._writing is not None:
            self._writing.cancel()
        if self._work is not None:
            await self._write(self._work)

    async def keep(self) -> None:
        """The same before another run takes the place of this one. Raises InputError where the work cannot be written."""
        await self.close()
        if self._failure:
            raise InputError(self._failure)

    async def open_again(self) -> None:
        """The run is another one now: what no longer fits it is dropped, and said."""
        await self.close()
        async with self._opening:
            self._work = None

    async def _opened(self) -> CurrentWork:
        async with self._opening:
            if self._work is None:
                self._work = await run_in_threadpool(self._open)
            return self._work

    def _open(self) -> CurrentWork:
        return CurrentWork(self.opened.run, self.opened.run_of_work())

    async def _write_soon(self, work: CurrentWork) -> None:
        while not work.is_saved:
            await asyncio.sleep(SECONDS_BEFORE_WRITING)
            await self._write(work)
            if self._failure:
                return

    async def _write(self, work: CurrentWork) -> None:
        """The page hears of a failure with its next request; what is in memory stays."""
        try:
            await asyncio.shield(run_in_threadpool(work.save))
            self._failure = ""
        except (GemError, OSError) as error:
            self._failure = _in_words(error)


def _page(given: Any) -> str:
    """By which a tab knows its own changes."""
    return str(given or "")[:40]


def _in_words(error: Exception) -> str:
    if isinstance(error, OSError):
        reason: Any = error.strerror or error
        return f"The baskets could not be written into the run: {reason}. Free space or change permissions; they are kept in memory until then."
    return str(error)
