"""Tokens a second of a run against those of a bare loop that replays what the run asked.

Engines: a real vLLM server (128 sequences at once) and the embedded engine. In turns, three times:
a run of the product whose requests are recorded, then the bare loop with exactly these, each on a
server that was just started. The loop's best fixed concurrency (embedded: batch) is found first, on
a run of its own. Demand is there while the run wants at least as many sequences as the server has
slots (embedded: two full batches for each core's thread), from the first such moment to the last;
for the loop, until its last request is sent. Medians of the three ratios.

What is recorded are the requests as the run's engine is handed them: prompt ids, n, sampling.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from bench.throughput_product import PYTHON, label, write_recipe
from bench.throughput_record import Speed, read, speed
from bench.throughput_table import Row
from bench.throughput_vllm_server import MODEL, NAME, vllm_server

SLOTS = 128
WANTED = {"vllm": SLOTS, "embedded": 64}  # sequences: demand is there
CONCURRENCY = (8, 16, 32, 64)  # requests, of 8 sequences most of them
BATCHES = (8, 16, 32, 64)  # sequences
ENGINES = ("vllm", "embedded")


def recipe(engine: str, url: str, problems: int, out: Path) -> dict[str, Any]:
    model: dict[str, Any] = {"engine": "embedded", "model": MODEL}
    if engine == "vllm":
        model = {
            "engine": "openai",
            "model": NAME,
            "revision": "bench",
            "base_urls": [url],
            "tokenizer": f"{MODEL}/tokenizer.json",
            "max_running": 2 * SLOTS,
        }
    return {
        "name": engine,
        "problems": {"source": "data/problems/bench.jsonl", "limit": problems},
        "policy": model | {"samples": 8, "max_tokens": 400},
        "rollouts": {"search": "bisect", "k": 8},
        "output": {"dir": str(out)},
    }


@contextmanager
def server_of(engine: str, log: Path) -> Iterator[str]:
    """The URL of a fresh server; the embedded engine has none."""
    if engine == "embedded":
        yield ""
        return
    with vllm_server(log, "--max-num-seqs", str(SLOTS)) as server:
        yield server.url


def product(engine: str, problems: int, out: Path, number: int) -> tuple[Path, Speed]:
    folder, record = out / engine, out / f"{engine}-{number}.requests.jsonl"
    shutil.rmtree(folder, ignore_errors=True)
    with server_of(engine, out / f"{engine}-{number}.log") as url:
        path = write_recipe(out / f"{engine}.toml", recipe(engine, url, problems, folder))
        label(path, folder, out / "prefect", record=record)
    return record, speed(read(record), WANTED[engine])


def bare(engine: str, record: Path, setting: int, out: Path) -> Speed:
    with server_of(engine, out / f"{engine}-bare.log") as url:
        if engine == "vllm":
            words = ["bench.throughput_bare_http", str(record), url, "--model", NAME]
            words += ["--concurrency", str(setting)]
        else:
            words = ["bench.throughput_bare_embedded", str(record), "--batch", str(setting)]
        done = subprocess.run([PYTHON, "-m", *words], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"the bare loop failed: {done.stderr[-2000:]}")
    found = json.loads(done.stdout)
    return Speed(*(found[name] for name in Speed.__slots__))


def measure(engine: str, problems: int, repeats: int, out: Path) -> dict[str, Any]:
    record, _ = product(engine, problems, out, 0)
    settings = CONCURRENCY if engine == "vllm" else BATCHES
    tried = {setting: bare(engine, record, setting, out).rate for setting in settings}
    best = max(settings, key=lambda setting: tried[setting])
    pairs = []
    for number in range(1, repeats + 1):
        record, ours = product(engine, problems, out, number)
        pairs.append((ours, bare(engine, record, best, out)))
    return {
        "engine": engine,
        "problems": problems,
        "tried": tried,
        "best": best,
        "pairs": [{"product": ours.as_dict(), "bare": loop.as_dict()} for ours, loop in pairs],
        "demand_ratio": median(ours.demand_rate / loop.demand_rate for ours, loop in pairs),
        "ratio": median(ours.rate / loop.rate for ours, loop in pairs),
    }


def rows(found: list[dict[str, Any]]) -> list[Row]:
    made = []
    for one in found:
        rates = [(pair["product"]["rate"], pair["bare"]["rate"]) for pair in one["pairs"]]
        written = ", ".join(f"{ours:,.0f}/{loop:,.0f}" for ours, loop in rates)
        demand = ", ".join(
            f"{pair['product']['demand_seconds']:.0f} of {pair['product']['seconds']:.0f} s"
            for pair in one["pairs"]
        )
        made += [
            Row(
                f"{one['engine']}: tokens/s of the run ÷ bare, with demand",
                one["demand_ratio"],
                at_least=0.95,
                unit="%",
                note=f"with demand {demand}; the loop's best setting is {one['best']}",
            ),
            Row(
                f"{one['engine']}: tokens/s of the run ÷ bare, whole run",
                one["ratio"],
                at_least=0.90,
                unit="%",
                note=f"tokens/s, run/bare: {written}",
            ),
        ]
    return made


def run_part(out: Path, quick: bool) -> tuple[list[Row], dict[str, Any]]:
    out.mkdir(parents=True, exist_ok=True)
    problems, repeats = (30, 1) if quick else (300, 3)
    found = [measure(engine, problems, repeats, out) for engine in ENGINES]
    return rows(found), {"runs": found}
