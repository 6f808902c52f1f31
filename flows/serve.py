"""`stepsmith serve`: a Prefect server, the deployments of prefect.yaml and a worker, until Ctrl-C.

It starts what a person would start in three terminals, with Prefect's own commands, so that moving
to a server of one's own changes nothing but PREFECT_API_URL. Where that is set, no server is
started. The server keeps its state in PREFECT_HOME: schedules and past runs are there again the
next time.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import yaml

from pipeline.engines import tied
from pipeline.errors import InputError, StepsmithError

_PREFECT = [sys.executable, "-m", "prefect"]
_START_S = 120.0  # a first start makes the database
_GRACE_S = 15.0  # of a worker: its runs stop and keep what was committed
_LOOK_S = 0.5


def serve_command(file: Path, port: int) -> None:
    """Raises InputError, and StepsmithError where a part of it does not start or ends by itself."""
    pools = pools_of(file)
    os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    try:
        with ExitStack() as stack:
            running: dict[str, subprocess.Popen[Any]] = {}
            if not os.environ.get("PREFECT_API_URL"):
                running["the Prefect server"] = stack.enter_context(_server(port))
            for pool in pools:
                _once("work-pool", "create", pool, "--type", "process", "--overwrite")
            _once("--no-prompt", "deploy", "--all", "--prefect-file", str(file))
            for pool in pools:
                words = ["worker", "start", "--pool", pool, "--type", "process"]
                running[f"the worker of {pool}"] = stack.enter_context(_child(words))
            url = os.environ["PREFECT_API_URL"].removesuffix("/api")
            print(f"{file}: deployed; runs start by their schedules. {url} shows them", flush=True)
            _watch(running)
    except KeyboardInterrupt:
        print("stopped; what was committed is safe, and runs go on with their next start")


def pools_of(file: Path) -> list[str]:
    """The work pools that the file names. Raises InputError."""
    try:
        told = yaml.safe_load(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(
            f"{file}: is not there: it names what is to run; docs/operations.md says how"
        ) from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"{file}: cannot be read: {error}") from None
    deployments = told.get("deployments") if isinstance(told, dict) else None
    if not isinstance(deployments, list) or not deployments:
        raise InputError(f"{file}: names no deployments")
    pools: list[str] = []
    for number, one in enumerate(deployments, start=1):
        pool = (one.get("work_pool") or {}).get("name") if isinstance(one, dict) else None
        if not isinstance(pool, str):
            raise InputError(f"{file}: deployment {number} has no work_pool.name")
        if pool not in pools:
            pools.append(pool)
    return pools


@contextmanager
def _server(port: int) -> Iterator[subprocess.Popen[Any]]:
    """One on loopback. Raises StepsmithError where it does not come up."""
    url = f"http://127.0.0.1:{port}/api"
    if _answers(url):
        raise InputError(
            f"a Prefect server answers at {url} already: set PREFECT_API_URL={url} to use it, or "
            f"give another --port"
        )
    words = ["server", "start", "--host", "127.0.0.1", "--port", str(port)]
    with _child(words, quiet=True) as process:
        end = time.monotonic() + _START_S
        while not _answers(url):
            if process.poll() is not None:
                raise StepsmithError(
                    f"the Prefect server ended with status {process.returncode}: is port {port} "
                    f"taken? `prefect {' '.join(words)}` says more"
                )
            if time.monotonic() > end:
                raise StepsmithError(f"the Prefect server does not answer at {url}")
            time.sleep(_LOOK_S)
        os.environ["PREFECT_API_URL"] = url
        yield process


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@contextmanager
def _child(words: list[str], quiet: bool = False) -> Iterator[subprocess.Popen[Any]]:
    """A Prefect command that runs until the end of the block, and no longer than we do."""
    guard = [sys.executable, "-I", tied.__file__, str(os.getpid()), str(_GRACE_S)]
    out = subprocess.DEVNULL if quiet else None
    process = subprocess.Popen([*guard, *_PREFECT, *words], stdout=out, start_new_session=True)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def _once(*words: str) -> None:
    done = subprocess.run([*_PREFECT, *words], capture_output=True, text=True)
    if done.returncode:
        said = (done.stdout + done.stderr).strip()
        raise StepsmithError(f"`prefect {' '.join(words)}` failed: {said[-2000:]}")


def _watch(running: Mapping[str, subprocess.Popen[Any]]) -> None:
    while True:
        for name, process in running.items():
            if process.poll() is not None:
                raise StepsmithError(f"{name} ended by itself, with status {process.returncode}")
        time.sleep(_LOOK_S)


def _stop(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
