"""A whole run against a server on loopback: sound, with faults, and one that never recovers.

The stub behind the server answers equal requests equally, so a fault that passes must leave no
trace: the tables have the bytes of a run without faults.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from flows.loop import LoopThread
from flows.run import LabelRun
from pipeline import journal
from pipeline.engines import asking
from pipeline.engines.faults import Fault, FaultPlan, Faults, fault_plan
from pipeline.engines.server import Server, running_server
from pipeline.engines.stub import StubEngine
from pipeline.engines.toy import toy_problems
from pipeline.errors import EngineDown
from pipeline.folder import DatasetFolder
from pipeline.recipe import Recipe, parse_recipe
from tests.flows.reading import committed, tables

Serve = Callable[..., AbstractContextManager[Server]]
Build = Callable[..., Recipe]

PASSING = {
    "429": Fault("status", 429, retry_after="0.1"),
    "500": Fault("status", 500),
    "503": Fault("status", 503),
    "hang": Fault("hang", seconds=0.3),
    "close": Fault("close"),
    "html": Fault("html"),
    "truncated": Fault("truncated"),
    "few": Fault("few", keep=3),
}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "FIRST_WAIT_S", 0.02)
    monkeypatch.setattr(asking, "LONGEST_WAIT_S", 0.2)
    monkeypatch.setattr(journal, "LINGER_S", 0.01)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


@pytest.fixture
def serve(tmp_path: Path) -> Serve:
    """A server in a thread of its own; every one of a test writes to the same log."""

    @contextmanager
    def server(
        spec: str = "error=0.12", faults: Faults | FaultPlan | None = None, port: int = 0
    ) -> Iterator[Server]:
        loop = LoopThread()
        engine = StubEngine(spec)
        loop.call(engine.start())
        opened = running_server(engine, faults=faults, port=port, log=tmp_path / "log.jsonl")
        try:
            yield loop.call(opened.__aenter__())
        finally:
            loop.call(opened.__aexit__(None, None, None))
            loop.stop()

    return server


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One problem file for all tests: a recipe's hash, which every row has, holds its path."""
    folder = tmp_path_factory.mktemp("server")
    rows = toy_problems(6, seed=0)
    source = folder / "problems.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return folder


@pytest.fixture
def build(place: Path, tmp_path: Path) -> Build:
    def recipe(url: str, **tables: dict[str, Any]) -> Recipe:
        policy = {"engine": "openai", "model": "stub", "revision": "r1", "base_urls": [url]}
        raw: dict[str, Any] = {
            "name": "server",
            "problems": {"source": str(place / "problems.jsonl")},
            "policy": {**policy, "samples": 8},
            "rollouts": {"search": "scan", "k": 4},
            "annotators": {"arithmetic": {}},
            "run": {"shard_problems": 3, "grader_processes": 1},
            "output": {"dir": str(tmp_path / "out")},
        }
        for name, table in tables.items():
            raw[name] = {**raw.get(name, {}), **table}
        return parse_recipe(raw, "server.toml")

    return recipe


@pytest.fixture
def sound(place: Path, build: Build, label, serve: Serve) -> dict[str, Any]:
    """The tables of a run without faults, made once."""
    folder = DatasetFolder(place / "sound")
    if not folder.manifest.exists():
        with serve() as server:
            label(build(server.url), folder)
        server.log.unlink()  # of the test that happens to be the first
    return tables(folder)


def answered(log: Path) -> dict[tuple[str, int], int]:
    """Choices by (prompt, seed) of what was really answered; none of them twice."""
    found: dict[tuple[str, int], int] = {}
    for row in map(json.loads, log.read_text(encoding="utf-8").splitlines()):
        if row["seed"] is not None and row["choices"]:  # the client's probe has no seed
            assert (row["prompt"], row["seed"]) not in found, "an answer was bought twice"
            found[row["prompt"], row["seed"]] = row["choices"]
    return found


def every(step: int, fault: Fault) -> Faults:
    """From the second request on: the first is the client's probe."""
    return lambda at: fault if at % step == 1 else None


def test_a_run_over_a_server_labels_every_problem(build, label, serve):
    with serve() as server:
        folder = label(build(server.url))
    labels = folder.labels()
    assert labels["problem_id"].n_unique() == 6
    assert labels["first_error"].null_count() < len(labels) / 4
    assert labels["policy"].unique().to_list() == ["r1"]


@pytest.mark.parametrize("kind", PASSING)
def test_a_fault_that_passes_leaves_no_trace(kind, build, label, serve, sound, tmp_path):
    with serve(faults=every(7, PASSING[kind])) as server:
        folder = label(build(server.url))
    assert server.planted[kind] > 5
    assert tables(folder) == sound
    assert sum(answered(tmp_path / "log.jsonl").values()) == committed(folder)


