"""A bare loop: recorded requests, so many at once, to a server, and nothing done with the answers.

python -m bench.throughput_bare_http RECORD URL --concurrency 32 --model large
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from pathlib import Path

import aiohttp

from bench.throughput_record import Asked, Speed, read


def body(one: Asked, model: str, number: int) -> bytes:
    sent = {"model": model, "prompt": one.ids, "n": one.n, "max_tokens": one.max_tokens}
    sent |= {"temperature": one.temperature, "top_p": one.top_p, "seed": number}
    sent |= {"return_token_ids": True}
    if one.top_k:
        sent["top_k"] = one.top_k
    if one.stop:
        sent["stop"] = one.stop
    if one.logprobs:
        sent["logprobs"] = 0
    return json.dumps(sent).encode()


async def replay(asked: list[Asked], url: str, model: str, concurrency: int) -> Speed:
    bodies = iter([body(one, model, number) for number, one in enumerate(asked)])
    answers: list[tuple[float, int]] = []
    sent_last = 0.0
    headers = {"Content-Type": "application/json"}
    timeout = aiohttp.ClientTimeout(total=None)
    connector = aiohttp.TCPConnector(limit=0)

    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:

        async def work() -> None:
            nonlocal sent_last
            for data in bodies:
                sent_last = time.monotonic()
                async with session.post(url, data=data, headers=headers) as response:
                    answer = json.loads(await response.read())
                answers.append((time.monotonic(), answer["usage"]["completion_tokens"]))

        started = time.monotonic()
        await asyncio.gather(*(work() for _ in range(concurrency)))
    inside = sum(tokens for ended, tokens in answers if ended <= sent_last)
    total = sum(tokens for _, tokens in answers)
    return Speed(total, answers[-1][0] - started, inside, sent_last - started)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("record", type=Path)
    parser.add_argument("url", help="ends in /v1")
    parser.add_argument("--concurrency", type=int, required=True)
    parser.add_argument("--model", required=True)
    arguments = parser.parse_args()
    asked = read(arguments.record)
    url = f"{arguments.url}/completions"
    found = asyncio.run(replay(asked, url, arguments.model, arguments.concurrency))
    print(json.dumps(found.as_dict()))


if __name__ == "__main__":
    main()
