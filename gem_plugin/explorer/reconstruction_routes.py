"""Routes of reconstructions: start one, see how far it is, stop it, and show what came out."""

import asyncio
from typing import Any

import numpy as np
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gem_plugin.errors import GemError, InputError
from gem_plugin.explorer.compared_maps import sigma_of_map
from gem_plugin.explorer.job_list import JobList
from gem_plugin.explorer.opened_run import OpenedRun
from gem_plugin.explorer.packed_answers import packed
from gem_plugin.explorer.reconstruction import MAP_NAME, Reconstructions
from gem_plugin.explorer.request_fields import overwrites, rows_of
from gem_plugin.imaging.bright_level import DISPLAY_PERCENTILE
from gem_plugin.imaging.resampling import resample_map
from gem_plugin.io.mrc.maps import read_map
from gem_plugin.io.run.reconstruct_files import ReconstructFiles
from gem_plugin.reports.chimerax_scripts import LEVEL_FRACTION
from gem_plugin.results.csv_tables import read_number_columns

CURVES = ("unmasked", "masked", "phase_randomised", "corrected")


class ReconstructionAnswers:
    """One method a route."""

    def __init__(self, opened: OpenedRun, jobs: JobList) -> None:
        self.opened = opened
        self.jobs = Reconstructions(opened.run, jobs)
        self.turn_to_start = asyncio.Lock()

    def routes(self) -> list[Route]:
        return [
            Route("/api/reconstruction", self.state),
            Route("/api/reconstruction/start/{name:path}", self.start, methods=["POST"]),
            Route("/api/reconstruction/stop", self.stop, methods=["POST"]),
            Route("/api/reconstruction/result/{name:path}", self.result),
        ]

    async def state(self, request: Request) -> Response:
        return JSONResponse(await run_in_threadpool(self.jobs.state))

    async def start(self, request: Request) -> Response:
        """The body holds the rows as uint32."""
        rows = rows_of(await request.body())
        async with self.turn_to_start:
            name, overwrite = request.path_params["name"], overwrites(request)
            await run_in_threadpool(self.jobs.start, name, rows, overwrite)
        return JSONResponse(await run_in_threadpool(self.jobs.state))

    async def stop(self, request: Request) -> Response:
        self.jobs.stop()
        return JSONResponse(await run_in_threadpool(self.jobs.state))

    async def result(self, request: Request) -> Response:
        return await run_in_threadpool(self._result, request.path_params["name"])

    def _result(self, name: str) -> Response:
        """Numbers and curves, and the map as bytes where the page has a model beside which it can be drawn."""
        numbers = self.jobs.summary(name)
        folder = self.opened.run.explore.reconstruction(name)
        files = ReconstructFiles(folder)
        curves = read_number_columns(files.curves(MAP_NAME))
        resolution = curves.get("resolution_in_angstroms", np.zeros(0))
        head: dict[str, Any] = {
            "name": name,
            "numbers": numbers,
            "folder": str(folder),
            "frequencies": [0.0 if not np.isfinite(one) else round(1 / one, 6) for one in resolution],
            "curves": {column: curves[column].tolist() for column in CURVES if column in curves},
        }
        try:
            molecules = self.opened.molecules()
        except GemError:  # without a model the page draws no molecules
            return packed(head)
        volume = self._on_the_grid_of_the_page(files)
        level = LEVEL_FRACTION * float(np.percentile(volume, DISPLAY_PERCENTILE))
        if level <= 0:
            raise InputError(f"The map of {name} holds no density; reconstruct it again.")
        scale = molecules.window.level / level  # so that the slider stays where it is
        head["densityOf255"] = molecules.window.density_of_255 / scale
        head["mapSigma"] = sigma_of_map(volume)
        return packed(head, molecules.as_bytes(volume * np.float32(scale)))

    def _on_the_grid_of_the_page(self, files: ReconstructFiles) -> np.ndarray:  # (box, box, box)
        found = read_map(files.final_map(MAP_NAME))
        source = self.opened.molecules().source
        if found.volume.shape[-1] == source.box_size and not source.is_flipped:
            return found.volume
        pixel_size = source.cloud_pixel_size_in_angstroms or source.pixel_size_in_angstroms
        volume = resample_map(found.volume, pixel_size / found.pixel_size_in_angstroms, source.box_size)
        return volume[::-1] if source.is_flipped else volume

    async def close(self) -> None:
        await run_in_threadpool(self.jobs.close)
