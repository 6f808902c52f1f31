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
from pathlib import Path

import pyarrow as pa
import pytest

from pipeline.engines.toy import toy_problems
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


def delivered(log: Path) -> list[str]:
    return log.read_text(encoding="utf-8").splitlines() if log.exists() else []


def journal_size(out: Path) -> int:
    return len(list((out / "work" / "journal").glob("*/*.arrow")))


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> dict[str, bytes]:
    """What an uninterrupted run publishes (without Prefect: the same code below it)."""
    from concurrent.futures import ThreadPoolExecutor

    from flows.run import STAGES, LabelRun
    from pipeline.folder import DatasetFolder

    folder = tmp_path_factory.mktemp("whole")
    recipe = load_recipe(stub_recipe(folder))
    with LabelRun(recipe, DatasetFolder(folder / "out")) as run:
        for stage in STAGES:
            with ThreadPoolExecutor(4) as pool:
                list(pool.map(lambda group, stage=stage: run.stage(stage, group), run.groups()))
        run.finish()
    return {path.name: path.read_bytes() for path in (folder / "out" / "data").glob("*")}


def stub_recipe(folder: Path) -> Path:
    rows = toy_problems(40, seed=1)
    source = folder / "problems.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    model = f"error=0.1,latency_ms=0.5,log={folder / 'log'}"
    return write_recipe(folder, source=source, limit=0, engine="stub", model=model)


@pytest.mark.parametrize("seed", range(KILLS))
def test_killed_and_resumed_buys_nothing_twice_and_publishes_the_same_bytes(seed, tmp_path, whole):
    recipe, out, log = stub_recipe(tmp_path), tmp_path / "out", tmp_path / "log"
    moment = random.Random(seed).randrange(50, 1200)  # completions delivered before the kill
    process = start(recipe)
    alive = wait_for(process, lambda: len(delivered(log)) >= moment)
    assert alive, "the run ended before it could be killed"
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert process.stderr is not None
    process.stderr.close()
    before, kept = len(delivered(log)), committed(out)
    assert not (out / "manifest.json").exists()

    finish(recipe)
    lines = delivered(log)
    # Every completion of the finished run is committed once; what was delivered more often than
    # that was in flight, uncommitted, when the run was killed.
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
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    finish(recipe)
    finish(recipe, "--replay")
    for path in (tmp_path / "out" / "data").glob("*"):
        again = tmp_path / "out" / "replay" / "data" / path.name
        assert again.read_bytes() == path.read_bytes()
