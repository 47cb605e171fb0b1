"""The explorer's answers. Numbers travel as bytes: a JSON head, its length before it, then the arrays."""

import base64
import binascii
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
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from gem_plugin.errors import GemError, InputError
from gem_plugin.explorer import saving
from gem_plugin.explorer.cryosparc_sending import send_to_cryosparc
from gem_plugin.explorer.guard import Guard
from gem_plugin.explorer.masks import FROM_FILE, MADE_HERE, OF_LANDSCAPE, Masks, MaskWish
from gem_plugin.explorer.movies import HOW_TO_GET_MP4, can_write_mp4, save_movie
from gem_plugin.explorer.page_text import CONTENT_POLICY, library_text, page_text
from gem_plugin.explorer.session import ExplorerSession
from gem_plugin.explorer.travel import find_path

MOST_MAPS_SAVED = 200


def create_app(session: ExplorerSession, token: str) -> Starlette:
    """All routes behind the guard."""
    answers = Answers(session)
    routes = [
        Route("/", answers.page),
        Route("/library/{name}", answers.library),
        Route("/api/run", answers.run),
        Route("/api/model", answers.model),
        Route("/api/column/{name}", answers.column),
        Route("/api/molecule", answers.molecule, methods=["POST"]),
        Route("/api/particle/{row:int}", answers.particle),
        Route("/api/group", answers.group, methods=["POST"]),
        Route("/api/state", answers.state, methods=["POST"]),
        Route("/api/path", answers.path, methods=["POST"]),
        Route("/api/mask", answers.mask, methods=["POST"]),
        Route("/api/mask/{name}", answers.receive_mask, methods=["POST"]),
        Route("/api/save/mask/{name}", answers.save_mask, methods=["POST"]),
        Route("/api/save/selection/{kind}/{name}", answers.save_selection, methods=["POST"]),
        Route("/api/save/cryosparc/{name}", answers.send_to_cryosparc, methods=["POST"]),
        Route("/api/save/maps/{name}", answers.save_maps, methods=["POST"]),
        Route("/api/save/movie/{name}", answers.save_movie, methods=["POST"]),
        Route("/api/session/{name}", answers.session_file, methods=["GET", "POST"]),
    ]
    return Starlette(
        routes=routes,
        middleware=[Middleware(Guard, token=token)],
        exception_handlers={GemError: _as_message},
    )


