"""distilabel's MathShepherdCompleter and our exhaustive search: same solutions, server and k.

Problems of the toy, four draws each, equal texts once; each prefix but the last gets 8 completions.
distilabel asks a chat for all 8 in one answer, as its template does; we ask for 8 choices of one
prompt. First errors are compared with the toy's exact truth, as ProcessBench does: the harmonic
mean of the share of wrong solutions whose first error is found exactly and the share of right ones
left clean; a solution without labels is neither. Both are measured without faults and with 10 % of
calls failing: all by HTTP 500, and by a mixture (429, connections that close, answers that break
off), of which distilabel's client retries the first three kinds.

distilabel runs in an environment of its own (`make .venv-distilabel/ready`).
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import polars as pl

from bench.throughput_completer import as_steps
from bench.throughput_product import label, stub_server, write_recipe
from bench.throughput_table import Row
from pipeline.engines.base import Prompt, Request, Sampling
from pipeline.engines.stub import StubEngine
from pipeline.engines.toy import toy_problems, toy_truth

MODEL = "error=0.1,spread=0.5"
FAULTS: dict[str, tuple[str, ...]] = {
    "no faults": (),
    "10 % of calls: HTTP 500": ("500:0.1",),
    "10 % of calls: 500, 429, closed, cut": (
        "500:0.04",
        "429:0.02",
        "close:0.02",
        "truncated:0.02",
    ),
}
K = 8
PYTHON = Path(".venv-distilabel/bin/python")


@dataclass(frozen=True, slots=True)
class Solution:
    problem: dict[str, str]
    text: str
    first_error: int  # the truth's; -1: none


@dataclass(frozen=True, slots=True)
class Found:
    """What one method gave."""

    method: str
    faults: str  # a key of FAULTS
    solutions: int
    labelled: int  # solutions with a verdict on every step that a first error needs
    f1: float
    f1_labelled: float
    completions: int
    tokens: int
    requests: int
    seconds: float  # from the first request to the last answer
    whole_seconds: float  # of the command, or of distilabel's pipeline


async def draw(problems: int, draws: int = 4) -> list[Solution]:
    engine = StubEngine(MODEL)
    found = []
    for row in toy_problems(problems, seed=9):
        prompt = Prompt(row["text"] + "\n")
        request = Request(row["problem_id"], prompt, draws, 0, Sampling(), seed=9)
        texts = dict.fromkeys(one.text for one in await engine.complete(request))
        found += [Solution(row, text, _first_error(row["text"], text)) for text in texts]
    return found


def _first_error(problem: str, text: str) -> int:
    verdicts = toy_truth(problem, [line for line in text.split("\n\n") if line])
    return verdicts.index("incorrect") if "incorrect" in verdicts else -1


def first_error_f1(pairs: list[tuple[int, int | None]]) -> float:
    """(truth, found) first errors; None: not labelled. 0 where either kind is missing."""
    right: Counter[bool] = Counter()
    total: Counter[bool] = Counter()
    for truth, found in pairs:
        total[truth >= 0] += 1
        right[truth >= 0] += truth == found
    shares = [right[kind] / total[kind] if total[kind] else 0.0 for kind in (True, False)]
    return 2 * shares[0] * shares[1] / sum(shares) if sum(shares) else 0.0


def first_minus(steps: list[str] | None) -> int | None:
    """Of distilabel's steps, each with its tag; None where a tag is missing before a minus."""
    for index, step in enumerate(steps or []):
        if step.endswith(" -"):
            return index
        if not step.endswith(" +"):
            return None
    return -1 if steps else None


def _summed(
    method: str,
    faults: str,
    pairs: list[tuple[int, int | None]],
    record: dict[str, Any],
    each: int,
    whole: float,
) -> Found:
    labelled = [(truth, found) for truth, found in pairs if found is not None]
    requests = [row for row in record["requests"] if row[4]]
    first, last = min(row[2] for row in requests), max(row[3] for row in requests)
    return Found(
        method=method,
        faults=faults,
        solutions=len(pairs),
        labelled=len(labelled),
        f1=first_error_f1(pairs),
        f1_labelled=first_error_f1(labelled),
        completions=each * sum(row[1] for row in requests),
        tokens=sum(row[4] for row in requests),
        requests=len(requests),
        seconds=last - first,
        whole_seconds=whole,
    )


