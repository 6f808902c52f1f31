"""A run of the product, and its servers, as processes of their own: started, watched, ended.

Guarantees: the run goes through the command line; its processor time is that of its process alone,
and what its children spent is kept apart: graders, and the Prefect server. A run that fails ends
the benchmark with what it wrote. Servers end with their `with` block, and never outlive it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.throughput_proc import Children, high_water
from pipeline.engines.toy import toy_problems

PYTHON = sys.executable


@dataclass(slots=True)
class ProductRun:
    """What one run did. Times are of the monotonic clock."""

    samples: list[dict[str, Any]]
    manifest: dict[str, Any]
    seconds: float  # of the whole command
    children: dict[str, float]  # processor seconds: graders, prefect
    graders: list[tuple[float, float]]  # time, their processor seconds so far
    own_peak: int = 0  # bytes, the kernel's high-water mark of the process
    together_peak: int = 0  # bytes resident, with all children

    @property
    def asked(self) -> list[dict[str, Any]]:
        """Samples while the run was open."""
        return [one for one in self.samples if "meter" in one]


def write_problems(
    path: Path, problems: int, seed: int = 5, roots: int = 0, addends: tuple[int, int] = (3, 12)
) -> Path:
    """`roots`: of so many problems one has a reference that only Math-Verify can compare."""
    rows = toy_problems(problems, seed=seed, addends=addends)
    for row in rows[::roots] if roots else ():
        row["answer"] = f"\\sqrt{{{int(row['answer']) ** 2}}}"
        row["answer_type"] = "expression"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def write_recipe(path: Path, recipe: dict[str, Any]) -> Path:
    """TOML of two levels, which is all that a recipe has."""
    lines = [f"{key} = {json.dumps(v)}" for key, v in recipe.items() if not isinstance(v, dict)]
    for name, table in recipe.items():
        if isinstance(table, dict):
            lines += [f"[{name}]", *(f"{key} = {json.dumps(v)}" for key, v in table.items())]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def label(
    recipe: Path,
    out: Path,
    home: Path,
    beside: list[str] | None = None,
    record: Path | None = None,
) -> ProductRun:
    """Run `stepsmith label`; `beside`: a command that watches it, given its pid last; `record`:
    where what it asks of its engines is written."""
    samples = recipe.with_suffix(".samples.jsonl")
    log = recipe.with_suffix(".log")
    command = [PYTHON, "-m", "bench.throughput_child", str(samples)]
    if record is not None:
        command += ["--record", str(record)]
    started = time.monotonic()
    with log.open("w") as output:
        process = subprocess.Popen(
            [*command, "label", str(recipe)],
            env={**os.environ, "PREFECT_HOME": str(home)},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        watcher = subprocess.Popen([*beside, str(process.pid)]) if beside else None
        children = Children(process.pid)
        peak = 0
        while process.poll() is None:
            children.look()
            peak = max(peak, high_water(process.pid))
            time.sleep(0.25)
        if watcher is not None:
            watcher.wait()
    seconds = time.monotonic() - started
    if process.returncode:
        sys.exit(f"{recipe}: the run ended with {process.returncode}:\n{log.read_text()[-4000:]}")
    rows = [json.loads(line) for line in samples.read_text().splitlines()]
    manifest = json.loads((out / "manifest.json").read_text())
    return ProductRun(
        rows, manifest, seconds, children.spent(), children.graders, peak, children.together
    )


@dataclass(slots=True)
class StubServer:
    """A stub server that runs. `record` is there once it has ended."""

    url: str
    pid: int
    record: dict[str, Any] = field(default_factory=dict)
    said: str = ""


@contextmanager
def stub_server(record: Path, *options: str) -> Iterator[StubServer]:
    process = subprocess.Popen(
        [PYTHON, "-m", "bench.throughput_server", "--record", str(record), *options],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        url = process.stdout.readline().strip()
        if not url:
            sys.exit("the stub server did not start")
        server = StubServer(url, process.pid)
        yield server
        process.send_signal(signal.SIGTERM)
        server.said = process.stdout.read()
        process.wait(60)
        server.record = json.loads(record.read_text())
    finally:
        process.kill()
        process.wait()
