"""`stepsmith fault-server` and the real command line, each in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from tests.flows.prefect_homes import prefect_home

ROOT = Path(__file__).parents[2]


class FaultServer:
    """A fault server: its URL once it serves, its report once it was asked to stop."""

    def __init__(self, *options: object, port: int = 0) -> None:
        given = ("--served-model-name", "toy", "--port", port, *options)
        command = [sys.executable, "-m", "flows.cli", "fault-server", *map(str, given)]
        self._process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self._out = self._process.stdout
        line = self._out.readline()
        self.url = line.removeprefix("toy at ").strip()
        self.port = int(line.split(":")[2].split("/")[0])

    def stop(self, how: signal.Signals = signal.SIGINT) -> str:
        self._process.send_signal(how)
        report = self._out.read()
        self._out.close()
        self._process.wait(timeout=30)
        return report

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def __enter__(self) -> FaultServer:
        return self

    def __exit__(self, *_: object) -> None:
        if self.running:
            self.stop(signal.SIGKILL)


def stepsmith(home: Path, *arguments: object, **environment: str) -> subprocess.Popen[str]:
    """Start a command; `home`: where its Prefect may keep its things."""
    place = prefect_home(home / f"prefect-{time.monotonic_ns()}")
    return subprocess.Popen(
        [sys.executable, "-m", "flows.cli", *map(str, arguments)],
        env={**os.environ, "PREFECT_HOME": str(place), **environment},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def answers(log: Path) -> Counter[tuple[str, int]]:
    """Choices by (prompt, seed) over all servers that wrote the log; probes have no seed."""
    found: Counter[tuple[str, int]] = Counter()
    if not log.exists():
        return found
    for line in log.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if row["seed"] is not None:
            found[row["prompt"], row["seed"]] += row["choices"]
    return found