def _server(out: Path, name: str, faults: str) -> Any:
    planted = [word for spec in FAULTS[faults] for word in ("--fault", spec)]
    return stub_server(out / f"server-{name}.json", "--model", MODEL, *planted)


def distilabel(solutions: list[Solution], out: Path, faults: str) -> Found:
    name = f"distilabel-{list(FAULTS).index(faults)}"
    by_problem: dict[str, list[Solution]] = {}
    for one in solutions:
        by_problem.setdefault(one.problem["text"], []).append(one)
    rows, result = out / f"{name}.jsonl", out / f"{name}.json"
    given = [
        {
            "instruction": text,
            "solutions": [as_steps(one.text).split("\n") for one in group],
            "golden_solution": [f"The answer is: {group[0].problem['answer']}"],
        }
        for text, group in by_problem.items()
    ]
    rows.write_text("".join(json.dumps(row) + "\n" for row in given))
    command = [str(PYTHON), "bench/distilabel_completer.py", str(rows), str(result)]
    with _server(out, name, faults) as server, (out / f"{name}.log").open("w") as log:
        done = subprocess.run(
            [*command, "--url", server.url, "--n", str(K)], stdout=log, stderr=subprocess.STDOUT
        )
    if done.returncode:
        sys.exit(f"distilabel failed: {(out / f'{name}.log').read_text()[-3000:]}")
    answer = json.loads(result.read_text())
    tagged = {row["instruction"]: row["solutions"] for row in answer["rows"]}
    pairs = []
    for text, group in by_problem.items():
        found = tagged.get(text) or [None] * len(group)
        pairs += [
            (one.first_error, first_minus(steps)) for one, steps in zip(group, found, strict=True)
        ]
    method = f"distilabel {answer['version']}"
    return _summed(method, faults, pairs, server.record, K, answer["seconds"])


def ours(solutions: list[Solution], out: Path, faults: str, search: str) -> Found:
    name = f"{search}-{list(FAULTS).index(faults)}"
    source = out / "solutions.jsonl"
    rows = [
        {
            "problem_id": one.problem["problem_id"],
            "problem": one.problem["text"],
            "solution": one.text,
            "answer": one.problem["answer"],
            "model": "toy",
        }
        for one in solutions
    ]
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with _server(out, name, faults) as server:
        recipe = {
            "name": name,
            "problems": {},
            "solutions": {"source": str(source)},
            "questions": {"keep_all_right": 1, "keep_all_wrong": 1},
            "policy": {
                "engine": "openai",
                "model": "toy",
                "revision": "toy",
                "base_urls": [server.url],
            },
            "rollouts": {"search": search, "k": K},
            "labels": {"view": "hard"},
            "output": {"dir": str(out / name)},
        }
        run = label(write_recipe(out / f"{name}.toml", recipe), out / name, out / "prefect")
    labels = pl.read_parquet(out / name / "data" / "*.parquet")
    found = {
        (problem, "".join(steps)): (first, len(steps))
        for problem, steps, first in labels.select("problem", "steps", "first_error").iter_rows()
    }
    pairs: list[tuple[int, int | None]] = []
    for one in solutions:
        first, size = found[one.problem["text"], one.text]
        # distilabel's last step holds the answer's line as well.
        pairs.append((one.first_error, None if first is None else min(first, size - 2)))
    return _summed(f"ours, {search}", faults, pairs, server.record, 1, run.seconds)


def rows(found: list[Found]) -> list[Row]:
    made = []
    for one in found:
        note = (
            f"{one.labelled} of {one.solutions} solutions labelled (F1 of those "
            f"{one.f1_labelled:.3f}); {one.completions:,} completions, {one.tokens:,} tokens, "
            f"{one.requests:,} answers in {one.seconds:.1f} s, {one.whole_seconds:.1f} s in all"
        )
        made.append(Row(f"first-error F1, {one.faults}: {one.method}", one.f1, note=note))
    return made


def run_part(out: Path, quick: bool) -> tuple[list[Row], dict[str, Any]]:
    if not PYTHON.exists():
        sys.exit("distilabel is not installed: make .venv-distilabel/ready")
    out.mkdir(parents=True, exist_ok=True)
    solutions = asyncio.run(draw(8 if quick else 120))
    found = []
    for faults in FAULTS:
        found.append(distilabel(solutions, out, faults))
        found += [ours(solutions, out, faults, search) for search in ("exhaustive", "bisect")]
    return rows(found), {"runs": [asdict(one) for one in found]}