class Answers:
    """One method a route: read the request, call, pack the answer. Work happens outside the event loop."""

    def __init__(self, session: ExplorerSession) -> None:
        self.session = session

    async def page(self, request: Request) -> Response:
        return HTMLResponse(page_text(), headers={"Content-Security-Policy": CONTENT_POLICY})

    async def library(self, request: Request) -> Response:
        return Response(library_text(request.path_params["name"]), media_type="text/javascript")

    async def run(self, request: Request) -> Response:
        return JSONResponse(await run_in_threadpool(self.session.description))

    async def model(self, request: Request) -> Response:
        return JSONResponse(await run_in_threadpool(self.session.decoding))

    async def column(self, request: Request) -> Response:
        values = self.session.column(request.path_params["name"]).values
        return Response(values.astype("<f4", copy=False).tobytes(), media_type="application/octet-stream")

    async def molecule(self, request: Request) -> Response:
        wanted = await _json(request)
        return await run_in_threadpool(self._molecule, wanted)

    def _molecule(self, wanted: dict[str, Any]) -> Response:
        molecules = self.session.molecules()
        latents = (
            molecules.latents_of(_whole(wanted, "row")) if "row" in wanted else _numbers(wanted, "latents")
        )
        head = {"latents": [round(float(value), 6) for value in latents]}
        return packed(head, molecules.as_bytes(molecules.density(latents)))

    async def particle(self, request: Request) -> Response:
        molecules = await run_in_threadpool(self.session.molecules)
        pictures = await run_in_threadpool(molecules.image_and_projection, request.path_params["row"])
        content = b"".join(picture.astype("<f4").tobytes() for picture in pictures)
        return packed({"size": len(pictures[0])}, content)

    async def group(self, request: Request) -> Response:
        wanted = await _json(request)
        return await run_in_threadpool(self._group, wanted)

    def _group(self, wanted: dict[str, Any]) -> Response:
        regrouping = self.session.regrouping()
        n_states, linkage, region = (
            _whole(wanted, "nStates"),
            str(wanted.get("linkage")),
            str(wanted.get("region")),
        )
        grouping = regrouping.group(n_states, linkage, region, _mask_wish(wanted.get("mask", {})))
        head = {
            "mapStates": grouping.map_states.tolist(),
            "tree": grouping.tree[:, :3].tolist(),
            "silhouette": round(grouping.silhouette, 4),
            "counts": np.bincount(grouping.particle_states, minlength=n_states + 1)[1:].tolist(),
        }
        return packed(head, grouping.particle_states.astype("<f4").tobytes())

    async def state(self, request: Request) -> Response:
        wanted = await _json(request)
        return await run_in_threadpool(self._state, wanted)

    def _state(self, wanted: dict[str, Any]) -> Response:
        """Mean, spread, or difference from another state."""
        regrouping, molecules = self.session.regrouping(), self.session.molecules()
        states = _numbers(wanted, "mapStates").astype(np.int64)
        if states.shape != regrouping.rows.shape:
            raise InputError(f"Expected a state for each of {len(regrouping.rows)} maps, got {states.shape}.")
        maps = regrouping.average(states, _whole(wanted, "number"))
        if wanted.get("kind") == "std":
            return packed({}, molecules.as_bytes(maps.std))
        if wanted.get("kind") == "difference":
            other = regrouping.average(states, _whole(wanted, "other"))
            return packed({"isSigned": True}, molecules.signed_bytes(maps.mean - other.mean))
        return packed({}, molecules.as_bytes(maps.mean))

    async def mask(self, request: Request) -> Response:
        return await run_in_threadpool(self._mask, _mask_wish(await _json(request)))

    def _mask(self, wish: MaskWish) -> Response:
        """How large a mask is, and its values as bytes."""
        masks, molecules = self.session.regrouping().masks, self.session.molecules()
        mask = masks.mask(wish)
        n_voxels = int((mask > 0).sum())
        head = {
            "voxels": n_voxels,
            "shareOfBox": n_voxels / mask.size,
            "cubicNanometres": n_voxels * (masks.pixel_size_in_angstroms / 10) ** 3,
        }
        return packed(head, molecules.mask_bytes(mask))

    async def receive_mask(self, request: Request) -> Response:
        """The body is an MRC file."""
        body, name = await request.body(), request.path_params["name"]
        return await run_in_threadpool(self._masks_written, lambda masks: masks.receive(name, body))

    async def save_mask(self, request: Request) -> Response:
        wish, name = _mask_wish(await _json(request)), request.path_params["name"]
        return await run_in_threadpool(self._masks_written, lambda masks: masks.save(name, wish))

    def _masks_written(self, write: Callable[[Masks], Path]) -> Response:
        masks = self.session.regrouping().masks
        path = write(masks)
        root = self.session.run.root.resolve()
        chosen = path.relative_to(root).as_posix()
        command = f"gem-em landscape {self.session.run.root} --mask {path}"
        return JSONResponse({"file": chosen, "files": masks.file_names(), "command": command})

    async def path(self, request: Request) -> Response:
        wanted = await _json(request)
        return await run_in_threadpool(self._path, wanted)

    def _path(self, wanted: dict[str, Any]) -> Response:
        plane = np.stack([self.session.column(str(wanted.get(axis))).values for axis in ("x", "y")], axis=1)
        latents = self.session.molecules().source.latents
        anchors = _numbers(wanted, "anchors").astype(np.int64)
        path = find_path(str(wanted.get("kind")), latents, anchors, _whole(wanted, "nPoints"), plane)
        return JSONResponse({"latents": path.latents.tolist(), "rows": path.rows.tolist()})

    async def save_selection(self, request: Request) -> Response:
        """The body holds the rows as uint32."""
        rows = _rows(await request.body())
        kind, name = request.path_params["kind"], request.path_params["name"]
        if kind not in ("particles", "relion-job"):
            raise InputError(f"There is no way to save {kind!r}; expected particles or relion-job.")
        save = saving.save_selection if kind == "particles" else saving.save_relion_job
        written = await run_in_threadpool(save, self.session.run, name, rows)
        return JSONResponse({"files": [str(path) for path in written], "particles": len(rows)})

    async def send_to_cryosparc(self, request: Request) -> Response:
        """The body holds the rows as uint32, the address the fields of the form."""
        rows, name = _rows(await request.body()), request.path_params["name"]
        fields = dict(request.query_params)
        job = await run_in_threadpool(send_to_cryosparc, self.session.run, name, rows, fields)
        return JSONResponse({"job": job, "particles": len(rows)})

    async def save_maps(self, request: Request) -> Response:
        latents = _numbers(await _json(request), "latents")
        return await run_in_threadpool(self._save_maps, request.path_params["name"], latents)

    def _save_maps(self, name: str, latents: np.ndarray) -> Response:
        molecules = self.session.molecules()
        if latents.ndim != 2 or not 1 <= len(latents) <= MOST_MAPS_SAVED:
            raise InputError(f"Expected latents of 1 to {MOST_MAPS_SAVED} maps, got shape {latents.shape}.")
        volumes = (molecules.density(one) for one in latents)
        pixel_size = molecules.source.pixel_size_in_angstroms
        written = saving.save_maps(self.session.run, name, latents, volumes, pixel_size)
        return JSONResponse({"files": [str(path) for path in written]})

    async def save_movie(self, request: Request) -> Response:
        frames = (await _json(request)).get("frames")
        try:
            pictures = [base64.b64decode(frame.split(",")[-1], validate=True) for frame in frames or ()]
        except (AttributeError, TypeError, binascii.Error) as error:
            raise InputError(f"Expected frames as PNG data addresses ({error}).") from error
        name = request.path_params["name"]
        written = await run_in_threadpool(save_movie, self.session.run, name, pictures)
        hint = "" if can_write_mp4() else HOW_TO_GET_MP4
        return JSONResponse({"files": [str(path) for path in written], "hint": hint})

    async def session_file(self, request: Request) -> Response:
        name = request.path_params["name"]
        if request.method == "GET":
            return JSONResponse(saving.read_session(self.session.run, name))
        path = saving.save_session(self.session.run, name, await _json(request))
        return JSONResponse({"files": [str(path)], "sessions": saving.session_names(self.session.run)})


