"""Routes of the plot: columns of the particle file on demand, and the image of the particle under the pointer."""

from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gem_plugin.errors import InputError
from gem_plugin.explorer.file_columns import FileColumns
from gem_plugin.explorer.molecules import LOW_PASS_IN_PIXELS
from gem_plugin.explorer.opened_run import OpenedRun
from gem_plugin.explorer.packed_answers import float_bytes, packed

MAXIMUM_SIDE = 64  # pixels of the image beside the pointer


class PlotAnswers:
    """One method a route."""

    def __init__(self, opened: OpenedRun) -> None:
        self.opened = opened
        self.columns = FileColumns(opened.opened)
        self._images: Any = None  # the stack, opened once

    def routes(self) -> list[Route]:
        return [
            Route("/api/file-columns", self.offered),
            Route("/api/file-column/{name:path}", self.column),
            Route("/api/file-categories/{name:path}", self.categories),
            Route("/api/particle-image/{row:int}", self.image),
        ]

    async def offered(self, request: Request) -> Response:
        return JSONResponse(await run_in_threadpool(self.columns.offered))

    async def column(self, request: Request) -> Response:
        """What the column is, then its values as float32."""
        column = await run_in_threadpool(self.columns.column, request.path_params["name"])
        self._check(len(column.values))
        return packed(column.described(), float_bytes(column.values))

    def _check(self, n_values: int) -> None:
        if n_values != self.opened.n_particles:
            raise InputError(
                f"The particle file has {n_values} of the particles of this run, which has {self.opened.n_particles}. "
                "Prepare the run again."
            )

    async def categories(self, request: Request) -> Response:
        """Those whose names hold ?text=."""
        column = await run_in_threadpool(self.columns.column, request.path_params["name"])
        text = request.query_params.get("text", "")
        return JSONResponse({"found": await run_in_threadpool(column.search, text)})

    async def image(self, request: Request) -> Response:
        return await run_in_threadpool(self._image, int(request.path_params["row"]))

    def _image(self, row: int) -> Response:
        """The image of a particle, low-pass filtered and small, or what is missing."""
        if row >= self.opened.n_particles:
            raise InputError(
                f"There is no particle row {row}; the run has {self.opened.n_particles} particles."
            )
        run = self.opened.opened
        if not run.is_prepared or not run.files.prepared_images.is_file():
            return packed({"missing": "The particle images are not there.", "imageSize": 0})
        if self._images is None:
            self._images = run.images().images
        image = gaussian_filter(np.asarray(self._images[row], np.float32), LOW_PASS_IN_PIXELS)
        small = binned(image, MAXIMUM_SIDE)
        head: dict[str, Any] = {"imageSize": len(small)}
        return packed(head, float_bytes(small))


def binned(image: np.ndarray, maximum_side: int) -> np.ndarray:  # (n, n) -> (m, m), m <= maximum_side
    """The means of squares of pixels; rows and columns over at the far end are left out."""
    factor = -(-len(image) // maximum_side)
    side = len(image) // factor
    return image[: side * factor, : side * factor].reshape(side, factor, side, factor).mean(axis=(1, 3))
