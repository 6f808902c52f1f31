"""An S3 server that fails now and then: a proxy that answers every n-th request with an error."""

from __future__ import annotations

import asyncio
import itertools
import sys

from aiohttp import ClientSession, web

_HOP = {"host", "content-length", "transfer-encoding", "connection", "content-encoding"}
_BUSY = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"


async def main(port: int, target: str, every: int) -> None:
    count = itertools.count(1)

    async def answer(request: web.Request) -> web.StreamResponse:
        body = await request.read()
        number = next(count)
        if number % every == 0:
            if number % (2 * every) == 0 and request.transport is not None:
                request.transport.close()  # no answer at all
            return web.Response(status=503, body=_BUSY, content_type="application/xml")
        headers = {k: v for k, v in request.headers.items() if k.lower() not in _HOP}
        url = target + request.raw_path
        async with session.request(
            request.method, url, data=body, headers=headers, allow_redirects=False
        ) as found:
            content = await found.read()
            kept = {k: v for k, v in found.headers.items() if k.lower() not in _HOP}
            if request.method == "HEAD":
                kept["Content-Length"] = found.headers.get("Content-Length", "0")
            return web.Response(status=found.status, body=content, headers=kept)

    async with ClientSession(auto_decompress=False) as session:
        app = web.Application(client_max_size=2**30)
        app.router.add_route("*", "/{path:.*}", answer)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
