"""Routes on the run itself: whether it changed on the disk since the page was opened, and opening it again."""

import asyncio

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gem_plugin.explorer.atoms import AtomModels
from gem_plugin.explorer.job_list import JobList
from gem_plugin.explorer.opened_run import OpenedRun
from gem_plugin.explorer.work_routes import WorkAnswers


class NewsAnswers:
    """One method a route."""

    def __init__(self, opened: OpenedRun, work: WorkAnswers, jobs: JobList, atoms: AtomModels) -> None:
        self.opened, self.work, self.jobs, self.atoms = opened, work, jobs, atoms
        self.turn_to_open = asyncio.Lock()

    def routes(self) -> list[Route]:
        return [Route("/api/news", self.news), Route("/api/reopen", self.reopen, methods=["POST"])]

    async def news(self, request: Request) -> Response:
        news = await run_in_threadpool(self.opened.news)
        said = {"stamp": news.stamp, "isGone": news.is_gone, "words": news.words}
        return JSONResponse({**said, "jobs": self.jobs.described()})

    async def reopen(self, request: Request) -> Response:
        """Show the results that are on the disk now; the pages load themselves again."""
        async with self.turn_to_open:
            if (await run_in_threadpool(self.opened.news)).words:
                await self.work.keep()
                await run_in_threadpool(self.opened.reopen)
                self.atoms.clear()
                await self.work.open_again()
        return await self.news(request)
