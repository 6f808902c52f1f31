"""`stepsmith serve`: a Prefect server, the deployments of prefect.yaml and a worker, until Ctrl-C.

It starts what a person would start in three terminals, with Prefect's own commands, so that moving
to a server of one's own changes nothing but PREFECT_API_URL. Where that is set, no server is
started. The server keeps its state in PREFECT_HOME: schedules and past runs are there again the
next time, and a run that the last one stopped, or that died with it, is started again.
"""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import httpx
import yaml
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.exceptions import ObjectNotFound
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.interrupted import home_alone, start_again
from pipeline.engines import tied
from pipeline.errors import InputError, StepsmithError

_PREFECT = [sys.executable, "-m", "prefect"]
_START_S = 120.0  # a first start makes the database
_GRACE_S = 15.0  # of a worker: its runs stop and keep what was committed
_LOOK_S = 0.5


def serve_command(file: Path, port: int) -> None:
    """Raises InputError, and StepsmithError where a part of it does not start or ends by itself."""
    deployments = deployments_of(file)
    pools = list(dict.fromkeys(pool for _, pool in deployments))
    os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    try:
        with ExitStack() as stack:
            running: dict[str, subprocess.Popen[Any]] = {}
            own = not os.environ.get("PREFECT_API_URL")
            if own:
                stack.enter_context(home_alone())
                running["the Prefect server"] = stack.enter_context(_server(port))
            for pool in pools:
                create_pool(pool)
            _once("--no-prompt", "deploy", "--all", "--prefect-file", str(file))
            if own:  # on a server of somebody's own they may be alive
                with _client() as client:
                    again = start_again(client, [name for name, _ in deployments])
                if again:
                    print(f"{again} interrupted: started again", flush=True)
            for pool in pools:
                words = ["worker", "start", "--pool", pool, "--type", "process"]
                running[f"the worker of {pool}"] = stack.enter_context(_child(words))
            url = os.environ["PREFECT_API_URL"].removesuffix("/api")
            print(f"{file}: deployed; runs start by their schedules. {url} shows them", flush=True)
            _watch(running)
    except KeyboardInterrupt:
        print("stopped; what was committed is safe, and the same command goes on")


def deployments_of(file: Path) -> list[tuple[str, str]]:
    """Name and work pool of each that the file has. Raises InputError."""
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
    return [_deployment(f"{file}: deployment {n}", one) for n, one in enumerate(deployments, 1)]


def _deployment(where: str, told: Any) -> tuple[str, str]:
    if not isinstance(told, dict) or not isinstance(told.get("name"), str):
        raise InputError(f"{where} has no name")
    pool = told.get("work_pool")
    if isinstance(pool, str):
        raise InputError(f"{where}: work_pool is a table: write work_pool: {{name: {pool}}}")
    if not isinstance(pool, dict) or not isinstance(pool.get("name"), str):
        raise InputError(f"{where} has no work_pool.name")
    return told["name"], pool["name"]


@contextmanager
def _server(port: int) -> Iterator[subprocess.Popen[Any]]:
    """One on loopback. Raises StepsmithError where it does not come up."""
    url = f"http://127.0.0.1:{port}/api"
    if _answers(url):
        raise InputError(
            f"a Prefect server answers at {url} already: set PREFECT_API_URL={url} to use it, or "
            f"give another --port, and PREFECT_HOME another folder"
        )
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise InputError(
                f"--port {port}: cannot be had: {error.strerror}: give another one"
            ) from None
    words = ["server", "start", "--host", "127.0.0.1", "--port", str(port)]
    with _child(words, quiet=True) as process:
        end = time.monotonic() + _START_S
        while not _answers(url):
            if process.poll() is not None:
                raise StepsmithError(
                    f"the Prefect server ended with status {process.returncode}: "
                    f"`prefect {' '.join(words)}` says why"
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
    except (OSError, http.client.HTTPException):  # nobody, or something that speaks no HTTP
        return False


@contextmanager
def _client() -> Iterator[SyncPrefectClient]:
    """Raises StepsmithError where the server does not answer, or refuses."""
    url = os.environ["PREFECT_API_URL"]
    try:
        with temporary_settings({PREFECT_API_URL: url}), get_client(sync_client=True) as client:
            yield client
    except httpx.HTTPError as error:
        raise StepsmithError(f"the Prefect server at PREFECT_API_URL={url}: {error}") from None


def create_pool(pool: str) -> None:
    """Where it is missing: one that is there may have a job template and a pause of its own.

    Raises StepsmithError.
    """
    with _client() as client:
        try:
            client.read_work_pool(pool)
            return
        except ObjectNotFound:
            pass
    _once("work-pool", "create", pool, "--type", "process")


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
