"""The shipped fault server and the real command line, each in a process of its own."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from pipeline.engines.toy import toy_problems
from pipeline.folder import DatasetFolder
from pipeline.recipe import load_recipe
from tests.flows.fault_servers import FaultServer, answers
from tests.flows.fault_servers import stepsmith as start
from tests.flows.reading import committed

RECIPE = """
name = "faults"
[problems]
source = "{source}"
[policy]
engine = "openai"
model = "toy"
revision = "r1"
base_urls = ["{url}"]
samples = 4
[rollouts]
search = "exhaustive"
k = 2
[labels]
view = "soft"
[run]
shard_problems = 6
patience_s = 1
[output]
dir = "{out}"
"""


@pytest.fixture
def serve() -> type[FaultServer]:
    return FaultServer


@pytest.fixture
def recipe(tmp_path: Path) -> Callable[[str], Path]:
    source = tmp_path / "problems.jsonl"
    rows = toy_problems(12, seed=0)
    source.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")

    def write(url: str) -> Path:
        path = tmp_path / "recipe.toml"
        text = RECIPE.format(source=source, url=url, out=tmp_path / "out")
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def stepsmith(tmp_path: Path) -> Callable[..., subprocess.Popen[str]]:
    return partial(start, tmp_path)


def data(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("data/*")}


def test_the_fault_server_says_where_it_is_and_what_it_planted(serve):
    with serve("--fault", "429:0.1") as server:
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/v1", server.url)
        assert server.stop() == "toy: 0 requests; faults planted: none\n"


def test_a_fault_that_is_none_is_refused(stepsmith):
    process = stepsmith("fault-server", "--fault", "nap:0.5")
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert errors.startswith("error: --fault nap:0.5: 'nap' is no fault; there are hang, close")


def test_a_run_through_planted_faults_gives_the_data_of_a_run_without(
    serve, recipe, stepsmith, label, tmp_path
):
    log = tmp_path / "log"
    faults = [f"--fault={kind}:0.04" for kind in ("500", "503", "close", "html", "truncated")]
    faults += ["--fault=429:0.04:0.1", "--fault=hang:0.02:0.5", "--seed=1", f"--log={log}"]
    with serve("--model", "error=0.1", *faults) as server:
        # Patience for the last request too: alone, it is given up after one of silence.
        process = stepsmith("label", recipe(server.url), "--set", "run.patience_s=30")
        _, errors = process.communicate(timeout=120)
        report = server.stop()
    assert process.returncode == 0, errors
    planted = dict(re.findall(r"(\w+): (\d+)(?:,|$)", report.partition("planted: ")[2].strip()))
    assert set(planted) == {"429", "500", "503", "hang", "close", "html", "truncated"}
    assert max(Counter(key for key, n in answers(log).items() if n).values()) == 1
    folder = DatasetFolder(tmp_path / "out")
    assert answers(log).total() == committed(folder)
    last = json.loads(folder.manifest.read_text())["last_run"]
    assert last["completions_failed"] == 0
    counted = {kind: int(count) for kind, count in planted.items()}
    assert last["errors"] == {
        **{f"HTTP {status}": counted[status] for status in ("429", "500", "503")},
        "broken": counted["close"] + counted["hang"],
        "bad answer": counted["html"] + counted["truncated"],
    }

    with serve("--model", "error=0.1") as sound:
        whole = label(load_recipe(recipe(sound.url)), tmp_path / "whole")
    assert data(tmp_path / "out") == data(whole.root)


def test_a_server_that_dies_stops_the_run_and_its_restart_lets_it_finish(
    serve, recipe, stepsmith, label, tmp_path
):
    log, out = tmp_path / "log", tmp_path / "out"
    with serve("--model", "error=0.1,latency_ms=5", "--log", log) as server:
        path, port = recipe(server.url), server.port
        process = stepsmith("label", path)
        deadline = time.monotonic() + 120
        while not log.exists() or answers(log).total() < 150:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        server.stop(signal.SIGKILL)
        _, errors = process.communicate(timeout=120)
    assert process.returncode == 1
    assert f"error: no answer for 1 s from {server.url}; last error: {server.url}/" in errors
    assert "Is the server running? For instance: vllm serve toy --port 8000" in errors
    assert "Traceback" not in errors
    before, kept = answers(log), committed(DatasetFolder(out))
    assert 0 < kept <= before.total()

    with serve("--model", "error=0.1", "--log", log, port=port):
        label(load_recipe(path), DatasetFolder(out))
        whole = label(load_recipe(path), tmp_path / "whole")
    assert data(out) == data(whole.root)
    # Bought in all: what is committed, what died with the server, and what `whole` cost.
    lost = before.total() - kept
    assert answers(log).total() == committed(DatasetFolder(out)) + lost + committed(whole)
