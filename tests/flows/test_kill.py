"""`kill -9` of the whole process group of `stepsmith label`, then the same command.

The stub engine writes down each completion before it hands it over, so what was delivered is known
from outside, and so is what was committed: the journal. After every kill

- nothing committed is bought again, and what was bought again is exactly what was not committed;
- nothing committed is lost;
- the finished folder has the bytes of a run that was never interrupted.

The default suite kills one small run once. `make test-kill` sets STEPSMITH_KILLS=20: so many kills
of runs of the demo's size (240 problems, 16 samples, k 8), four in each folder, spread over the
run; then kills at the moments when little is delivered (planning, publishing, the end), SIGTERM,
and the replay of a killed run of the embedded engine.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from flows.run import LabelRun
from pipeline import purchase
from pipeline.engines.toy import toy_problems
from pipeline.folder import DatasetFolder
from pipeline.recipe import load_recipe
from tests.flows.prefect_homes import prefect_home
from tests.flows.reading import tables

KILLS = int(os.environ.get("STEPSMITH_KILLS", "1"))
KILLS_EACH = 4  # in one folder
MANY = pytest.mark.skipif(KILLS < 2, reason="minutes long: `make test-kill` runs it")
ROOT = Path(__file__).parents[2]
POLICY = ROOT / "data" / "policies" / "large"
DEMO = ROOT / "data" / "problems" / "demo.jsonl"

RECIPE = """
name = "kill"
[problems]
source = "{source}"
limit = {limit}
[policy]
engine = "{engine}"
model = "{model}"
samples = {samples}
[rollouts]
search = "scan"
k = {k}
[annotators.arithmetic]
[run]
shard_problems = {shard_problems}
[output]
dir = "{out}"
"""


def write_recipe(folder: Path, **values: object) -> Path:
    path = folder / "recipe.toml"
    path.write_text(RECIPE.format(out=folder / "out", **values), encoding="utf-8")
    return path


def start(recipe: Path, *more: object) -> subprocess.Popen[bytes]:
    # A killed server leaves its own behind.
    home = prefect_home(recipe.parent / f"prefect-{time.monotonic_ns()}")
    return subprocess.Popen(
        [sys.executable, "-m", "flows.cli", "label", str(recipe), *map(str, more)],
        start_new_session=True,
        env={**os.environ, "PREFECT_HOME": str(home)},
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def finish(recipe: Path, *more: object) -> None:
    process = start(recipe, *more)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors.decode()


def kill(process: subprocess.Popen[bytes]) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def wait_for(process: subprocess.Popen[bytes], there_yet: Callable[[], bool]) -> bool:
    """False when the run ended first."""
    deadline = time.monotonic() + 240
    while not there_yet():
        if process.poll() is not None:
            return False
        assert time.monotonic() < deadline, "the run makes no progress"
        time.sleep(0.005)
    return True


def committed(out: Path) -> set[bytes]:
    keys: set[bytes] = set()
    for path in (out / "work" / "journal").glob("*/*.arrow"):
        with pa.OSFile(str(path)) as file:
            keys.update(pa.ipc.open_file(file).read_all().column("key").to_pylist())
    return keys


class Log:
    """What the stub engine delivered, read as it grows."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = 0
        self._rest = b""
        self.lines: list[str] = []

    def follow(self) -> int:
        """The number of completions delivered so far."""
        if self._path.exists():
            with self._path.open("rb") as file:
                file.seek(self._read)
                fresh = file.read()
            self._read += len(fresh)
            *whole, self._rest = (self._rest + fresh).split(b"\n")
            self.lines += [line.decode() for line in whole]
        return len(self.lines)


@dataclass(slots=True)
class Place:
    """A recipe on the stub engine, and what a run of it that nobody interrupts does."""

    recipe: Path
    log: Path
    whole: dict[str, Any]  # the published tables
    delivered: int
    keys: dict[str, bytes] = field(repr=False)  # of each line of the log

    def out(self, name: object) -> Path:
        """A folder of its own, and an empty log."""
        self.log.unlink(missing_ok=True)
        return self.recipe.parent / f"out-{name}"

    def killed_when(self, there_yet: Callable[[Log], bool], out: Path) -> tuple[Log, set[bytes]]:
        """Run until `there_yet`, kill, and check; what was delivered and committed by then."""
        log = Log(self.log)
        log.follow()
        before, known = len(log.lines), committed(out)
        process = start(self.recipe, "--out", out)

        def now() -> bool:
            log.follow()
            return there_yet(log)

        alive = wait_for(process, now)
        kill(process)
        assert alive, "the run ended before it could be killed"
        log.follow()
        kept = committed(out)
        assert known <= kept
        assert not known & self.keys_of(log.lines[before:]), "something committed was bought again"
        return log, kept

    def finished(self, out: Path, log: Log, kept: set[bytes]) -> None:
        """The same command finishes, and buys what was not committed, once."""
        before = len(log.lines)
        finish(self.recipe, "--out", out)
        log.follow()
        final = committed(out)
        assert kept <= final
        assert sorted(self.keys[line] for line in log.lines[before:]) == sorted(final - kept)
        assert tables(DatasetFolder(out)) == self.whole
        assert [path.name for path in out.rglob(".*.tmp")] == []

    def keys_of(self, lines: Iterable[str]) -> set[bytes]:
        return {self.keys[line] for line in lines}


