"""Processor time of the client for each completion, n = 1 and n = 8; of the graders; a profile.

The client is the process of the run, all its threads: engine, journal, grading by reading, tables,
Prefect's tasks. Counted from the first sample with a completion to the last one in which some came;
start-up (imports, Prefect's start) and the end (the last shards' tables, the card) stand beside it.
The server answers at once, in a process of its own, and runs are `exhaustive`: every solution is
sampled, cut, and continued from each of its prefixes, n at a time. With n = 1 sums have 20 addends
and shards 256 problems: a shard then has 5,120 completions, about as many as one of the default's
64 problems has with several solutions each, and what is paid by the shard is shared by them.

Graders are the worker processes, on problems of which every tenth has a reference that only
Math-Verify can compare (a square root), with the arithmetic annotator, which reads in them too.

Where py-spy is on the PATH, two more runs are sampled from outside, and <out>/profile-<n>.txt says
where the time goes. Five minutes in all.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from bench.throughput_product import (
    ProductRun,
    label,
    stub_server,
    write_problems,
    write_recipe,
)
from bench.throughput_profile import summary
from bench.throughput_table import Row

BARS = {1: 0.30, 8: 0.12}
ADDENDS = {1: (20, 20), 8: (3, 12)}
SHARD = {1: 256, 8: 64}


def recipe(n: int, url: str, source: Path, out: Path, **more: Any) -> dict[str, Any]:
    return {
        "name": f"cpu-{n}",
        "problems": {"source": str(source)},
        # With one sample a question is always all right or all wrong.
        "questions": {"keep_all_right": 1, "keep_all_wrong": 1},
        "policy": {
            "engine": "openai",
            "model": "toy",
            "revision": "toy",
            "base_urls": [url],
            "samples": n,
            "max_tokens": 512,
            "max_running": 64 * n,
        },
        "rollouts": {"search": "exhaustive", "k": n},
        "run": {"shard_problems": SHARD[n]},
        "output": {"dir": str(out)},
    } | more


def spent(run: ProductRun) -> dict[str, float]:
    """Seconds of processor: before, while and after completions came; and their number."""
    samples = run.samples
    counts = [one.get("meter", {}).get("bought", 0) for one in samples]
    total = max(counts)
    first = next(i for i, count in enumerate(counts) if count > 0)
    last = next(i for i, count in enumerate(counts) if count == total)
    begun = max(first - 1, 0)
    return {
        "completions": total - counts[begun],
        "start": samples[begun]["cpu"],
        "client": samples[last]["cpu"] - samples[begun]["cpu"],
        "end": samples[-1]["cpu"] - samples[last]["cpu"],
        "graders": _at(run.graders, samples[-1]["time"]) - _at(run.graders, samples[begun]["time"]),
        "seconds": samples[last]["time"] - samples[begun]["time"],
    }


def _at(graders: list[tuple[float, float]], time: float) -> float:
    return max((seconds for when, seconds in graders if when <= time), default=0.0)


def by_thread(run: ProductRun) -> dict[str, float]:
    """Seconds of processor of the threads that lived, by name, between the first and the last
    sample of threads while the run was open: their sum is less than the process's."""
    known = [one["threads"] for one in run.asked if "threads" in one]
    first, last = known[0], known[-1]
    return {name: round(last[name] - first.get(name, 0.0), 2) for name in sorted(last)}


def measure(
    n: int, problems: int, out: Path, profile: Path | None = None, graders: bool = False
) -> dict[str, Any]:
    out.mkdir(parents=True, exist_ok=True)
    source = out / f"problems-{problems}.jsonl"
    write_problems(source, problems, roots=10 if graders else 0, addends=ADDENDS[n])
    more: dict[str, Any] = {"annotators.arithmetic": {}} if graders else {}
    with stub_server(
        out / f"server-{n}.json", "--slots", "100000", "--ms-per-token", "0"
    ) as server:
        made = recipe(n, server.url, source, out / f"run-{n}", **more)
        path = write_recipe(out / f"cpu-{n}.toml", made)
        run = label(path, out / f"run-{n}", out / "prefect", _sampler(profile))
    figures = spent(run)
    figures["ms"] = 1000 * figures["client"] / figures["completions"]
    return figures | {
        "n": n,
        "prefect": run.children["prefect"],
        "threads": by_thread(run),
        "requests": len(server.record["requests"]),
    }


def _sampler(profile: Path | None) -> list[str] | None:
    """py-spy, where it is installed; it reads the process from outside, and who holds the GIL."""
    if profile is None:
        return None
    options = ["-f", "raw", "-r", "100", "-g", "-t", "-d", "600"]
    return ["py-spy", "record", *options, "-o", str(profile), "-p"]


def rows(found: list[dict[str, Any]]) -> list[Row]:
    made = []
    for one in found:
        n, completions = one["n"], one["completions"]
        made.append(
            Row(
                f"client, n = {n}, a completion",
                one["ms"],
                at_most=BARS[n],
                unit="ms",
                note=f"{completions:,} completions in {one['seconds']:.1f} s; beside it: start "
                f"{one['start']:.1f} s, end {one['end']:.1f} s",
            )
        )
    return made


def run_part(out: Path, quick: bool) -> tuple[list[Row], dict[str, Any]]:
    sizes = {1: 200, 8: 40} if quick else {1: 3000, 8: 600}
    found = [measure(n, problems, out / f"n{n}") for n, problems in sizes.items()]
    graded = measure(8, sizes[8], out / "graders", graders=True)
    made = rows(found)
    made.append(
        Row(
            "graders, a completion",
            1000 * graded["graders"] / graded["completions"],
            at_most=0.1,
            unit="ms",
            note="every tenth reference a square root; the arithmetic annotator reads there too",
        )
    )
    if shutil.which("py-spy"):
        for n, problems in sizes.items():
            raw = out / f"profile-{n}.raw"
            measure(n, problems, out / f"profile-n{n}", raw)
            (out / f"profile-{n}.txt").write_text(summary(raw.read_text()))
    return made, {"runs": found, "graders": graded}
