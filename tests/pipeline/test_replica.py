"""Servers of our own as real processes: started, watched, restarted, stopped, never orphaned."""

import asyncio
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from pipeline.engines import replica as module
from pipeline.engines import tied
from pipeline.engines.replica import Replica, Watch, free_ports
from pipeline.errors import EngineDown

FAKE = Path(__file__).with_name("fake_vllm.py")
QUICK = Watch(every_s=0.2, limit_s=2.0, settled_s=60.0, first_wait_s=0.05, grace_s=0.3)


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Replica]:
    def build(how: str = "", start_s: float = 30.0, on_given_up=lambda: None) -> Replica:
        (port,) = free_ports(1)
        pids = tmp_path / "pids"
        return Replica(
            "policy-0",
            lambda: [sys.executable, str(FAKE), "--served-model-name", "m", "--port", str(port)],
            port=port,
            log=tmp_path / "servers" / "policy-0.log",
            env={**os.environ, "FAKE_VLLM": how, "FAKE_PIDS": str(pids)},
            start_s=start_s,
            watch=QUICK,
            on_given_up=on_given_up,
        )

    return build


def starts(folder: Path) -> list[list[int]]:
    """Process ids of the server and its children, by start."""
    return [list(map(int, line.split())) for line in (folder / "pids").read_text().splitlines()]


def lives(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def healthy(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


async def until(there_yet: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not there_yet():
        assert time.monotonic() < deadline, "it never came"
        await asyncio.sleep(0.02)


def while_up(one: Replica, body: Callable[[], Awaitable[None]]) -> None:
    async def run() -> None:
        await one.start()
        try:
            await body()
        finally:
            await one.stop()

    asyncio.run(run())


def test_it_is_there_when_start_returns_and_gone_when_stop_does(make, tmp_path):
    one = make("child")

    async def body() -> None:
        assert await asyncio.to_thread(healthy, one.port)
        assert all(map(lives, starts(tmp_path)[0]))

    while_up(one, body)
    (pids,) = starts(tmp_path)
    assert len(pids) == 2
    assert not any(map(lives, pids))
    assert "fake_vllm.py --served-model-name m --port" in one.log.read_text()


def test_a_server_that_does_not_hear_is_killed(make, tmp_path, monkeypatch):
    one = make("stubborn")

    async def body() -> None:
        pass

    while_up(one, body)
    assert not lives(starts(tmp_path)[0][0])


def test_a_server_that_cannot_start_says_why(make, tmp_path):
    one = make("fail")
    with pytest.raises(EngineDown) as down:
        asyncio.run(one.start())
    said = str(down.value)
    assert "server policy-0: the server ended (exit status 3) before it was ready" in said
    assert f"{FAKE} --served-model-name m --port {one.port}" in said
    assert f"The last lines of {tmp_path}/servers/policy-0.log:" in said
    assert said.endswith("    ValueError: the weights are made of cheese")


def test_a_server_that_never_answers_is_not_waited_for_forever(make, tmp_path):
    one = make("never", start_s=1.0)
    with pytest.raises(EngineDown, match="not ready within 1 s"):
        asyncio.run(one.start())
    assert not lives(starts(tmp_path)[0][0])


def test_a_killed_server_is_started_again_on_the_same_port(make, tmp_path):
    one = make("child")

    async def body() -> None:
        os.kill(starts(tmp_path)[0][0], signal.SIGKILL)
        await until(lambda: len(starts(tmp_path)) == 2)
        await until(lambda: healthy(one.port))
        assert one.deaths == 1

    while_up(one, body)
    assert not any(lives(pid) for pids in starts(tmp_path) for pid in pids)


def test_a_server_that_is_ill_is_killed_and_started_again(make, tmp_path):
    one = make("sick")

    async def body() -> None:
        await until(lambda: len(starts(tmp_path)) == 2)
        assert not lives(starts(tmp_path)[0][0])

    while_up(one, body)


def test_a_server_that_no_longer_starts_is_given_up(make, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "LONGEST_WAIT_S", 0.1)
    told: list[str] = []
    one = make("once", on_given_up=lambda: told.append("given up"))

    async def body() -> None:
        os.kill(starts(tmp_path)[0][0], signal.SIGKILL)
        await until(lambda: one.given_up is not None)

    while_up(one, body)
    assert told == ["given up"]
    assert len(starts(tmp_path)) == 1 + module.MAX_STARTS
    assert one.given_up is not None
    assert "given up after 6 deaths" in one.given_up
    assert one.given_up.endswith("ValueError: the weights are made of cheese")


def test_when_the_starter_itself_is_killed_the_server_is_too(make, tmp_path):
    one = make("kin")

    async def body() -> None:
        assert one._process is not None
        os.kill(one._process.pid, signal.SIGKILL)
        await until(lambda: len(starts(tmp_path)) == 2)
        assert not any(map(lives, starts(tmp_path)[0]))

    while_up(one, body)


def test_a_start_that_is_cancelled_leaves_nothing(make, tmp_path):
    one = make("never")

    async def run() -> None:
        task = asyncio.create_task(one.start())
        await until(lambda: (tmp_path / "pids").exists() and bool(starts(tmp_path)))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())
    assert not lives(starts(tmp_path)[0][0])


PARENT = """
import os, subprocess, sys, time
command = [sys.executable, "-I", sys.argv[1], str(os.getpid()), "0.3", sys.executable]
command += sys.argv[2:]
subprocess.Popen(command, start_new_session=True)
time.sleep(600)
"""


@pytest.mark.parametrize("how", ["child", "child stubborn"])
def test_when_our_process_is_killed_no_server_is_left(how, tmp_path):
    (port,) = free_ports(1)
    command = [sys.executable, "-c", PARENT, tied.__file__, str(FAKE), "--port", str(port)]
    environment = {**os.environ, "FAKE_VLLM": how, "FAKE_PIDS": str(tmp_path / "pids")}
    with subprocess.Popen(command, env=environment) as parent:
        asyncio.run(until(lambda: healthy(port)))
        parent.kill()
    (pids,) = starts(tmp_path)
    asyncio.run(until(lambda: not any(map(lives, pids))))


def test_a_parent_that_is_gone_already_starts_nothing_that_stays(tmp_path):
    (port,) = free_ports(1)
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        pass
    environment = {**os.environ, "FAKE_VLLM": "child", "FAKE_PIDS": str(tmp_path / "pids")}
    command = [sys.executable, "-I", tied.__file__, str(gone.pid), "0.3", sys.executable, str(FAKE)]
    subprocess.run(
        [*command, "--port", str(port)],
        env=environment,
        timeout=60,
        check=False,
        start_new_session=True,
    )
    assert not healthy(port)
    if (tmp_path / "pids").exists():
        assert not any(lives(pid) for pids in starts(tmp_path) for pid in pids)


def test_ports_differ():
    assert len(set(free_ports(8))) == 8
