"""A round robin in front of equal servers, so that a run without affinity can be measured.

Guarantees: requests go to the servers in turn, as they arrive, and bodies pass as they are. It is
there for the benchmark alone: the product sends a problem's requests to one server.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
from itertools import cycle

import aiohttp
from aiohttp import web


async def serve(urls: list[str]) -> None:
    turns = cycle(urls)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    timeout = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0), timeout=timeout
    ) as session:

        async def forward(request: web.Request) -> web.Response:
            url = next(turns) if request.method == "POST" else urls[0]
            async with session.request(
                request.method,
                url + request.path,
                data=await request.read(),
                headers={"Content-Type": "application/json"},
            ) as answer:
                body = await answer.read()
                return web.Response(
                    body=body, status=answer.status, content_type=answer.content_type
                )

        app = web.Application(client_max_size=64 * 2**20)
        app.router.add_route("*", "/{path:.*}", forward)
        runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
        print(f"http://127.0.0.1:{runner.addresses[0][1]}/v1", flush=True)
        await stop.wait()
        await runner.cleanup()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("urls", nargs="+", help="http://host:port, without /v1")
    asyncio.run(serve(parser.parse_args().urls))


if __name__ == "__main__":
    main()
