"""The server behind `stepsmith review`: the report's page, and verdicts that go into the log.

    GET  /?token=…            the page, built anew when verdicts came in since
    GET  /verdicts?after=N    {"said": [...], "end": N'}: lines of the log from byte N on
    POST /verdicts            {"reviewer", "time", "said": [{"solution_id", "step", "verdict"}]}

Guarantees: a POST is answered when its verdicts are on the disk, all of them or none; one that
comes again, since its answer was lost, is there once, and has the time at which it was given;
verdicts of other processes on the same dataset are seen. Listens on 127.0.0.1 alone, and answers
nothing without the token of this run; requests that name another host (DNS rebinding) or come from
another page (Origin, Sec-Fetch-Site) are refused. Does not tell reviewers apart but by the name
they give, and does not encrypt: it is not meant to leave the machine (over ssh: forward the same
port).
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from aiohttp import web

from pipeline.errors import StepsmithError
from pipeline.folder import DatasetFolder
from pipeline.human.evidence import human_truth, verdict_log
from pipeline.human.lines import check, prefixes_of
from pipeline.human.log import Said, VerdictLog, current, parsed
from pipeline.report.figures import figures_of
from pipeline.report.render import page
from pipeline.report.sources import PEOPLE, Sources, read_sources

HOST = "127.0.0.1"
MAX_BYTES = 2**20  # of one POST
HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class ReviewServer:
    """One dataset under review. Raises InputError where there is none, or it is in a store."""

    def __init__(
        self, folder: DatasetFolder, truth: Path | None, solutions: int, reviewer: str, named: bool
    ) -> None:
        self.log: VerdictLog = verdict_log(folder)
        self.token = secrets.token_urlsafe(24)
        self._sources = read_sources(folder, truth)
        self._prefixes = prefixes_of(folder)
        self._solutions = solutions
        # The browser keeps what is not saved yet by the log that it is for.
        place = hashlib.sha256(os.fsencode(self.log.path.resolve())).hexdigest()[:16]
        self._review = {
            "token": self.token,
            "reviewer": reviewer,
            "named": named,
            "dataset": place,
        }
        self._page: tuple[int, str] | None = None  # of a log of so many bytes
        self._building = asyncio.Lock()
        self._adding = asyncio.Lock()
        self._known: set[tuple[object, ...]] = set()  # what is in the log up to `_read_to`
        self._read_to = 0

    def app(self) -> web.Application:
        app = web.Application(middlewares=[self._guard], client_max_size=MAX_BYTES)
        app.router.add_get("/", self._get_page)
        app.router.add_get("/verdicts", self._get_verdicts)
        app.router.add_post("/verdicts", self._post_verdicts)
        return app

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            reason = self._refused(request)
            if reason is not None:
                response: web.StreamResponse = web.Response(status=403, text=reason)
            else:
                response = await handler(request)
        except web.HTTPException as error:  # 404, 405, 413
            response = web.Response(status=error.status, text=error.reason)
        except StepsmithError as error:  # a full disk: the page asks again
            response = web.Response(status=503, text=error.message)
        response.headers.update(HEADERS)
        return response

    def _refused(self, request: web.Request) -> str | None:
        """Why a request is not answered; None: it is."""
        port = request.transport and request.transport.get_extra_info("sockname")[1]
        hosts = {f"{HOST}:{port}", f"localhost:{port}"}
        if request.headers.get("Host") not in hosts:
            return (
                f"this server answers to {HOST}:{port} and localhost:{port} only: over ssh, "
                f"forward the same port (ssh -L {port}:{HOST}:{port} MACHINE)"
            )
        origin = request.headers.get("Origin")
        if origin is not None and origin not in {f"http://{host}" for host in hosts}:
            return "another page may not ask this server"
        posted = request.path != "/"
        if posted and request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
            return "another page may not ask this server"
        given = request.headers.get("X-Stepsmith-Token") if posted else request.query.get("token")
        # A header that is no UTF-8 comes with its bytes as surrogates.
        if not secrets.compare_digest(
            (given or "").encode(errors="surrogateescape"), self.token.encode()
        ):
            return "the token is missing or of an earlier run: open the address that was printed"
        return None

    async def _get_page(self, request: web.Request) -> web.Response:
        async with self._building:
            size = self.log.size()
            if self._page is None or self._page[0] != size:
                self._page = size, await asyncio.to_thread(self._build)
        return web.Response(text=self._page[1], content_type="text/html", charset="utf-8")

    def _build(self) -> str:
        sources = with_people(self._sources, current(self._ours(self.log.read().said)))
        return page(sources, figures_of(sources), self._solutions, self._review)

    async def _get_verdicts(self, request: web.Request) -> web.Response:
        after = request.query.get("after", "0")
        if not after.isascii() or not after.isdigit() or len(after) > 15:
            return web.Response(status=400, text="after: is no number of bytes")
        read = await asyncio.to_thread(self.log.read, int(after))
        said = [one.as_dict() for one in self._ours(read.said)]
        return web.json_response({"said": said, "end": read.end})

    def _ours(self, said: list[Said]) -> list[Said]:
        """Without those on solutions and steps that are not here, or are others now."""
        return [one for one in said if check(one, self._prefixes) is None]

    async def _post_verdicts(self, request: web.Request) -> web.Response:
        if request.content_type != "application/json":
            return web.Response(status=400, text="send application/json")
        try:
            said = self._read(parsed(await request.read()))
        except ValueError as error:
            return web.Response(status=400, text=str(error))
        async with self._adding:
            await asyncio.to_thread(self._add, said)
        return web.json_response({"said": [one.as_dict() for one in said]})

    def _add(self, said: list[Said]) -> None:
        read = self.log.read(self._read_to)
        self._known.update(one.key for one in read.said)
        self._read_to = read.end
        self.log.append([one for one in said if one.key not in self._known])

    def _read(self, body: Any) -> list[Said]:
        """Raises ValueError that says what is wrong."""
        if not isinstance(body, Mapping) or not isinstance(body.get("said"), list):
            raise ValueError("send {reviewer, time, said: [{solution_id, step, verdict}]}")
        who, found = {name: body.get(name) for name in ("reviewer", "time")}, []
        for row in body["said"]:
            if not isinstance(row, Mapping):
                raise ValueError("said: holds something that is no object")
            one = Said.of_dict({**row, **who})
            wrong = check(one, self._prefixes)
            if wrong is not None:
                raise ValueError(f"{wrong}: the dataset has no step {one.step} of such a solution")
            prefix = self._prefixes[one.solution_id][one.step]
            found.append(replace(one, prefix_hash=prefix))
        return found


def with_people(sources: Sources, said: list[Said]) -> Sources:
    """The same tables with what people said by now."""
    slices = {name: one for name, one in sources.slices.items() if name != PEOPLE}
    if said:
        slices[PEOPLE] = human_truth(said)
    return replace(sources, said=said, slices=slices)
