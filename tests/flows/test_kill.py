"""`kill -9` of the whole process group in the middle of a run, then the same command.

The default suite kills one run at one moment. `make test-kill` sets STEPSMITH_KILLS and kills at
that many seeded moments; it also replays a killed and resumed run of the embedded engine.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pyarrow as pa
import pytest

from flows.run import STAGES, LabelRun
from pipeline.engines.toy import toy_problems
from pipeline.folder import DatasetFolder
from pipeline.recipe import load_recipe

KILLS = int(os.environ.get("STEPSMITH_KILLS", "1"))
POLICY = Path(__file__).parents[2] / "data" / "policies" / "large"
DEMO = Path(__file__).parents[2] / "data" / "problems" / "demo.jsonl"

RECIPE = """
name = "kill"
[problems]
source = "{source}"
limit = {limit}
[policy]
engine = "{engine}"
model = "{model}"
samples = 8
[rollouts]
search = "scan"
k = 4
[annotators.arithmetic]
[run]
shard_problems = 10
[output]
dir = "{out}"
"""


def write_recipe(folder: Path, **values: object) -> Path:
    path = folder / "recipe.toml"
    path.write_text(RECIPE.format(out=folder / "out", **values), encoding="utf-8")
    return path


def start(recipe: Path, *more: str) -> subprocess.Popen[bytes]:
    home = recipe.parent / f"prefect-{time.monotonic_ns()}"  # a killed server leaves its own behind
    return subprocess.Popen(
        [sys.executable, "-m", "flows.cli", "label", str(recipe), *more],
        start_new_session=True,
        env={**os.environ, "PREFECT_HOME": str(home)},
        cwd=Path(__file__).parents[2],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def finish(recipe: Path, *more: str) -> None:
    process = start(recipe, *more)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors.decode()


def committed(out: Path) -> set[bytes]:
    keys: set[bytes] = set()
    for path in (out / "work" / "journal").glob("*/*.arrow"):
        with pa.OSFile(str(path)) as file:
            keys.update(pa.ipc.open_file(file).read_all().column("key").to_pylist())
    return keys


def wait_for(process: subprocess.Popen[bytes], there_yet) -> bool:
    """False when the run ended first."""
    deadline = time.monotonic() + 240
    while not there_yet():
        if process.poll() is not None:
            return False
        assert time.monotonic() < deadline, "the run makes no progress"
        time.sleep(0.02)
    return True


def kill(process: subprocess.Popen[bytes]) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def delivered(log: Path) -> list[str]:
    return log.read_text(encoding="utf-8").splitlines() if log.exists() else []


def journal_size(out: Path) -> int:
    return len(list((out / "work" / "journal").glob("*/*.arrow")))


@pytest.fixture(scope="module")
def toy(tmp_path_factory) -> Path:
    """A folder with toy problems and one recipe, so that all runs have the same recipe hash."""
    folder = tmp_path_factory.mktemp("toy")
    source = folder / "problems.jsonl"
    rows = toy_problems(40, seed=1)
    source.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    model = f"error=0.1,latency_ms=0.5,log={folder / 'log'}"
    write_recipe(folder, source=source, limit=0, engine="stub", model=model)
    return folder


@pytest.fixture(scope="module")
def whole(toy) -> dict[str, bytes]:
    """What an uninterrupted run publishes (without Prefect: the same code below it)."""
    recipe = load_recipe(toy / "recipe.toml")
    with LabelRun(recipe, DatasetFolder(toy / "whole")) as run:
        groups = run.groups()
        for stage in STAGES:
            with ThreadPoolExecutor(4) as pool:
                list(pool.map(partial(run.stage, stage), groups))
        run.finish()
    return {path.name: path.read_bytes() for path in (toy / "whole" / "data").glob("*")}


@pytest.mark.parametrize("seed", range(KILLS))
def test_killed_and_resumed_buys_nothing_twice_and_publishes_the_same_bytes(seed, toy, whole):
    recipe, log, out = toy / "recipe.toml", toy / "log", toy / f"out-{seed}"
    log.unlink()
    moment = random.Random(seed).randrange(50, 1200)  # completions delivered before the kill
    process = start(recipe, "--out", str(out))
    alive = wait_for(process, lambda: len(delivered(log)) >= moment)
    assert alive, "the run ended before it could be killed"
    kill(process)
    before, kept = len(delivered(log)), committed(out)
    assert not (out / "manifest.json").exists()

    finish(recipe, "--out", str(out))
    lines = delivered(log)
    # What was bought after the kill is exactly what was not committed before it.
    final = committed(out)
    assert kept <= final
    assert len(lines) - before == len(final) - len(kept)
    published = {path.name: path.read_bytes() for path in (out / "data").glob("*")}
    assert published == whole


@pytest.mark.skipif(KILLS < 2, reason="`make test-kill` runs it: it needs more than a minute")
def test_the_replay_of_a_resumed_embedded_run_gives_the_published_bytes(tmp_path):
    recipe = write_recipe(tmp_path, source=DEMO, limit=40, engine="embedded", model=POLICY)
    process = start(recipe)
    assert wait_for(process, lambda: journal_size(tmp_path / "out") >= 6)
    kill(process)
    finish(recipe)
    finish(recipe, "--replay")
    for path in (tmp_path / "out" / "data").glob("*"):
        again = tmp_path / "out" / "replay" / "data" / path.name
        assert again.read_bytes() == path.read_bytes()
