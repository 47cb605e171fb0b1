"""The explorer's answers. Numbers travel as bytes: a JSON head, its length before it, then the arrays."""

import asyncio
import base64
import binascii
import itertools
import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from gem_plugin.errors import InputError
from gem_plugin.explorer import saving
from gem_plugin.explorer.cryosparc_sending import send_to_cryosparc
from gem_plugin.explorer.failures import HANDLERS
from gem_plugin.explorer.guard import Guard
from gem_plugin.explorer.masks import FROM_FILE, MADE_HERE, OF_LANDSCAPE, MaskRequest, Masks
from gem_plugin.explorer.molecules import DecodedMolecule
from gem_plugin.explorer.movies import HOW_TO_GET_MP4, can_write_mp4, save_movie
from gem_plugin.explorer.opened_run import OpenedRun
from gem_plugin.explorer.page_text import CONTENT_POLICY, library_text, page_text
from gem_plugin.explorer.trajectory import energy_plane, find_trajectory
from gem_plugin.notices import listening
from gem_plugin.settings import AUTOMATIC

MAXIMUM_MAPS_SAVED = 200
NOBODY_WAITS = 499  # as nginx answers a client that closed the request
BYTES = "application/octet-stream"
BYTES_OF_FLOAT = 4


def create_app(opened: OpenedRun, token: str) -> Starlette:
    """All routes behind the guard."""
    answers = Answers(opened)
    routes = [
        Route("/", answers.page),
        Route("/library/{name:path}", answers.library),
        Route("/api/run", answers.run),
        Route("/api/model", answers.model),
        Route("/api/column/{name:path}", answers.column),
        Route("/api/molecule", answers.molecule, methods=["POST"]),
        Route("/api/states", answers.states, methods=["POST"]),
        Route("/api/state-map", answers.state_map, methods=["POST"]),
        Route("/api/trajectory", answers.trajectory, methods=["POST"]),
        Route("/api/mask", answers.mask, methods=["POST"]),
        Route("/api/mask/{name:path}", answers.receive_mask, methods=["POST"]),
        Route("/api/save/mask/{name:path}", answers.save_mask, methods=["POST"]),
        Route("/api/save/selection/{kind}/{name:path}", answers.save_selection, methods=["POST"]),
        Route("/api/save/cryosparc/{name:path}", answers.send_to_cryosparc, methods=["POST"]),
        Route("/api/save/maps/{name:path}", answers.save_maps, methods=["POST"]),
        Route("/api/save/movie/{name:path}", answers.save_movie, methods=["POST"]),
        Route("/api/session/{name:path}", answers.session_file, methods=["GET", "POST"]),
    ]
    return Starlette(
        routes=routes,
        middleware=[Middleware(Guard, token=token)],
        exception_handlers=HANDLERS,
    )


