"""The explorer's answers: the page, its columns, molecules, states and trajectories."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import numpy as np
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from gem_plugin.errors import InputError
from gem_plugin.explorer.atom_routes import AtomAnswers
from gem_plugin.explorer.atoms import AtomModels
from gem_plugin.explorer.compare_routes import CompareAnswers
from gem_plugin.explorer.compared_maps import sigma_of_map
from gem_plugin.explorer.failures import HANDLERS
from gem_plugin.explorer.guard import Guard
from gem_plugin.explorer.job_list import JobList
from gem_plugin.explorer.job_routes import JobAnswers
from gem_plugin.explorer.masks import MaskRequest
from gem_plugin.explorer.molecules import DecodedMolecule
from gem_plugin.explorer.news_routes import NewsAnswers
from gem_plugin.explorer.opened_run import OpenedRun
from gem_plugin.explorer.packed_answers import BYTES, BYTES_OF_FLOAT, float_bytes, packed, packed_in_turn
from gem_plugin.explorer.page_text import CONTENT_POLICY, library_text, page_text
from gem_plugin.explorer.path_energy import PathEnergy, energy_of_run
from gem_plugin.explorer.plot_routes import PlotAnswers
from gem_plugin.explorer.position_routes import PositionAnswers
from gem_plugin.explorer.reconstruction_routes import ReconstructionAnswers
from gem_plugin.explorer.request_fields import json_of, mask_request, numbers_of, whole_number
from gem_plugin.explorer.run_watch import RunGuard
from gem_plugin.explorer.saving_routes import SavingAnswers
from gem_plugin.explorer.selection_routes import SelectionAnswers
from gem_plugin.explorer.trajectory import energy_plane, find_trajectory
from gem_plugin.explorer.work_routes import WorkAnswers
from gem_plugin.settings import AUTOMATIC

NOBODY_WAITS = 499  # as nginx answers a client that closed the request


def create_app(opened: OpenedRun, token: str) -> Starlette:
    """All routes behind the guard."""
    jobs, atoms = JobList(opened.run), AtomModels()
    work, reconstruction = WorkAnswers(opened), ReconstructionAnswers(opened, jobs)
    steps = JobAnswers(opened, jobs, atoms)
    own = (
        Answers(opened, atoms),
        SavingAnswers(opened, jobs),
        SelectionAnswers(opened),
        CompareAnswers(opened),
    )
    groups = (
        *own,
        PlotAnswers(opened),
        PositionAnswers(opened),
        work,
        reconstruction,
        steps,
        AtomAnswers(opened, atoms),
        NewsAnswers(opened, work, jobs, atoms),
    )

    @contextlib.asynccontextmanager
    async def until_the_end(app: Starlette) -> AsyncIterator[None]:
        yield
        await work.close()
        await reconstruction.close()
        await steps.close()

    app = Starlette(
        routes=[route for group in groups for route in group.routes()],
        middleware=[Middleware(Guard, token=token), Middleware(RunGuard, files=opened.run)],
        exception_handlers=HANDLERS,
        lifespan=until_the_end,
    )
    app.state.files = opened.run  # for what failures say
    return app


class Answers:
    """One method a route: read the request, call, pack the answer. Work happens outside the event loop."""

    def __init__(self, opened: OpenedRun, atoms: AtomModels) -> None:
        self.opened, self.atoms = opened, atoms
        self.turn_to_decode = asyncio.Lock()

    def routes(self) -> list[Route]:
        return [
            Route("/", self.page),
            Route("/library/{name:path}", self.library),
            Route("/api/run", self.run),
            Route("/api/model", self.model),
            Route("/api/column/{name:path}", self.column),
            Route("/api/molecule", self.molecule, methods=["POST"]),
            Route("/api/states", self.states, methods=["POST"]),
            Route("/api/state-map", self.state_map, methods=["POST"]),
            Route("/api/trajectory", self.trajectory, methods=["POST"]),
            Route("/api/mask", self.mask, methods=["POST"]),
        ]

    async def page(self, request: Request) -> Response:
        return HTMLResponse(page_text(), headers={"Content-Security-Policy": CONTENT_POLICY})

    async def library(self, request: Request) -> Response:
        return Response(library_text(request.path_params["name"]), media_type="text/javascript")

    async def run(self, request: Request) -> Response:
        return JSONResponse(await run_in_threadpool(self.opened.description))

    async def model(self, request: Request) -> Response:
        return JSONResponse(await run_in_threadpool(self.opened.decoding))

    async def column(self, request: Request) -> Response:
        values = self.opened.column(request.path_params["name"]).values
        return Response(float_bytes(values), media_type=BYTES)

    async def molecule(self, request: Request) -> Response:
        """One particle, or one point of the latent space. What the page no longer waits for is not decoded."""
        fields = await json_of(request)
        async with self.turn_to_decode:
            if await request.is_disconnected():
                return Response(status_code=NOBODY_WAITS)
            return await run_in_threadpool(self._molecule, fields)

    def _molecule(self, fields: dict[str, Any]) -> Response:
        """The map, and the atoms of the page where it has any; for a particle its images follow while the map is drawn."""
        molecules = self.opened.molecules()
        is_coarse = fields.get("isCoarse") is True
        row = whole_number(fields, "row") if "row" in fields else None
        with_images = fields.get("withImages") is True and row is not None
        model = self.atoms.get(str(fields["atoms"])) if fields.get("atoms") else None
        with_cloud = with_images or model is not None
        if row is not None:
            decoded = molecules.decode_particle(row, with_cloud, is_coarse)
        else:
            decoded = molecules.decode(numbers_of(fields, "latents"), with_cloud, is_coarse)
        cloud = decoded.cloud
        as_bytes = molecules.coarse_bytes if decoded.is_coarse else molecules.as_bytes
        parts = [as_bytes(decoded.volume)]
        head = _head(decoded)
        if row is not None:
            head["certainty"] = self.opened.certainty.of(row)
        if fields.get("atoms"):
            head["hasAtoms"] = model is not None  # not after a restart: the page then sends its file again
        if model is not None and cloud is not None:
            parts.append(b"".join(float_bytes(values.ravel()) for values in model.move(cloud)))
        if not with_images or row is None or cloud is None:
            return packed(head, *parts)
        size = molecules.image_size()
        head["imageSize"] = size
        tilts = molecules.tilts_of(row)
        n_images = 1 if tilts is None else len(tilts.images)
        lengths = [*map(len, parts), 2 * n_images * size * size * BYTES_OF_FLOAT]
        makes = [partial(bytes, part) for part in parts]
        if tilts is None:
            return packed_in_turn(head, lengths, *makes, lambda: float_bytes(molecules.images(row, cloud)))
        head["tilts"] = tilts.described()
        return packed_in_turn(head, lengths, *makes, lambda: float_bytes(molecules.tilt_images(tilts, cloud)))

    async def states(self, request: Request) -> Response:
        fields = await json_of(request)
        return await run_in_threadpool(self._states, fields)

    def _states(self, fields: dict[str, Any]) -> Response:
        sketch = self.opened.opened_sketch()
        is_automatic = fields.get("nStates") == AUTOMATIC
        found = sketch.recluster(
            AUTOMATIC if is_automatic else whole_number(fields, "nStates"),
            str(fields.get("linkage")),
            str(fields.get("region")),
            mask_request(fields.get("mask", {})),
        )
        n_found = int(found.map_states.max())
        head = {
            "linkage": found.linkage,
            "mapStates": found.map_states.tolist(),
            "tree": found.tree[:, :3].tolist(),
            "silhouette": round(found.silhouette, 4),
            "counts": np.bincount(found.particle_states, minlength=n_found + 1)[1:].tolist(),
            "verdicts": self.opened.verdicts(found.particle_states, n_found),
        }
        return packed(head, float_bytes(found.particle_states))

    async def state_map(self, request: Request) -> Response:
        fields = await json_of(request)
        return await run_in_threadpool(self._state_map, fields)

    def _state_map(self, fields: dict[str, Any]) -> Response:
        """Mean, variability (standard deviation), or difference from another state."""
        sketch, molecules = self.opened.opened_sketch(), self.opened.molecules()
        states = numbers_of(fields, "mapStates").astype(np.int64)
        if states.shape != sketch.rows.shape:
            raise InputError(f"Expected a state for each of {len(sketch.rows)} maps, got {states.shape}.")
        maps = sketch.average(states, whole_number(fields, "number"))
        if fields.get("kind") == "variability":
            return packed({"mapSigma": sigma_of_map(maps.std)}, molecules.as_bytes(maps.std))
        if fields.get("kind") == "difference":
            other = sketch.average(states, whole_number(fields, "other"))
            difference = maps.mean - other.mean
            head = {"isSigned": True, "mapSigma": sigma_of_map(difference)}
            return packed(head, molecules.signed_bytes(difference))
        return packed({"mapSigma": sigma_of_map(maps.mean)}, molecules.as_bytes(maps.mean))

    async def mask(self, request: Request) -> Response:
        return await run_in_threadpool(self._mask, mask_request(await json_of(request)))

    def _mask(self, chosen: MaskRequest) -> Response:
        """How large a mask is, and its values as bytes."""
        masks, molecules = self.opened.opened_sketch().masks, self.opened.molecules()
        mask = masks.mask(chosen)
        n_voxels = int((mask > 0).sum())
        head = {
            "voxels": n_voxels,
            "fractionOfBox": n_voxels / mask.size,
            "cubicNanometres": n_voxels * (masks.pixel_size_in_angstroms / 10) ** 3,
        }
        return packed(head, molecules.mask_bytes(mask))

    async def trajectory(self, request: Request) -> Response:
        fields = await json_of(request)
        return await run_in_threadpool(self._trajectory, fields)

    def _trajectory(self, fields: dict[str, Any]) -> Response:
        latents = self.opened.molecules().source.latents
        waypoints, kind = _rows_clicked(fields), str(fields.get("kind"))
        plane = None
        if kind == "minimum energy":
            x, y = (self.opened.column(str(fields.get(axis))) for axis in ("x", "y"))
            plane = energy_plane(x, y, latents)
        found = find_trajectory(kind, latents, waypoints, whole_number(fields, "nPoints"), plane)
        head = {"energyColumns": [] if plane is None else list(plane.names)}
        near = self.opened.near_latents().at(found.latents)
        head |= _energy_fields(energy_of_run(self.opened, found.rows))
        lists = {"latents": found.latents.tolist(), "rows": found.rows.tolist(), "near": near.tolist()}
        return JSONResponse({**head, **lists})


def _head(decoded: DecodedMolecule) -> dict[str, Any]:
    latents = [round(float(value), 6) for value in decoded.latents]
    coarse = {"isCoarse": True, "mapSigma": sigma_of_map(decoded.volume) / 8} if decoded.is_coarse else {}
    return {"latents": latents, "mapSigma": sigma_of_map(decoded.volume), **coarse}


def _energy_fields(energy: PathEnergy | None) -> dict[str, Any]:
    if energy is None:
        return {}
    values = np.stack([energy.energy_in_kt, energy.error_in_kt])
    lists = [[float(one) if np.isfinite(one) else None for one in row] for row in values]  # JSON has no NaN
    return {"energyOfRun": {"columns": list(energy.columns), "energy": lists[0], "error": lists[1]}}


def _rows_clicked(fields: dict[str, Any]) -> np.ndarray:  # (w,) int64
    rows = fields.get("waypoints")
    if not isinstance(rows, list) or not all(type(row) is int for row in rows):
        raise InputError("Expected the waypoints as a list of whole numbers, the rows of particles.")
    return np.asarray(rows, np.int64)