def make_place(folder: Path, problems: int, **values: Any) -> Place:
    source = folder / "problems.jsonl"
    rows = toy_problems(problems, seed=1)
    source.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    log = folder / "log"
    model = f"error=0.1,latency_ms=0.5,log={log}"
    path = write_recipe(folder, source=source, limit=0, engine="stub", model=model, **values)
    recipe, keys, real = load_recipe(path), {}, purchase.draw_keys

    def noting(identity, prompt, sampling, seed, draws):
        found = real(identity, prompt, sampling, seed, draws)
        digest = blake2b(prompt.text.encode(), digest_size=8).hexdigest()
        keys.update(zip((f"{digest} {draw}" for draw in draws), found, strict=True))
        return found

    # Without Prefect: the same code below it.
    with (
        pytest.MonkeyPatch.context() as patch,
        LabelRun(recipe, DatasetFolder(folder / "w")) as run,
    ):
        patch.setattr(purchase, "draw_keys", noting)

        def stages(group: list[str]) -> None:
            for stage in run.stages:
                run.stage(stage, group)

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(stages, run.groups()))
        run.finish()
    return Place(path, log, tables(DatasetFolder(folder / "w")), Log(log).follow(), keys)


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> Place:
    folder = tmp_path_factory.mktemp("small")
    return make_place(folder, 40, samples=8, k=4, shard_problems=10)


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> Place:
    folder = tmp_path_factory.mktemp("demo")
    return make_place(folder, 240, samples=16, k=8, shard_problems=20)


def delivered(moment: int) -> Callable[[Log], bool]:
    return lambda log: len(log.lines) >= moment


def test_killed_and_resumed_buys_nothing_twice_and_publishes_the_same_bytes(small):
    out = small.out("once")
    log, kept = small.killed_when(delivered(small.delivered // 3), out)
    assert not (out / "manifest.json").exists()
    small.finished(out, log, kept)


@MANY
@pytest.mark.parametrize("folder", range(KILLS // KILLS_EACH))
def test_a_run_of_the_demos_size_that_is_killed_again_and_again(folder, demo):
    """All kills together are spread evenly over the run; each but the first hits a resumed run."""
    dice, out = random.Random(folder), demo.out(folder)
    folders = KILLS // KILLS_EACH
    for number in range(KILLS_EACH):
        moment = (number * folders + folder + dice.random()) / KILLS * 0.97
        log, kept = demo.killed_when(delivered(int(moment * demo.delivered)), out)
    demo.finished(out, log, kept)


# What is there when the kill comes, in the order in which a run makes it.
MOMENTS = {
    "locked": "work/lock",
    "owned": "work/recipe.json",
    "problems kept": "work/batches/*/problems.parquet",
    "planned": "work/batches/*/batch.json",
    "first commit": "work/journal/*/*.arrow",
    "first stage": "work/stages/*/screen-*/done.json",
    "publishing": "solutions/*.parquet",
    "first published": "data/*.parquet",
    "card": "README.md",
}


@MANY
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_run_that_is_killed_as_soon_as_something_is_there(moment, small):
    out = small.out(moment.replace(" ", "-"))
    log, kept = small.killed_when(lambda _: any(out.glob(MOMENTS[moment])), out)
    small.finished(out, log, kept)


@MANY
def test_a_run_that_is_killed_when_its_last_file_is_published(small):
    out = small.out("last")
    wanted = sum(name.startswith("data/") for name in small.whole)
    log, kept = small.killed_when(lambda _: len(list(out.glob("data/*.parquet"))) == wanted, out)
    small.finished(out, log, kept)


@MANY
@pytest.mark.parametrize(
    ("share", "how"), [(0.2, signal.SIGTERM), (0.5, signal.SIGINT), (0.8, signal.SIGINT)]
)
def test_a_run_that_is_asked_to_stop(share, how, small):
    out = small.out(f"{how.name}-{share}")
    log = Log(small.log)
    process = start(small.recipe, "--out", out)
    assert wait_for(process, lambda: log.follow() >= share * small.delivered)
    process.send_signal(how)
    asked = time.monotonic()
    _, errors = process.communicate(timeout=60)
    assert time.monotonic() - asked < 5.0
    assert process.returncode == 130
    said = f"{out}: stopped; what was committed is safe, the same command goes on"
    assert said in errors.decode()
    assert "Traceback" not in errors.decode()
    log.follow()
    small.finished(out, log, committed(out))


@MANY
def test_the_replay_of_a_resumed_embedded_run_gives_the_published_bytes(tmp_path):
    values = {"samples": 8, "k": 4, "shard_problems": 10}
    recipe = write_recipe(
        tmp_path, source=DEMO, limit=40, engine="embedded", model=POLICY, **values
    )
    out = tmp_path / "out"
    process = start(recipe)
    assert wait_for(process, lambda: len(list(out.glob("work/journal/*/*.arrow"))) >= 6)
    kill(process)
    finish(recipe)
    finish(recipe, "--replay")
    for path in (out / "data").glob("*"):
        again = out / "replay" / "data" / path.name
        assert again.read_bytes() == path.read_bytes()