class Answers:
    """One method a route: read the request, call, pack the answer. Work happens outside the event loop."""

    def __init__(self, opened: OpenedRun) -> None:
        self.opened = opened
        self.turn_to_decode = asyncio.Lock()
        self.turn_to_save = asyncio.Lock()  # a name that is free stays so until it is written

    async def _saved(self, save: Callable[..., Any], *given: Any) -> Any:
        async with self.turn_to_save:
            return await run_in_threadpool(save, *given)

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
        return Response(_float_bytes(values), media_type=BYTES)

    async def molecule(self, request: Request) -> Response:
        """One particle, or one point of the latent space. What the page no longer waits for is not decoded."""
        fields = await _json(request)
        async with self.turn_to_decode:
            if await request.is_disconnected():
                return Response(status_code=NOBODY_WAITS)
            return await run_in_threadpool(self._molecule, fields)

    def _molecule(self, fields: dict[str, Any]) -> Response:
        """The map; for a particle with its images, these follow while the page draws the map."""
        molecules = self.opened.molecules()
        if "row" not in fields:
            decoded = molecules.decode(_numbers(fields, "latents"))
            return packed(_head(decoded), molecules.as_bytes(decoded.volume))
        row = _whole(fields, "row")
        decoded = molecules.decode_particle(row, fields.get("withImages") is True)
        content = molecules.as_bytes(decoded.volume)
        cloud = decoded.cloud
        head = {**_head(decoded), "certainty": self.opened.certainty.of(row)}
        if cloud is None:
            return packed(head, content)
        size = molecules.image_size()
        head["imageSize"] = size
        lengths = [len(content), 2 * size * size * BYTES_OF_FLOAT]
        return packed_in_turn(
            head, lengths, lambda: content, lambda: _float_bytes(molecules.images(row, cloud))
        )

    async def states(self, request: Request) -> Response:
        fields = await _json(request)
        return await run_in_threadpool(self._states, fields)

    def _states(self, fields: dict[str, Any]) -> Response:
        sketch = self.opened.opened_sketch()
        n_states, linkage, region = (
            AUTOMATIC if fields.get("nStates") == AUTOMATIC else _whole(fields, "nStates"),
            str(fields.get("linkage")),
            str(fields.get("region")),
        )
        found = sketch.recluster(n_states, linkage, region, _mask_request(fields.get("mask", {})))
        n_found = int(found.map_states.max())
        head = {
            "linkage": found.linkage,
            "mapStates": found.map_states.tolist(),
            "tree": found.tree[:, :3].tolist(),
            "silhouette": round(found.silhouette, 4),
            "counts": np.bincount(found.particle_states, minlength=n_found + 1)[1:].tolist(),
            "verdicts": self.opened.verdicts(found.particle_states, n_found),
        }
        return packed(head, _float_bytes(found.particle_states))

    async def state_map(self, request: Request) -> Response:
        fields = await _json(request)
        return await run_in_threadpool(self._state_map, fields)

    def _state_map(self, fields: dict[str, Any]) -> Response:
        """Mean, variability (standard deviation), or difference from another state."""
        sketch, molecules = self.opened.opened_sketch(), self.opened.molecules()
        states = _numbers(fields, "mapStates").astype(np.int64)
        if states.shape != sketch.rows.shape:
            raise InputError(f"Expected a state for each of {len(sketch.rows)} maps, got {states.shape}.")
        maps = sketch.average(states, _whole(fields, "number"))
        if fields.get("kind") == "variability":
            return packed({}, molecules.as_bytes(maps.std))
        if fields.get("kind") == "difference":
            other = sketch.average(states, _whole(fields, "other"))
            return packed({"isSigned": True}, molecules.signed_bytes(maps.mean - other.mean))
        return packed({}, molecules.as_bytes(maps.mean))

    async def mask(self, request: Request) -> Response:
        return await run_in_threadpool(self._mask, _mask_request(await _json(request)))

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

    async def receive_mask(self, request: Request) -> Response:
        """The body is an MRC file."""
        body, name, overwrite = await request.body(), request.path_params["name"], _overwrites(request)
        return await self._saved(
            self._masks_written, lambda masks: masks.receive(name, body, overwrite=overwrite)
        )

    async def save_mask(self, request: Request) -> Response:
        chosen, name = _mask_request(await _json(request)), request.path_params["name"]
        overwrite = _overwrites(request)
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

    async def trajectory(self, request: Request) -> Response:
        fields = await _json(request)
        return await run_in_threadpool(self._trajectory, fields)

    def _trajectory(self, fields: dict[str, Any]) -> Response:
        latents = self.opened.molecules().source.latents
        waypoints, kind = _rows_clicked(fields), str(fields.get("kind"))
        plane = None
        if kind == "minimum energy":
            x, y = (self.opened.column(str(fields.get(axis))) for axis in ("x", "y"))
            plane = energy_plane(x, y, latents)
        found = find_trajectory(kind, latents, waypoints, _whole(fields, "nPoints"), plane)
        head = {"energyColumns": [] if plane is None else list(plane.names)}
        near = self.opened.near_latents().at(found.latents)
        lists = {"latents": found.latents.tolist(), "rows": found.rows.tolist(), "near": near.tolist()}
        return JSONResponse({**head, **lists})

    async def save_selection(self, request: Request) -> Response:
        """The body holds the rows as uint32."""
        rows = _rows(await request.body())
        kind, name = request.path_params["kind"], request.path_params["name"]
        if kind not in ("particles", "relion-job"):
            raise InputError(f"There is no way to save {kind!r}; expected particles or relion-job.")
        save = saving.save_selection if kind == "particles" else saving.save_relion_job
        with listening(lambda notice: None) as notices:
            written = await self._saved(save, self.opened.run, name, rows, _overwrites(request))
        said = {"files": [str(path) for path in written], "notices": [notice.sentence for notice in notices]}
        return JSONResponse({**said, "particles": len(rows)})

    async def send_to_cryosparc(self, request: Request) -> Response:
        """The body holds the rows as uint32, the address the fields of the form."""
        rows, name = _rows(await request.body()), request.path_params["name"]
        fields = dict(request.query_params)
        overwrite = _overwrites(request)
        job = await run_in_threadpool(send_to_cryosparc, self.opened.run, name, rows, fields, overwrite)
        return JSONResponse({"job": job, "particles": len(rows)})

    async def save_maps(self, request: Request) -> Response:
        latents = _numbers(await _json(request), "latents")
        name, overwrite = request.path_params["name"], _overwrites(request)
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
        frames = (await _json(request)).get("frames")
        try:
            pictures = [base64.b64decode(frame.split(",")[-1], validate=True) for frame in frames or ()]
        except (AttributeError, TypeError, binascii.Error) as error:
            raise InputError(f"Expected frames as PNG data addresses ({error}).") from error
        name = request.path_params["name"]
        written = await self._saved(save_movie, self.opened.run, name, pictures, _overwrites(request))
        hint = "" if can_write_mp4() else HOW_TO_GET_MP4
        return JSONResponse({"files": [str(path) for path in written], "hint": hint})

    async def session_file(self, request: Request) -> Response:
        name = request.path_params["name"]
        if request.method == "GET":
            return JSONResponse(await run_in_threadpool(saving.read_session, self.opened.run, name))
        content, overwrite = await _json(request), _overwrites(request)
        path = await self._saved(saving.save_session, self.opened.run, name, content, overwrite)
        return JSONResponse({"files": [str(path)], "sessions": self.opened.run.explore.session_names()})