def packed(head: dict[str, Any], content: bytes) -> Response:
    """Length of the head (uint32), the head as JSON padded to four bytes, then the content."""
    text = json.dumps(head).encode()
    text += b" " * (-len(text) % 4)
    return Response(struct.pack("<I", len(text)) + text + content, media_type="application/octet-stream")


def _rows(body: bytes) -> np.ndarray:  # (k,) uint32
    if len(body) % 4:
        raise InputError("Expected rows as four bytes each.")
    return np.frombuffer(body, "<u4")


def _mask_wish(wanted: Any) -> MaskWish:
    """The mask that the page asks for; with nothing said, the landscape's."""
    if not isinstance(wanted, dict):
        raise InputError("Expected the mask as a JSON object.")
    kind = str(wanted.get("kind", OF_LANDSCAPE))
    if kind == FROM_FILE:
        return MaskWish(kind, file=str(wanted.get("file")))
    if kind != MADE_HERE:
        return MaskWish(kind)
    level, dilate, edge = (_number(wanted, name) for name in ("level", "dilate", "edge"))
    return MaskWish(kind, level=level, dilate_in_angstroms=dilate, edge_in_angstroms=edge)


def _whole(wanted: dict[str, Any], name: str) -> int:
    value = wanted.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise InputError(f"Expected a whole number for {name}, got {str(value)[:80]!r}.")
    return value


def _number(wanted: dict[str, Any], name: str) -> float:
    numbers = _numbers(wanted, name)
    if numbers.shape != ():
        raise InputError(f"Expected one number for {name}, got {numbers.size}.")
    return float(numbers)


def _numbers(wanted: dict[str, Any], name: str) -> np.ndarray:
    if name not in wanted:
        raise InputError(f"Expected {name}, got {', '.join(wanted)[:80] or 'nothing'}.")
    try:
        return np.asarray(wanted[name], dtype=np.float32)
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


async def _as_message(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, 400)
