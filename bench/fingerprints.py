"""How far apart are the fingerprints of one vLLM server, and those of weights that moved a little?

    python -m bench.fingerprints [--out runs/bench-fingerprints]

A server of the bundled policy is started twice: from the first start come the reference and its
noise, alone and beside a load of 64 completions at once, from the second what a new start changes.
Then servers of copies whose weights moved by a share of their spread (bench/perturbed.py). A change
is seen where the distance exceeds the tolerance. Wants vLLM in .venv-vllm. Five minutes on a CPU.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import subprocess
from pathlib import Path

import aiohttp

from bench.throughput_table import Row, print_table
from bench.throughput_vllm_server import MODEL, NAME, python, vllm_server
from pipeline.engines.dialect import Dialect
from pipeline.engines.fingerprint import Fingerprint, distance, tolerance
from pipeline.engines.http import Http
from pipeline.engines.recognise import Recogniser

SHARES = (1e-4, 1e-3, 3e-3, 1e-2, 3e-2)
LOAD = 64


async def take(url: str, times: int) -> list[Fingerprint]:
    http = Http(NAME, path="/completions", connections=64)
    http.open()
    try:
        return [
            await Recogniser(http, Dialect(NAME, "completions")).take([url]) for _ in range(times)
        ]
    finally:
        await http.close()


async def under_load(url: str, times: int) -> list[Fingerprint]:
    async with aiohttp.ClientSession() as session:

        async def keep_asking(number: int) -> None:
            body = {"model": NAME, "prompt": f"{number} + 27 - 5 =", "max_tokens": 200}
            while True:
                async with session.post(f"{url}/completions", json=body) as answer:
                    await answer.read()

        load = [asyncio.create_task(keep_asking(number)) for number in range(LOAD)]
        await asyncio.sleep(2.0)
        found = await take(url, times)
        for task in load:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*load)
        return found


def perturbed(share: float, out: Path) -> Path:
    folder = out / f"moved-{share:g}"
    subprocess.run([python(), "bench/perturbed.py", MODEL, str(folder), str(share)], check=True)
    return folder


def measure(out: Path) -> list[Row]:
    with vllm_server(out / "first.log") as server:
        alone = asyncio.run(take(server.url, 5))
        loaded = asyncio.run(under_load(server.url, 5))
    reference = alone[0]
    bound = tolerance(reference.noise)

    def apart(found: list[Fingerprint]) -> float:
        return max(distance(one.tops, reference.tops) for one in found)

    rows = [
        Row("noise that the server measured of itself", reference.noise, unit="nats"),
        Row("tolerance", bound, unit="nats"),
        Row("same start, alone, furthest of 4", apart(alone[1:]), at_most=bound, unit="nats"),
        Row(f"same start, {LOAD} beside, furthest of 5", apart(loaded), at_most=bound, unit="nats"),
    ]
    with vllm_server(out / "second.log") as server:
        found = asyncio.run(take(server.url, 5))
    rows.append(Row("another start, furthest of 5", apart(found), at_most=bound, unit="nats"))
    for share in SHARES:
        folder = perturbed(share, out)
        with vllm_server(out / f"moved-{share:g}.log", model=str(folder)) as server:
            far = distance(asyncio.run(take(server.url, 1))[0].tops, reference.tops)
        seen = "seen" if far > bound else "not seen"
        rows.append(Row(f"weights moved by {share:g} of their spread", far, unit="nats", note=seen))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("runs/bench-fingerprints"))
    out = parser.parse_args().out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    rows = measure(out)
    (out / "rows.json").write_text(json.dumps([row.as_dict() for row in rows], indent=1) + "\n")
    print_table("fingerprints of a real vLLM server", rows)


if __name__ == "__main__":
    main()
