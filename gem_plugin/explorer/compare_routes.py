"""Routes of the comparison: one map with its variability, and all that are shown as files for ChimeraX."""

import asyncio
import re
import threading
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gem_plugin.errors import InputError
from gem_plugin.explorer.chimerax_saving import ShownMap, save_for_chimerax
from gem_plugin.explorer.compared_maps import MAXIMUM_COMPARED, compared_map
from gem_plugin.explorer.opened_run import OpenedRun
from gem_plugin.explorer.packed_answers import packed
from gem_plugin.explorer.request_fields import json_of, number_of, overwrites
from gem_plugin.explorer.selection_maps import stop_if
from gem_plugin.explorer.selection_routes import given_up

COLOUR_PATTERN = re.compile(r"#[0-9a-fA-F]{6}")


class CompareAnswers:
    """One method a route."""

    def __init__(self, opened: OpenedRun) -> None:
        self.opened = opened
        self.turn_to_save = asyncio.Lock()

    def routes(self) -> list[Route]:
        return [
            Route("/api/compare/map", self.map, methods=["POST"]),
            Route("/api/compare/chimerax/{name:path}", self.chimerax, methods=["POST"]),
        ]

    async def map(self, request: Request) -> Response:
        """The mean as bytes, then its standard deviation over particles, scaled so that 255 is nearly the largest on the surface."""
        fields = await json_of(request)
        async with given_up(request) as is_given_up:
            return await run_in_threadpool(self._map, fields, is_given_up)

    def _map(self, fields: dict[str, Any], is_given_up: threading.Event) -> Response:
        molecules = self.opened.molecules()
        found = compared_map(self.opened, fields, stop_if(is_given_up.is_set))
        head: dict[str, Any] = {"mapSigma": found.sigma, "averaged": found.n_averaged, "largestStd": None}
        mean = molecules.as_bytes(found.mean)
        largest = found.std_on_surface(molecules.window.level)
        if found.std is None or largest <= 0:
            return packed(head, mean)
        head["largestStd"] = largest
        return packed(head, mean, molecules.as_bytes(found.std, largest))

    async def chimerax(self, request: Request) -> Response:
        fields, name, overwrite = await json_of(request), request.path_params["name"], overwrites(request)
        async with self.turn_to_save, given_up(request) as is_given_up:
            return await run_in_threadpool(self._chimerax, name, fields, overwrite, is_given_up)

    def _chimerax(
        self, name: str, fields: dict[str, Any], overwrite: bool, is_given_up: threading.Event
    ) -> Response:
        asked = fields.get("maps")
        if not isinstance(asked, list) or not 1 <= len(asked) <= MAXIMUM_COMPARED:
            raise InputError(f"Expected 1 to {MAXIMUM_COMPARED} maps that are shown: check one in the list.")
        highest_std = fields.get("highestStd")
        by_std = isinstance(highest_std, int | float) and highest_std > 0
        shown = [self._shown(one, by_std, is_given_up) for one in asked]
        pixel_size = self.opened.molecules().source.pixel_size_in_angstroms
        highest = float(highest_std or 0) if by_std else 0.0
        written = save_for_chimerax(self.opened.run, name, shown, pixel_size, highest, overwrite)
        return JSONResponse({"files": [str(path) for path in written]})

    def _shown(self, fields: Any, by_std: bool, is_given_up: threading.Event) -> ShownMap:
        found = compared_map(self.opened, fields, stop_if(is_given_up.is_set))
        colour = str(fields.get("colour"))
        if not COLOUR_PATTERN.fullmatch(colour):
            raise InputError(f"Expected a colour as #rrggbb, got {colour[:80]!r}.")
        opacity, level = number_of(fields, "opacity"), number_of(fields, "level")
        if not 0 <= opacity <= 1 or not level > 0:
            raise InputError(
                f"Expected an opacity of 0 to 1 and a level above 0, got {opacity:.3g} and {level:.3g}."
            )
        name = str(fields.get("name", "map"))[:80]
        return ShownMap(name, colour, opacity, level, found.mean, found.std if by_std else None)
