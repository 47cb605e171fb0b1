"""The explorer's answers that write: selections, masks, maps, movies and sessions, all inside RUN/explore."""

import asyncio
import base64
import binascii
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gem_plugin.errors import InputError
from gem_plugin.explorer import saving
from gem_plugin.explorer.cryosparc_sending import send_to_cryosparc
from gem_plugin.explorer.job_list import JobList
from gem_plugin.explorer.masks import Masks
from gem_plugin.explorer.movies import HOW_TO_GET_MP4, can_write_mp4, save_movie
from gem_plugin.explorer.opened_run import OpenedRun
from gem_plugin.explorer.relion_jobs import RelionJob, make_relion_job
from gem_plugin.explorer.request_fields import json_of, mask_request, numbers_of, overwrites, rows_of
from gem_plugin.notices import listening

MAXIMUM_MAPS_SAVED = 200


class SavingAnswers:
    """One method a route; one is written after the other."""

    def __init__(self, opened: OpenedRun, jobs: JobList) -> None:
        self.opened, self.jobs = opened, jobs
        self.turn_to_save = asyncio.Lock()  # a name that is free stays so until it is written

    def routes(self) -> list[Route]:
        return [
            Route("/api/mask/{name:path}", self.receive_mask, methods=["POST"]),
            Route("/api/save/mask/{name:path}", self.save_mask, methods=["POST"]),
            Route("/api/save/selection/{kind}/{name:path}", self.save_selection, methods=["POST"]),
            Route("/api/save/cryosparc/{name:path}", self.send_to_cryosparc, methods=["POST"]),
            Route("/api/save/maps/{name:path}", self.save_maps, methods=["POST"]),
            Route("/api/save/movie/{name:path}", self.save_movie, methods=["POST"]),
            Route("/api/session/{name:path}", self.session_file, methods=["GET", "POST"]),
        ]

    async def _saved(self, save: Callable[..., Any], *given: Any) -> Any:
        async with self.turn_to_save:
            return await run_in_threadpool(save, *given)

    async def receive_mask(self, request: Request) -> Response:
        """The body is an MRC file."""
        body, name, overwrite = await request.body(), request.path_params["name"], overwrites(request)
        return await self._saved(
            self._masks_written, lambda masks: masks.receive(name, body, overwrite=overwrite)
        )

    async def save_mask(self, request: Request) -> Response:
        chosen, name = mask_request(await json_of(request)), request.path_params["name"]
        overwrite = overwrites(request)
        return await self._saved(
            self._masks_written, lambda masks: masks.save(name, chosen, overwrite=overwrite)
        )

    def _masks_written(self, write: Callable[[Masks], Path]) -> Response:
        masks = self.opened.opened_sketch().masks
        with listening(lambda notice: None) as notices:
            path = write(masks)
        said = [notice.sentence for notice in notices]
        root = self.opened.run.root.resolve()
        chosen = path.relative_to(root).as_posix()
        command = f"gem-em landscape {self.opened.run.root} --mask {path}"
        answer = {"file": chosen, "files": masks.file_names(), "command": command, "notices": said}
        return JSONResponse(answer)

    async def save_selection(self, request: Request) -> Response:
        """The body holds the rows as uint32."""
        rows = rows_of(await request.body())
        kind, name = request.path_params["kind"], request.path_params["name"]
        if kind not in ("particles", "relion-job"):
            raise InputError(f"There is no way to save {kind!r}; expected particles or relion-job.")
        save = saving.save_selection if kind == "particles" else make_relion_job
        with listening(lambda notice: None) as notices:
            written = await self._saved(save, self.opened.run, name, rows, overwrites(request))
        said = {"notices": [notice.sentence for notice in notices], "particles": len(np.unique(rows))}
        if isinstance(written, RelionJob):
            said |= {"job": written.job, "where": written.where}
            title = written.job.rstrip("/") or name
            self.jobs.add_ended("RELION job", title, f"{said['particles']} particles. {written.where}")
            written = written.files
        return JSONResponse({**said, "files": [str(path) for path in written]})

    async def send_to_cryosparc(self, request: Request) -> Response:
        """The body holds the rows as uint32, the address the fields of the form."""
        rows, name = rows_of(await request.body()), request.path_params["name"]
        fields = dict(request.query_params)
        overwrite = overwrites(request)
        job = await run_in_threadpool(send_to_cryosparc, self.opened.run, name, rows, fields, overwrite)
        workspace = f"{fields.get('project')}, {fields.get('workspace')}"
        self.jobs.add_ended("CryoSPARC job", job, f"{len(rows)} particles of {name} sent to {workspace}")
        return JSONResponse({"job": job, "particles": len(rows)})

    async def save_maps(self, request: Request) -> Response:
        latents = numbers_of(await json_of(request), "latents")
        name, overwrite = request.path_params["name"], overwrites(request)
        return await self._saved(self._save_maps, name, latents, overwrite)

    def _save_maps(self, name: str, latents: np.ndarray, overwrite: bool) -> Response:
        molecules = self.opened.molecules()
        if latents.ndim != 2 or not 1 <= len(latents) <= MAXIMUM_MAPS_SAVED:
            raise InputError(
                f"Expected latents of 1 to {MAXIMUM_MAPS_SAVED} maps, got shape {latents.shape}."
            )
        volumes = (molecules.density(one) for one in latents)
        pixel_size = molecules.source.pixel_size_in_angstroms
        written = saving.save_maps(self.opened.run, name, latents, volumes, pixel_size, overwrite)
        return JSONResponse({"files": [str(path) for path in written]})

    async def save_movie(self, request: Request) -> Response:
        frames = (await json_of(request)).get("frames")
        try:
            pictures = [base64.b64decode(frame.split(",")[-1], validate=True) for frame in frames or ()]
        except (AttributeError, TypeError, binascii.Error) as error:
            raise InputError(f"Expected frames as PNG data addresses ({error}).") from error
        name = request.path_params["name"]
        written = await self._saved(save_movie, self.opened.run, name, pictures, overwrites(request))
        hint = "" if can_write_mp4() else HOW_TO_GET_MP4
        return JSONResponse({"files": [str(path) for path in written], "hint": hint})

    async def session_file(self, request: Request) -> Response:
        name = request.path_params["name"]
        if request.method == "GET":
            return JSONResponse(await run_in_threadpool(saving.read_session, self.opened.run, name))
        content, overwrite = await json_of(request), overwrites(request)
        path = await self._saved(saving.save_session, self.opened.run, name, content, overwrite)
        return JSONResponse({"files": [str(path)], "sessions": self.opened.run.explore.session_names()})
