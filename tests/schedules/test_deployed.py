"""prefect.yaml deployed on a real Prefect server, run by a real worker: what docs/operations.md
says, in its order."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack

import pytest

from pipeline.lock import folder_lock
from tests.hub.local_hub import LocalHub
from tests.schedules.scene import (
    EVERY_S,
    PROBLEMS,
    Scene,
    free_port,
    killed_at_the_end,
    wait_until,
)

LABEL = "label-new-problems"
LEASES = "prefect.server.concurrency.lease_storage.filesystem"  # as docs/operations.md says
OTHER = "error=0.3,repair=0.03,luck=0.02"
IDS = [row["problem_id"] for row in PROBLEMS]


@pytest.fixture(scope="module")
def hub() -> Iterator[LocalHub]:
    with LocalHub() as found:
        yield found


@pytest.fixture(scope="module")
def scene(hub: LocalHub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    home = tmp_path_factory.mktemp("deployed")
    variables = {"HF_ENDPOINT": hub.url, "HF_TOKEN": hub.token, "HF_HUB_DISABLE_XET": "1"}
    variables |= {"PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": LEASES, "HF_HUB_OFFLINE": "0"}
    scene = Scene(home, free_port(), **variables)
    words = ["server", "start", "--host", "127.0.0.1", "--port", str(scene.port)]
    with ExitStack() as stack:
        server = scene.start("prefect", *words, log="server.log")
        stack.enter_context(killed_at_the_end(server))
        wait_until(scene.answers, say="the server")
        scene.environment["PREFECT_API_URL"] = scene.url
        scene.write_deployments(EVERY_S)
        scene.prefect("work-pool", "create", "stepsmith", "--type", "process")
        scene.prefect("--no-prompt", "deploy", "--all")
        yield scene


@pytest.fixture(scope="module", autouse=True)
def worker(scene: Scene) -> Iterator[subprocess.Popen[bytes]]:
    with working(scene) as process:
        yield process


def working(scene: Scene) -> AbstractContextManager[subprocess.Popen[bytes]]:
    words = ["worker", "start", "--pool", "stepsmith"]
    return killed_at_the_end(scene.start("prefect", *words, log="worker.log"))


def test_a_schedule_fires_and_the_dataset_grows_by_exactly_the_new_problems(scene: Scene) -> None:
    wait_until(lambda: scene.ended(LABEL), say=LABEL)
    assert scene.ended(LABEL)[0][:2] == ("COMPLETED", "Completed")
    assert scene.labelled() == IDS[:6]
    before = {path.name: path.read_bytes() for path in scene.dataset.glob("data/*.parquet")}
    bought = len(scene.bought.read_text().splitlines())

    wait_until(lambda: "NothingNew" in [name for _, name, _ in scene.ended(LABEL)])
    assert len(scene.bought.read_text().splitlines()) == bought

    scene.add(4)
    wait_until(lambda: scene.labelled() == IDS[:10])
    assert {name: (scene.dataset / "data" / name).read_bytes() for name in before} == before


def test_late_and_overlapping_runs_label_each_problem_once(scene: Scene) -> None:
    before = len(scene.ended(LABEL))
    scene.add(3)
    for _ in range(3):
        scene.start_run(LABEL)
    wait_until(lambda: len(scene.ended(LABEL)) >= before + 4, 240)
    assert {kind for kind, _, _ in scene.ended(LABEL)} == {"COMPLETED"}
    assert scene.labelled() == IDS[:13]


def test_a_run_that_finds_the_folder_locked_ends_as_completed_and_says_so(scene: Scene) -> None:
    with folder_lock(scene.dataset / "work"):
        scene.add(2)
        wait_until(lambda: "Locked" in [name for _, name, _ in scene.ended(LABEL)])
        assert len(scene.labelled()) == 13
    kind, _, message = next(state for state in scene.ended(LABEL) if state[1] == "Locked")
    assert kind == "COMPLETED"
    assert "left to the next run" in message
    wait_until(lambda: scene.labelled() == IDS[:15], say="the next run labels them")


def test_a_published_policy_triggers_a_relabel(scene: Scene) -> None:
    payload = {"policy": OTHER, "out": "relabelled"}
    words = ["--resource-id", "stepsmith.policy.mine", "--payload", json.dumps(payload)]
    scene.prefect("events", "emit", "stepsmith.policy.published", *words)
    wait_until(lambda: scene.ended("relabel"), say="relabel")
    assert scene.ended("relabel")[0][0] == "COMPLETED"
    drift = json.loads((scene.home / "relabelled" / "drift.json").read_text())
    assert drift["solutions"] > 0
    assert drift["cost"]["share"] < 0.7


def test_publish_offers_a_pull_request_and_the_second_time_nothing(
    scene: Scene, hub: LocalHub
) -> None:
    dataset = "relabelled"  # no run has it
    for count in (1, 2):
        scene.start_run("publish", dataset=dataset)
        wait_until(lambda count=count: len(scene.ended("publish")) == count, say="publish")
    (first, _, offered), (second, _, again) = scene.ended("publish")
    assert (first, second) == ("COMPLETED", "COMPLETED")
    assert "/discussions/1" in offered
    assert "nothing to publish" in again


def test_a_run_whose_worker_was_killed_ends_as_crashed_and_the_next_one_goes_on(
    scene: Scene, worker: subprocess.Popen[bytes]
) -> None:
    folder = scene.home / "slow"
    slow = "policy.model=error=0.12,repair=0.03,luck=0.02,latency_ms=20"

    def states() -> list[str]:
        runs = [run for run in scene.runs(LABEL) if run["parameters"].get("out") == "slow"]
        return [run["state"]["type"] for run in runs]

    scene.start_run(LABEL, overrides=[slow], out="slow")
    wait_until(lambda: list(folder.glob("work/journal/*/*")), say="something is bought")
    worker.kill()
    wait_until(lambda: states() == ["CRASHED"], say="its run notices")
    with working(scene):
        scene.start_run(LABEL, overrides=[slow], out="slow")
        wait_until(lambda: states() == ["CRASHED", "COMPLETED"], say="the next one")
