"""The route of positions in tomograms as files for other programs."""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from gem_plugin.explorer.opened_run import OpenedRun
from gem_plugin.explorer.positions import positions_text


class PositionAnswers:
    """One method a route."""

    def __init__(self, opened: OpenedRun) -> None:
        self.opened = opened

    def routes(self) -> list[Route]:
        return [Route("/api/positions/{source}/{kind}", self.positions)]

    async def positions(self, request: Request) -> Response:
        """Of the tomogram ?tomogram=, or of all."""
        source, kind = request.path_params["source"], request.path_params["kind"]
        tomogram = request.query_params.get("tomogram")
        text = await run_in_threadpool(positions_text, self.opened.opened, source, kind, tomogram)
        return PlainTextResponse(text)
