"""Real vLLM servers for the benchmark, each in a process group of its own, and their metrics.

Guarantees: a server listens on loopback, is healthy when the `with` block begins, and its whole
group is gone when the block ends. Not guaranteed: that a port found free stays free.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

MODEL = "data/policies/large"
NAME = "large"
READY_S = 300.0
_METRIC = re.compile(r"^(vllm:\w+)(?:\{[^}]*\})? (\S+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class VllmServer:
    root: str  # http://host:port

    @property
    def url(self) -> str:
        return f"{self.root}/v1"

    def metrics(self) -> dict[str, float]:
        """Counters and gauges by name, summed over labels."""
        with urllib.request.urlopen(f"{self.root}/metrics", timeout=30) as answer:
            text = answer.read().decode()
        found: dict[str, float] = {}
        for name, value in _METRIC.findall(text):
            found[name] = found.get(name, 0.0) + float(value)
        return found

    def computed(self) -> float:
        """Prompt tokens that were computed since its start: asked for less those in the cache."""
        found = self.metrics()
        queries = found["vllm:prefix_cache_queries_total"]
        return queries - found["vllm:prefix_cache_hits_total"]


def python() -> str:
    """Of the environment that vLLM is installed in."""
    return os.environ.get("STEPSMITH_VLLM_PYTHON", ".venv-vllm/bin/python")


@contextmanager
def vllm_server(log: Path, *options: str, model: str = MODEL) -> Iterator[VllmServer]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [python(), "-m", "vllm.entrypoints.openai.api_server", "--model", model]
    command += ["--served-model-name", NAME, "--host", "127.0.0.1", "--port", str(port)]
    command += ["--enforce-eager", "--max-model-len", "1024", "--enable-prefix-caching"]
    # On a CPU, vLLM 0.32 dies of a request with a seed whose prompt it reads in two steps.
    command += ["--no-enable-chunked-prefill", "--block-size", "32", *options]
    with log.open("w") as output:
        process = subprocess.Popen(
            command,
            env={**os.environ, "VLLM_CPU_KVCACHE_SPACE": "2"},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        server = VllmServer(f"http://127.0.0.1:{port}")
        _wait(server, process, log)
        yield server
    finally:
        _end(process)


def _wait(server: VllmServer, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline and process.poll() is None:
        with (
            contextlib.suppress(OSError),
            urllib.request.urlopen(f"{server.root}/health", timeout=5) as answer,
        ):
            if answer.status == 200:
                return
        time.sleep(0.5)
    sys.exit(f"vLLM did not start: {log.read_text()[-3000:]}")


def _end(process: subprocess.Popen[bytes]) -> None:
    for number, seconds in ((signal.SIGTERM, 20), (signal.SIGKILL, 20)):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
            break
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # its engine, where only the front ended
