"""Several servers in processes of their own, killed with SIGKILL and started again, under one run.

`make test-kill` sets STEPSMITH_KILLS=20, and a server is killed ten times. The default suite has no
time for them: they wait more than they work.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipeline.engines.toy import toy_problems
from pipeline.folder import DatasetFolder
from pipeline.recipe import load_recipe
from tests.flows.fault_servers import FaultServer, answers, stepsmith
from tests.flows.reading import committed

pytestmark = pytest.mark.skipif(
    "STEPSMITH_KILLS" not in os.environ, reason="set STEPSMITH_KILLS (`make test-kill` does)"
)

KILLS = 10
IN_FLIGHT = 16
MODEL = ("--model", "error=0.1,latency_ms=4")
RECIPE = """
name = "replicas"
[problems]
source = "{source}"
[policy]
engine = "openai"
model = "toy"
revision = "r1"
base_urls = {urls}
samples = 8
max_running = 16
[rollouts]
search = "exhaustive"
k = 2
[labels]
view = "soft"
[run]
shard_problems = 6
patience_s = {patience_s}
[output]
dir = "{out}"
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Callable[..., Path]:
    source = tmp_path / "problems.jsonl"
    rows = toy_problems(24, seed=0)
    source.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")

    def write(urls: list[str], patience_s: float = 60.0) -> Path:
        path = tmp_path / "recipe.toml"
        path.write_text(
            RECIPE.format(
                source=source,
                urls=json.dumps(urls),
                out=tmp_path / "out",
                patience_s=patience_s,
            ),
            encoding="utf-8",
        )
        return path

    return write


@pytest.fixture
def sound(recipe, label, tmp_path) -> Callable[[], dict[str, bytes]]:
    """The data of a run that nothing befell."""

    def read() -> dict[str, bytes]:
        with FaultServer("--model", "error=0.1") as server:
            made = label(load_recipe(recipe([server.url])), tmp_path / "whole")
        return data(made.root)

    return read


def data(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("data/*")}


class Running:
    """A run in a process of its own, whose standard error is read as it comes."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.errors = ""
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.errors += line

    def wait_until(self, there: Callable[[], bool]) -> None:
        end = time.monotonic() + 240
        while not there():
            assert self.process.poll() is None, self.errors
            assert time.monotonic() < end
            time.sleep(0.02)

    def finished(self) -> None:
        assert self.process.wait(timeout=240) == 0, self.errors
        self._thread.join(timeout=30)

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait(timeout=30)
        self._thread.join(timeout=30)
        for stream in (self.process.stdout, self.process.stderr):
            assert stream is not None
            stream.close()


@contextmanager
def serving(*logs: Path) -> Iterator[list[FaultServer]]:
    """A server for each log; whoever is in the list at the end is stopped."""
    servers = [FaultServer(*MODEL, "--log", log) for log in logs]
    try:
        yield servers
    finally:
        for server in servers:
            server.__exit__()


def test_a_server_that_is_killed_again_and_again_costs_what_it_had_in_flight_and_no_more(
    recipe, sound, tmp_path
):
    dice, logs = random.Random(1), [tmp_path / "log-0", tmp_path / "log-1"]
    with serving(*logs) as servers:
        ports = [server.port for server in servers]
        path = recipe([server.url for server in servers])
        with Running(stepsmith(tmp_path, "label", path)) as run:
            for killed in range(KILLS):
                wanted = total(*logs) + dice.randint(20, 60)
                run.wait_until(lambda wanted=wanted: total(*logs) >= wanted)
                at = killed % 2
                servers[at].stop(signal.SIGKILL)
                time.sleep(dice.uniform(0.0, 0.6))
                servers[at] = FaultServer(*MODEL, "--log", logs[at], port=ports[at])
            run.finished()
    folder = DatasetFolder(tmp_path / "out")
    assert data(folder.root) == sound()
    last = json.loads(folder.manifest.read_text())["last_run"]
    assert last["completions_failed"] == 0
    assert last["errors"]["broken"] > 0
    assert 0 <= total(*logs) - committed(folder) <= KILLS * IN_FLIGHT


def total(*logs: Path) -> int:
    return sum(answers(log).total() for log in logs)


def test_with_every_server_dead_the_run_pauses_says_so_and_goes_on(recipe, sound, tmp_path):
    log = tmp_path / "log"
    with serving(log, log) as servers:
        port = servers[0].port
        path = recipe([server.url for server in servers])
        with Running(stepsmith(tmp_path, "label", path)) as run:
            run.wait_until(lambda: total(log) >= 100)
            for server in servers:
                server.stop(signal.SIGKILL)
            run.wait_until(lambda: "the run pauses, for 60 s at most" in run.errors)
            paused = total(log)
            time.sleep(1.0)
            assert total(log) == paused
            servers[0] = FaultServer(*MODEL, "--log", log, port=port)
            run.finished()
            assert "going on" in run.errors
    assert data(tmp_path / "out") == sound()


def test_a_servers_key_stands_in_nothing_that_a_run_writes_or_says(recipe, tmp_path):
    key = "sk-nobody-must-see-this"
    with FaultServer("--model", "error=0.1", "--fault=500:0.1", "--fault=html:0.1") as server:
        path = recipe([server.url])
        good = stepsmith(tmp_path, "label", path, OPENAI_API_KEY=key)
        said = "".join(good.communicate(timeout=240))
        assert good.returncode == 0, said
    with FaultServer("--model", "error=0.1", "--fault=401:1") as server:
        bad = stepsmith(
            tmp_path, "label", recipe([server.url]), "--out", tmp_path / "bad", OPENAI_API_KEY=key
        )
        said += "".join(bad.communicate(timeout=240))
        assert bad.returncode == 1
    assert "Set the key in OPENAI_API_KEY." in said
    assert key not in said
    found = [
        path for path in tmp_path.rglob("*") if path.is_file() and key.encode() in path.read_bytes()
    ]
    assert found == []
