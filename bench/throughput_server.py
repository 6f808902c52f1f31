"""The benchmark's stub server: our own server over the toy policy, with slots and a record.

    python -m bench.throughput_server --slots 256 --ms-per-token 20 --record FILE [--port 0]
        [--model error=0.1] [--fault 500:0.1]

Serves what pipeline/engines/server.py serves, GET /metrics with vLLM's names for what runs and
waits, and GET /record: the same record that is written to FILE when it is told to stop::

    {"slots": 256, "ms_per_token": 20, "series": [[time, running, waiting, running_area,
     waiting_area, sequences], …], "requests": [[problem, n, arrived, ended, tokens], …]}

Times are of the system's monotonic clock, which all processes of the machine share. The series
has a row each 50 ms; the areas are exact at each row. Chats
of distilabel's completer are answered as it wants them (bench/throughput_completer.py).
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import signal
import time
from pathlib import Path
from typing import Any

from aiohttp import web

from bench.throughput_completer import CompleterEngine
from bench.throughput_engine import SlottedEngine
from pipeline.engines.faults import fault_plan
from pipeline.engines.server import Server
from pipeline.engines.stub import StubEngine

EVERY_S = 0.05


class Recorder:
    """The record of one server."""

    def __init__(self, engine: SlottedEngine, slots: int, ms_per_token: float) -> None:
        self._engine = engine
        self._settings = {"slots": slots, "ms_per_token": ms_per_token}
        self._series: list[list[float]] = []

    async def watch(self) -> None:
        queue = self._engine.queue
        while True:
            now = time.monotonic()
            self._engine.turn(now)
            row = [now, queue.running, queue.waiting, queue.running_area, queue.waiting_area]
            self._series.append([*row, queue.sequences])
            await asyncio.sleep(EVERY_S)

    def record(self) -> dict[str, Any]:
        requests = [[a.problem, a.n, a.arrived, a.ended, a.tokens] for a in self._engine.log]
        return self._settings | {"series": self._series, "requests": requests}

    def metrics(self) -> str:
        queue = self._engine.queue
        figures = {
            "vllm:num_requests_running": queue.running,
            "vllm:num_requests_waiting": queue.waiting,
            "vllm:generation_tokens_total": self._engine.tokens,
        }
        return "".join(f"{name} {value}\n" for name, value in figures.items())


async def serve(arguments: argparse.Namespace) -> None:
    policy = CompleterEngine(StubEngine(arguments.model))
    engine = SlottedEngine(policy, arguments.slots, arguments.ms_per_token)
    recorder = Recorder(engine, arguments.slots, arguments.ms_per_token)
    faults = fault_plan(arguments.fault, arguments.fault_seed) if arguments.fault else None
    server = Server(engine, "toy", faults)
    app = server.app()

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(text=recorder.metrics())

    async def record(_: web.Request) -> web.Response:
        return web.json_response(recorder.record())

    app.router.add_get("/metrics", metrics)
    app.router.add_get("/record", record)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", arguments.port, backlog=4096).start()
    print(f"http://127.0.0.1:{runner.addresses[0][1]}/v1", flush=True)
    watching = asyncio.create_task(recorder.watch())
    await stop.wait()
    watching.cancel()
    arguments.record.write_text(json.dumps(recorder.record()))
    print(server.report(), flush=True)
    await runner.cleanup()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="error=0.1,spread=0.5")
    parser.add_argument("--slots", type=int, default=256)
    parser.add_argument("--ms-per-token", type=float, default=20.0)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--fault", action="append", default=[])
    parser.add_argument("--fault-seed", type=int, default=0)
    parser.add_argument("--record", type=Path, required=True)
    gc.freeze()  # a server that stops for its own garbage would be measured as an idle client
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
