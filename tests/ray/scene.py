"""Processes of a cluster, and what a run on it left."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pyarrow as pa

from pipeline.engines.toy import toy_problems
from pipeline.places import glob, place, read_bytes

ROOT = Path(__file__).parents[2]
MODEL = "error=0.12,repair=0.03,luck=0.02"
RECIPE = """
name = "cluster"
[problems]
source = "{source}"
[policy]
engine = "stub"
model = "{model}"
samples = 8
[rollouts]
search = "{search}"
k = 4
budget_tokens = {budget}
[annotators.arithmetic]
[labels]
view = "{view}"
[run]
shard_problems = {shard_problems}
task_runner = "{runner}"
[run.ray]
address = "{address}"
takeovers = {takeovers}
[output]
dir = "{out}"
"""


def write_recipe(
    folder: Path, out: str, problems: int = 12, more: str = "", **values: object
) -> Path:
    source = folder / "problems.jsonl"
    rows = toy_problems(problems, seed=1)
    source.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    settings = {
        "model": MODEL,
        "search": "scan",
        "budget": -1,
        "view": "scan",
        "shard_problems": 3,
        "runner": "threads",
        "address": "auto",
        "takeovers": 3,
        **values,
    }
    path = folder / f"recipe-{time.monotonic_ns()}.toml"
    path.write_text(RECIPE.format(source=source, out=out, **settings) + more, encoding="utf-8")
    return path


def start(*arguments: object, **variables: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "flows.cli", *map(str, arguments)],
        start_new_session=True,
        env={**os.environ, **variables},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run_command(*arguments: object, code: int = 0, **variables: str) -> str:
    """What it printed, on both streams."""
    process = start(*arguments, **variables)
    printed, said = process.communicate(timeout=480)
    assert process.returncode == code, said[-3000:]
    return printed + said


def kill(process: subprocess.Popen[str]) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def port_answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def wait_until(there_yet: Callable[[], bool], seconds: float = 300) -> None:
    deadline = time.monotonic() + seconds
    while not there_yet():
        assert time.monotonic() < deadline, "it does not come"
        time.sleep(0.05)


def journal_keys(out: str) -> list[bytes]:
    """Of every row that is committed."""
    keys: list[bytes] = []
    for path in glob(place(out) / "work" / "journal", "*/*.arrow"):
        try:
            content = read_bytes(path)
        except FileNotFoundError:  # joined with others since it was listed
            continue
        table = pa.ipc.open_file(pa.BufferReader(content)).read_all()
        keys += table.column("key").to_pylist()
    return keys


def published(out: str) -> dict[str, bytes]:
    return {path.name: read_bytes(path) for path in glob(place(out) / "data", "*.parquet")}


class Nodes:
    """Nodes of one Ray cluster on this machine. A node is killed as a whole: its raylet and every
    process below it, at once and without a word to anybody."""

    def __init__(self) -> None:
        self._folder = tempfile.mkdtemp(prefix="ray-")
        self._raylets: list[psutil.Process] = []
        self.address = f"127.0.0.1:{free_port()}"
        port = self.address.rpartition(":")[2]
        # A dead node is noticed in seconds, not in half a minute.
        self.head = self._start(
            "--head",
            "--node-ip-address=127.0.0.1",
            f"--port={port}",
            "--include-dashboard=false",
            f"--temp-dir={self._folder}",
            RAY_health_check_initial_delay_ms="1000",
            RAY_health_check_period_ms="1000",
            RAY_health_check_failure_threshold="3",
        )

    def add(self) -> psutil.Process:
        """A node with one CPU; its raylet."""
        return self._start(f"--address={self.address}")

    def _start(self, *arguments: str, **variables: str) -> psutil.Process:
        before = self._raylet_ids()
        ray = str(Path(sys.executable).parent / "ray")
        small = ("--num-cpus=1", "--object-store-memory=80000000", "--disable-usage-stats")
        subprocess.run(
            [ray, "start", *small, *arguments],
            env={**os.environ, "RAY_USAGE_STATS_ENABLED": "0", **variables},
            check=True,
            capture_output=True,
            cwd=ROOT,
        )
        (pid,) = self._raylet_ids() - before
        self._raylets.append(psutil.Process(pid))
        return self._raylets[-1]

    def at_work(self, task: str) -> list[psutil.Process]:
        """Worker processes that are doing a task of this name; Ray titles them so."""
        found = []
        for process in _below(self._raylets):
            with contextlib.suppress(psutil.NoSuchProcess):
                if task in " ".join(process.cmdline()):
                    found.append(process)
        return found

    def kill(self, raylet: psutil.Process) -> None:
        for process in (*raylet.children(recursive=True), raylet):
            _kill(process)

    def stop(self) -> None:
        for process in {*self._mine(), *_below(self._mine())}:
            _kill(process)

    def _raylet_ids(self) -> set[int]:
        return {process.pid for process in self._mine() if process.name() == "raylet"}

    def _mine(self) -> list[psutil.Process]:
        """All that `ray start` left running: it names its folder, or the address of the head."""
        marks = (self._folder, ":" + self.address.rpartition(":")[2])
        found = []
        for process in psutil.process_iter(["cmdline"]):
            words = process.info["cmdline"] or []
            if process.pid != os.getpid() and any(m in word for m in marks for word in words):
                found.append(process)
        return found


def _below(processes: list[psutil.Process]) -> set[psutil.Process]:
    found = set()
    for process in processes:
        if process.is_running():
            found.update(process.children(recursive=True))
    return found


def _kill(process: psutil.Process) -> None:
    try:
        process.kill()
    except psutil.NoSuchProcess:
        return
