"""A whole run against a server on loopback: sound, with faults, and one that goes away."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pyarrow as pa
import pytest

from flows.loop import LoopThread
from pipeline.engines.server import Fault, Faults, Server, running_server
from pipeline.engines.stub import StubEngine
from pipeline.errors import EngineDown
from pipeline.folder import DatasetFolder

Serve = Callable[..., AbstractContextManager[Server]]

# One request in five goes wrong, each time in another way.
KINDS = (
    Fault("status", 429, retry_after="0"),
    Fault("status", 500),
    Fault("status", 503),
    Fault("close"),
    Fault("html"),
    Fault("truncated"),
    Fault("few"),
)


@pytest.fixture
def serve() -> Serve:
    @contextmanager
    def server(spec: str, faults: Faults | None = None, port: int = 0) -> Iterator[Server]:
        loop = LoopThread()
        engine = StubEngine(spec)
        loop.call(engine.start())
        opened = running_server(engine, faults=faults, port=port)
        try:
            yield loop.call(opened.__aenter__())
        finally:
            loop.call(opened.__aexit__(None, None, None))
            loop.stop()

    return server


def rows(path: Path) -> int:
    with pa.OSFile(str(path)) as file:
        return pa.ipc.open_file(file).read_all().num_rows


def over(url: str) -> dict[str, object]:
    return {"engine": "openai", "model": "stub", "revision": "r1", "base_urls": [url]}


def test_a_run_over_a_server_labels_every_problem(toy_recipe, label, serve):
    with serve("error=0.12") as server:
        folder = label(toy_recipe(policy=over(server.url)))
    labels = folder.labels()
    assert labels["problem_id"].n_unique() == 12
    assert labels["first_error"].null_count() < len(labels) / 4
    assert labels["policy"].unique().to_list() == ["r1"]


def test_faults_are_retried_and_none_becomes_a_label(toy_recipe, label, serve):
    def every_fifth(index: int) -> Fault | None:
        return KINDS[(index // 5) % len(KINDS)] if index > 0 and index % 5 == 0 else None

    # Every solution of this policy is right, so a label 0 could only come from a fault.
    with serve("error=0", every_fifth) as server:
        recipe = toy_recipe(
            policy=over(server.url),
            rollouts={"search": "exhaustive"},
            questions={"keep_all_right": 1.0},
            labels={"view": "hard"},
        )
        folder = label(recipe)
        assert server.requests > 100
    rollouts = folder.side_table("rollouts")
    assert set(rollouts["outcome"]) == {"correct"}
    assert folder.labels()["label"].explode().drop_nulls().unique().to_list() == [1]


def test_a_server_that_dies_stops_the_run_and_what_was_paid_is_kept(toy_recipe, label, serve):
    with serve("error=0.12") as server:  # only to learn a free port
        url = server.url
    port = int(url.split(":")[2].split("/")[0])
    recipe = toy_recipe(policy=over(url), run={"patience_s": 2.0})

    def dies(index: int) -> Fault | None:
        return Fault("close") if index >= 10 else None

    with serve("error=0.12", dies, port), pytest.raises(EngineDown, match=str(port)):
        label(recipe)
    journal = DatasetFolder(Path(recipe.output.dir)).work / "journal"
    kept = sum(rows(path) for path in journal.glob("*/*.arrow"))
    assert kept == 9 * 8  # request 0 is the client's probe; 8 samples a request

    with serve("error=0.12", port=port) as server:
        folder = label(recipe)
        # The nine problems that were sampled are not sampled again.
        samples = [body for _, body in server.seen if body["n"] == 8]
    assert len(samples) == 12 - 9
    assert folder.labels()["problem_id"].n_unique() == 12
