"""How full a run keeps a server of 256 slots at 20 ms a token: bisect, omegaprm and posterior.

The server is bench/throughput_server.py: a sequence holds a slot for its tokens (of three
characters; an answer of the toy has about forty) times 20 ms, and waits in the server's queue where
none is free. `policy.samples` and `rollouts.k` are 8 and `max_running` is twice
the slots: n sequences of a request end at different times, and a server that has nothing waiting
has an idle slot until the next request comes.

Demand is there from the first moment at which the run wants as many sequences as there are slots
(asked for and not yet answered, in the client or at the server) to the last; what it wants less in
between counts against it. The whole run is from the arrival of its first request to the answer to
its last. Out of the JSON's `timeline` one reads between which stages a run wanted too little.

On today's two cores 5,000 problems take about 13, 12 and 30 minutes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench.throughput_integrals import demand_span, mean_running, tail, work_span
from bench.throughput_product import (
    ProductRun,
    label,
    stub_server,
    write_problems,
    write_recipe,
)
from bench.throughput_table import Row

SEARCHES = ("bisect", "omegaprm", "posterior")
SLOTS = 256
SHARD = 64
MAX_RUNNING = 2 * SLOTS


def recipe(
    search: str, urls: list[str], source: Path, out: Path, *, max_running: int, seed: int = 0
) -> dict[str, Any]:
    made: dict[str, Any] = {
        "name": f"stub-{search}",
        "seed": seed,
        "problems": {"source": str(source)},
        "policy": {
            "engine": "openai",
            "model": "toy",
            "revision": "toy",
            "base_urls": urls,
            "samples": 8,
            "max_running": max_running,
        },
        "rollouts": {"search": search, "k": 8},
        "run": {"shard_problems": SHARD},
        "output": {"dir": str(out)},
    }
    if search == "posterior":
        made["labels"] = {"view": "posterior"}
    if search == "omegaprm":
        # Of the paper's 100 selections a problem; each is a chain of requests in itself.
        made["rollouts"]["searches"] = 8
    return made


def wanted(run: ProductRun) -> list[tuple[float, float]]:
    return [(one["time"], one["meter"]["running"]) for one in run.asked]


def figures(run: ProductRun, record: dict[str, Any]) -> dict[str, Any]:
    slots, series = record["slots"], record["series"]
    asked = wanted(run)
    first, last = work_span(record["requests"])
    span = demand_span(asked, slots)
    begin, end = span or (first, first)
    inside = [count for time, count in asked if begin <= time <= end]
    found = tail(record, max(end, first), SHARD)
    return {
        "busy_with_demand": mean_running(series, begin, end) / slots,
        "busy": mean_running(series, first, last) / slots,
        "demand_seconds": end - begin,
        "seconds": last - first,
        "dips": sum(count < slots for count in inside) / max(len(inside), 1),
        "sequences": sum(row[1] for row in record["requests"]),
        "tokens": sum(row[4] for row in record["requests"]),
        "requests": len(record["requests"]),
        "completions": run.manifest["last_run"]["completions_bought"],
        "before_demand": begin - first,
        "tail": {name: getattr(found, name) for name in found.__slots__},
        "cause": found.cause(),
        "timeline": timeline(run, record, first, last),
    }


def timeline(
    run: ProductRun, record: dict[str, Any], first: float, last: float, parts: int = 60
) -> list[dict[str, Any]]:
    """What ran, was wanted and had been finished, in so many parts of the run: where it dips, and
    between which stages."""
    size = (last - first) / parts
    found = []
    for part in range(parts):
        begin, end = first + part * size, first + (part + 1) * size
        inside = [one for one in run.asked if begin <= one["time"] < end]
        if inside:
            found.append(
                {
                    "seconds": round(end - first, 1),
                    "running": round(mean_running(record["series"], begin, end), 1),
                    "least_wanted": min(one["meter"]["running"] for one in inside),
                    "stages": inside[-1]["stages"],
                }
            )
    return found


def measure(search: str, problems: int, out: Path, max_running: int) -> dict[str, Any]:
    out.mkdir(parents=True, exist_ok=True)
    source = write_problems(out / f"problems-{problems}.jsonl", problems)
    with stub_server(out / f"server-{search}.json", "--slots", str(SLOTS)) as server:
        made = recipe(search, [server.url], source, out / search, max_running=max_running)
        path = write_recipe(out / f"{search}.toml", made)
        run = label(path, out / search, out / "prefect")
    return {"search": search, "problems": problems} | figures(run, server.record)


def rows(found: list[dict[str, Any]]) -> list[Row]:
    made = []
    for one in found:
        search = one["search"]
        made += [
            Row(
                f"{search}: running / slots with demand",
                one["busy_with_demand"],
                at_least=0.97,
                unit="%",
                note=f"{one['demand_seconds']:.0f} s of {one['seconds']:.0f}; wanted less than the "
                f"slots in {100 * one['dips']:.1f} % of them",
            ),
            Row(
                f"{search}: running / slots, whole run",
                one["busy"],
                at_least=0.90,
                unit="%",
                note=f"{one['problems']:,} problems, {one['completions']:,} completions; "
                f"{one['before_demand']:.1f} s before there was demand",
            ),
            Row(f"{search}: tail", one["tail"]["seconds"], unit="s", note=one["cause"]),
        ]
    return made


def run_part(out: Path, quick: bool) -> tuple[list[Row], dict[str, Any]]:
    problems = 300 if quick else 5000
    found = [measure(search, problems, out, MAX_RUNNING) for search in SEARCHES]
    return rows(found), {"runs": found}
