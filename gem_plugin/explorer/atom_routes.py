"""The route that takes an atomic model from the page, and gives it back as it is drawn."""

import asyncio
import re

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gem_plugin.explorer.atoms import AtomModels
from gem_plugin.explorer.opened_run import OpenedRun

NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9._-]+")
LONGEST_NAME = 80


class AtomAnswers:
    """One method a route."""

    def __init__(self, opened: OpenedRun, atoms: AtomModels) -> None:
        self.opened, self.atoms = opened, atoms
        self.turn_to_load = asyncio.Lock()  # two pages do not read at once

    def routes(self) -> list[Route]:
        return [Route("/api/atoms/{name:path}", self.load, methods=["POST"])]

    async def load(self, request: Request) -> Response:
        """The body is a PDB or mmCIF file, the name that of the file."""
        content, name = await request.body(), plain_name(request.path_params["name"])
        async with self.turn_to_load:
            return await run_in_threadpool(self._load, name, content)

    def _load(self, name: str, content: bytes) -> Response:
        key, loaded = self.atoms.load(name, content, self.opened.molecules)
        return JSONResponse(
            {
                "key": key,
                "name": name,
                "text": loaded.text(),
                "atoms": len(loaded.atoms),
                "residues": len(loaded.model.residue_names),
                "order": loaded.order(),
                "scale": round(loaded.scale_in_angstroms, 2),
                "isCentred": loaded.is_centred,
            }
        )


def plain_name(name: str) -> str:
    """The name of a file without folders and odd characters; it may become one inside the run."""
    plain = NOT_IN_NAMES.sub("_", re.split(r"[/\\]", name)[-1])
    stem, dot, suffix = plain.rpartition(".") if "." in plain else (plain, "", "")
    return f"{(stem.lstrip('.-') or 'model')[:LONGEST_NAME]}{dot}{suffix}"