def packed(head: dict[str, Any], *parts: bytes) -> Response:
    """Length of the head (uint32), the head as JSON padded to four bytes, then the parts, whose lengths it names."""
    content = b"".join((_packed_head(head, [len(part) for part in parts]), *parts))
    return Response(content, media_type=BYTES)


def packed_in_turn(head: dict[str, Any], lengths: list[int], *parts: Callable[[], bytes]) -> Response:
    """The same, where each part is sent before the next is made."""
    start = _packed_head(head, lengths)
    pieces = itertools.chain([start], (make() for make in parts))
    n_bytes = len(start) + sum(lengths)
    return StreamingResponse(pieces, media_type=BYTES, headers={"Content-Length": str(n_bytes)})


def _packed_head(head: dict[str, Any], lengths: list[int]) -> bytes:
    text = json.dumps({**head, "lengths": lengths}).encode()
    text += b" " * (-len(text) % 4)
    return struct.pack("<I", len(text)) + text


def _head(decoded: DecodedMolecule) -> dict[str, Any]:
    return {"latents": [round(float(value), 6) for value in decoded.latents]}


def _float_bytes(values: np.ndarray) -> bytes:
    return values.astype("<f4", copy=False).tobytes()


def _rows(body: bytes) -> np.ndarray:  # (k,) uint32
    if len(body) % 4:
        raise InputError("Expected rows as four bytes each.")
    return np.frombuffer(body, "<u4")


def _mask_request(fields: Any) -> MaskRequest:
    """The mask that the page asks for; with nothing said, the landscape's."""
    if not isinstance(fields, dict):
        raise InputError("Expected the mask as a JSON object.")
    kind = str(fields.get("kind", OF_LANDSCAPE))
    if kind == FROM_FILE:
        return MaskRequest(kind, file=str(fields.get("file")))
    if kind != MADE_HERE:
        return MaskRequest(kind)
    level, dilate, edge = (_number(fields, name) for name in ("level", "dilate", "edge"))
    return MaskRequest(kind, level=level, dilate_in_angstroms=dilate, edge_in_angstroms=edge)


def _overwrites(request: Request) -> bool:
    """Whether the reader was shown what would be lost, and said to overwrite it."""
    return request.query_params.get("overwrite") == "true"


def _rows_clicked(fields: dict[str, Any]) -> np.ndarray:  # (w,) int64
    rows = fields.get("waypoints")
    if not isinstance(rows, list) or not all(type(row) is int for row in rows):
        raise InputError("Expected the waypoints as a list of whole numbers, the rows of particles.")
    return np.asarray(rows, np.int64)


def _whole(fields: dict[str, Any], name: str) -> int:
    value = fields.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise InputError(f"Expected a whole number for {name}, got {str(value)[:80]!r}.")
    return value


def _number(fields: dict[str, Any], name: str) -> float:
    numbers = _numbers(fields, name)
    if numbers.shape != ():
        raise InputError(f"Expected one number for {name}, got {numbers.size}.")
    return float(numbers)


def _numbers(fields: dict[str, Any], name: str) -> np.ndarray:
    if name not in fields:
        raise InputError(f"Expected {name}, got {', '.join(fields)[:80] or 'nothing'}.")
    try:
        return np.asarray(fields[name], dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise InputError(f"Expected numbers for {name} ({error}).") from error


async def _json(request: Request) -> dict[str, Any]:
    try:
        content = json.loads(await request.body())
    except ValueError as error:
        raise InputError(f"The request is not JSON ({error}).") from error
    if not isinstance(content, dict):
        raise InputError("Expected a JSON object.")
    return content
