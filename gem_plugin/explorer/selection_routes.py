"""Routes that show a selection: its mean molecule, what is known of it, and some of its images. The body holds the rows."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gem_plugin.explorer.compared_maps import sigma_of_map
from gem_plugin.explorer.opened_run import OpenedRun
from gem_plugin.explorer.packed_answers import float_bytes, packed
from gem_plugin.explorer.request_fields import rows_of
from gem_plugin.explorer.selection_maps import in_words, stop_if

SECONDS_BETWEEN_LOOKS = 0.2  # whether the page still waits


class SelectionAnswers:
    """One method a route."""

    def __init__(self, opened: OpenedRun) -> None:
        self.opened = opened

    def routes(self) -> list[Route]:
        return [
            Route("/api/selection/molecule", self.molecule, methods=["POST"]),
            Route("/api/selection/facts", self.facts, methods=["POST"]),
            Route("/api/selection/images", self.images, methods=["POST"]),
        ]

    async def molecule(self, request: Request) -> Response:
        """The mean map as bytes, then the difference from the rest, scaled so that 127 from zero is its largest value."""
        rows = rows_of(await request.body())
        async with given_up(request) as is_given_up:
            return await run_in_threadpool(self._molecule, rows, is_given_up)

    def _molecule(self, rows: np.ndarray, is_given_up: threading.Event) -> Response:
        molecules = self.opened.molecules()
        found = self.opened.selection_maps().average(rows, stop_if(is_given_up.is_set))
        head: dict[str, Any] = {
            "particles": found.n_selected,
            "averaged": found.n_averaged,
            "sigma": found.sigma,
            "mapSigma": sigma_of_map(found.mean),
            "differenceSigma": 0.0 if found.difference is None else sigma_of_map(found.difference),
            "largestDifference": found.largest_difference,
            "sentence": in_words(found),
        }
        mean = molecules.as_bytes(found.mean)
        if found.difference is None:
            return packed(head, mean)
        return packed(head, mean, molecules.signed_bytes(found.difference, found.largest_difference))

    async def facts(self, request: Request) -> Response:
        rows = rows_of(await request.body())
        of = self.opened.selection_facts.of
        return JSONResponse(await run_in_threadpool(of, rows, self.opened.n_particles))

    async def images(self, request: Request) -> Response:
        """Rows and images of the montage, or what is missing."""
        rows = rows_of(await request.body())
        return await run_in_threadpool(self._images, rows)

    def _images(self, rows: np.ndarray) -> Response:
        found = self.opened.selection_facts.montage(rows, self.opened.n_particles)
        if isinstance(found, str):
            return packed({"missing": found, "rows": [], "nearest": 0, "imageSize": 0})
        size = found.images.shape[-1]
        head = {"rows": found.rows.tolist(), "nearest": found.n_nearest, "imageSize": size}
        return packed(head, float_bytes(found.images))


@contextlib.asynccontextmanager
async def given_up(request: Request) -> AsyncIterator[threading.Event]:
    """An event that is set once the page no longer waits for the answer."""
    event = threading.Event()

    async def look() -> None:
        while not await request.is_disconnected():
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
        event.set()

    looking = asyncio.create_task(look())
    try:
        yield event
    finally:
        looking.cancel()
