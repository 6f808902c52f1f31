"""`stepsmith serve`: all of it with one command."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.schedules.scene import PROBLEMS, Scene, free_port, killed_at_the_end, wait_until

LABEL = "label-new-problems"


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path, free_port())


@pytest.fixture
def serving(scene: Scene) -> Iterator[subprocess.Popen[bytes]]:
    scene.write_deployments(None)
    with serve(scene) as process:
        yield process


@contextmanager
def serve(scene: Scene) -> Iterator[subprocess.Popen[bytes]]:
    scene.environment.pop("PREFECT_API_URL", None)
    words = ["flows.cli", "serve", "prefect.yaml", "--port", str(scene.port)]
    with killed_at_the_end(scene.start(*words, log="serve.log")) as process:
        wait_until(lambda: "deployed" in scene.log("serve.log") or process.poll() is not None)
        assert process.poll() is None, scene.log("serve.log")
        scene.environment["PREFECT_API_URL"] = scene.url
        yield process


def test_a_run_by_hand_is_worked_off_and_ctrl_c_leaves_no_process(
    scene: Scene, serving: subprocess.Popen[bytes]
) -> None:
    scene.start_run(LABEL)
    wait_until(lambda: scene.ended(LABEL), say=scene.log("serve.log"))
    assert scene.ended(LABEL)[0][0] == "COMPLETED"
    assert scene.labelled() == [row["problem_id"] for row in PROBLEMS[:6]]

    family = psutil.Process(serving.pid).children(recursive=True)
    serving.send_signal(signal.SIGINT)
    assert serving.wait(60) == 0
    assert not [one for one in family if one.is_running() and one.status() != "zombie"]
    assert "stopped" in scene.log("serve.log")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_ends_with_it_is_started_again_by_the_next_one(
    scene: Scene, serving: subprocess.Popen[bytes], number: int
) -> None:
    slow = "policy.model=error=0.12,repair=0.03,luck=0.02,latency_ms=20"
    scene.start_run(LABEL, overrides=[slow])
    wait_until(lambda: list(scene.dataset.glob("work/journal/*/*")), say="something is bought")
    family = psutil.Process(serving.pid).children(recursive=True)
    assert len(family) >= 3
    os.kill(serving.pid, number)
    serving.wait()
    wait_until(lambda: not [one for one in family if one.is_running()], 60)
    assert len(scene.labelled()) < 6

    with serve(scene):
        wait_until(lambda: len(scene.ended(LABEL)) == 2, say=scene.log("serve.log"))
        assert [kind for kind, _, _ in scene.ended(LABEL)] == ["CRASHED", "COMPLETED"]
        assert scene.labelled() == [row["problem_id"] for row in PROBLEMS[:6]]
        assert {run["state"]["type"] for run in scene.runs("label")} == {"CRASHED", "COMPLETED"}
