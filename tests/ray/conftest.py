"""An S3 server, a Prefect server and a Ray cluster of two nodes, all on loopback, as processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.ray.scene import Nodes, free_port, port_answers, run_command, wait_until

HERE = Path(__file__).parent

S3 = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "sec-ret-of-the-tests",
    "AWS_DEFAULT_REGION": "us-east-1",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if find_spec("moto") is None:
        skip = pytest.mark.skip(reason="needs the environment of `make test-ray`")
        for item in items:
            if HERE in item.path.parents:
                item.add_marker(skip)


def serve(command: list[str], log: Path, port: int) -> subprocess.Popen[bytes]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    wait_until(lambda: port_answers(port) or process.poll() is not None, 120)
    assert process.poll() is None, log.read_text()
    return process


def stop(process: subprocess.Popen[bytes]) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@pytest.fixture(scope="session")
def s3_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    port = free_port()
    log = tmp_path_factory.mktemp("s3") / "log"
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = serve(command, log, port)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in S3.items():
            patch.setenv(name, value)
        patch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
        yield port
    stop(process)


@pytest.fixture
def bucket(s3_port: int) -> str:
    """A new one, as a URL."""
    import s3fs

    name = f"bucket-{time.monotonic_ns()}"
    s3fs.S3FileSystem().mkdir(name)
    return f"s3://{name}"


@pytest.fixture(scope="session")
def prefect_url(s3_port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real server, which workers of a cluster reach."""
    port, home = free_port(), tmp_path_factory.mktemp("prefect")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PREFECT_HOME", str(home))
        patch.setenv("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
        command = [sys.executable, "-m", "prefect", "server", "start", "--port", str(port)]
        process = serve(command, home / "log", port)
        patch.setenv("PREFECT_API_URL", f"http://127.0.0.1:{port}/api")
        yield f"http://127.0.0.1:{port}/api"
    stop(process)


@pytest.fixture(scope="session")
def nodes(prefect_url: str) -> Iterator[Nodes]:
    """The head of a cluster, with one CPU; further nodes are for the tests to add."""
    found = Nodes()
    try:
        yield found
    finally:
        found.stop()


@pytest.fixture
def stepsmith() -> Callable[..., str]:
    """The command line, in a process; what it printed, once it ended well."""
    return run_command
