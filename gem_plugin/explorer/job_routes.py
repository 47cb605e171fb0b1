"""Routes of the jobs of the page: their list, the steps it can start, stop, and what follows when they have ended."""

import asyncio
from typing import Any

import numpy as np
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gem_plugin.errors import InputError
from gem_plugin.explorer.atoms import AtomModels
from gem_plugin.explorer.job_list import JobList
from gem_plugin.explorer.opened_run import OpenedRun
from gem_plugin.explorer.request_fields import json_of, overwrites, whole_number
from gem_plugin.explorer.step_jobs import LoadedAtoms, StepJobs, StepRequest, described_steps


class JobAnswers:
    """One method a route."""

    def __init__(self, opened: OpenedRun, jobs: JobList, atoms: AtomModels) -> None:
        self.opened, self.jobs, self.atoms = opened, jobs, atoms
        self.steps = StepJobs(opened.run, jobs)
        self.turn_to_start = asyncio.Lock()

    def routes(self) -> list[Route]:
        return [
            Route("/api/jobs", self.list),
            Route("/api/steps", self.described),
            Route("/api/jobs/start/{step}", self.start, methods=["POST"]),
            Route("/api/jobs/stop", self.stop, methods=["POST"]),
            Route("/api/jobs/remove", self.remove, methods=["POST"]),
        ]

    async def list(self, request: Request) -> Response:
        return JSONResponse({"jobs": await run_in_threadpool(self.jobs.described)})

    async def described(self, request: Request) -> Response:
        return JSONResponse(await run_in_threadpool(described_steps, self.opened.run))

    async def start(self, request: Request) -> Response:
        """The fields of the form; rows of the selection where select is to write those."""
        fields = await json_of(request)
        name, overwrite = request.query_params.get("name", ""), overwrites(request)
        asked = self._request(request.path_params["step"], fields, name, overwrite)
        async with self.turn_to_start:
            await run_in_threadpool(self.steps.start, asked)
        return await self.list(request)

    def _request(self, step: str, fields: dict[str, Any], name: str, overwrite: bool) -> StepRequest:
        values, rows, number = fields.get("values", {}), fields.get("rows"), fields.get("atoms")
        if not isinstance(values, dict):
            raise InputError("Expected the settings of the step as a JSON object.")
        if rows is not None:
            if not isinstance(rows, list) or not all(type(row) is int and row >= 0 for row in rows):
                raise InputError("Expected the rows of the selection as a list of whole numbers.")
            rows = np.asarray(rows, np.int64)
        file = None if number is None else self.atoms.file(str(number))
        atoms = None if file is None else LoadedAtoms(*file)
        return StepRequest(step, values, name, rows, atoms, overwrite)

    async def stop(self, request: Request) -> Response:
        await run_in_threadpool(self.jobs.stop, whole_number(await json_of(request), "job"))
        return await self.list(request)

    async def remove(self, request: Request) -> Response:
        await run_in_threadpool(self.jobs.remove, whole_number(await json_of(request), "job"))
        return await self.list(request)

    async def close(self) -> None:
        await run_in_threadpool(self.steps.close)