def test_a_request_that_is_never_answered_is_sent_again(build, label, serve, sound, tmp_path):
    # The time limit of a request is longer than the patience, as it is by default.
    with serve(faults=every(40, Fault("hang"))) as server:  # an hour long
        folder = label(build(server.url, run={"patience_s": 3.0}, policy={"timeout_s": 4.0}))
    assert server.planted["hang"] > 1
    assert tables(folder) == sound
    assert sum(answered(tmp_path / "log.jsonl").values()) == committed(folder)


def test_all_faults_at_once_leave_no_trace(build, label, serve, sound, tmp_path):
    kinds = ["429:0.03:0.1", "hang:0.02:0.3", "few:0.03"]
    kinds += [f"{kind}:0.03" for kind in ("500", "503", "close", "html", "truncated")]
    with serve(faults=fault_plan(kinds, seed=1)) as server:
        folder = label(build(server.url))
    assert set(server.planted) == set(PASSING)
    assert tables(folder) == sound
    assert sum(answered(tmp_path / "log.jsonl").values()) == committed(folder)


# Every solution of this policy is right, so a label 0 could only come from a fault.
RIGHT = {
    "rollouts": {"search": "exhaustive"},
    "questions": {"keep_all_right": 1.0},
    "labels": {"view": "hard"},
}


def test_an_empty_text_is_unknown_and_never_incorrect(build, label, serve, tmp_path):
    with serve("error=0", every(5, Fault("empty"))) as server:
        folder = label(build(server.url, **RIGHT))
    assert server.planted["empty"] > 5
    rollouts = folder.side_table("rollouts")
    assert set(rollouts.filter(text="")["outcome"]) == {"unknown"}
    assert set(rollouts["outcome"]) == {"unknown", "correct"}
    evidence = folder.side_table("evidence").filter(annotator="rollouts")
    assert evidence["unknown"].sum() > 5
    assert evidence["incorrect"].sum() == 0
    assert folder.labels()["label"].explode().drop_nulls().unique().to_list() == [1]
    # It is an answer all the same: it was paid for, and is not bought again.
    assert sum(answered(tmp_path / "log.jsonl").values()) == committed(folder)


def test_an_empty_sample_is_a_solution_without_steps_or_labels(build, label, serve):
    with serve("error=0", lambda at: Fault("empty") if at == 1 else None) as server:
        folder = label(build(server.url, **RIGHT))
    (empty,) = folder.side_table("solutions").filter(text="").iter_rows(named=True)
    assert (empty["outcome"], empty["steps"], len(empty["draws"])) == ("unknown", [], 8)
    assert folder.labels().filter(solution_id=empty["solution_id"])["label"].to_list() == [[]]


# A server that never recovers: it answers four requests, and then every one with the same fault.
FOR_GOOD = {
    "429": "HTTP 429: injected fault",
    "500": "HTTP 500: injected fault",
    "503": "HTTP 503: injected fault",
    "hang": "no answer within 1.5 s",
    "close": "Server disconnected",
    "html": "not JSON ('<html>",
    "truncated": "not JSON ('{",
}


@pytest.mark.parametrize("kind", FOR_GOOD)
def test_a_server_that_never_recovers_stops_the_run_and_what_was_paid_is_kept(
    kind, build, label, serve, sound, tmp_path
):
    fault = Fault("hang") if kind == "hang" else PASSING[kind]
    with serve(faults=lambda at: fault if at >= 5 else None) as server:
        url, port = server.url, int(server.url.split(":")[2].removesuffix("/v1"))
        with pytest.raises(EngineDown) as stopped:
            label(build(url, run={"patience_s": 1.0}, policy={"timeout_s": 1.5}))
    said = stopped.value.message
    assert said.startswith(f"no answer for 1 s from {url}; last error: {url}/completions: ")
    assert FOR_GOOD[kind] in said
    assert said.endswith("Is the server running? For instance: vllm serve stub --port 8000")
    folder = DatasetFolder(tmp_path / "out")
    assert committed(folder) == 4 * 8  # request 0 is the client's probe; 8 samples a request

    with serve(port=port):
        label(build(url))
    assert tables(folder) == sound
    assert sum(answered(tmp_path / "log.jsonl").values()) == committed(folder)


def test_once_the_server_is_given_up_no_other_shard_waits_for_it(build, serve):
    with serve(faults=lambda at: Fault("close") if at else None) as server:
        recipe = build(server.url, run={"patience_s": 1.0})
        with LabelRun(recipe, DatasetFolder(Path(recipe.output.dir))) as run:
            (first,), (other,) = run.groups()
            with pytest.raises(EngineDown):
                run.stage("screen", [first])
            before = server.requests
            with pytest.raises(EngineDown, match="Is the server running"):
                run.stage("screen", [other])
            assert server.requests == before
