"""A worker that dies, on a server of one's own."""

from __future__ import annotations

from pathlib import Path

from tests.schedules.scene import Scene, deployed, free_port, wait_until, working

LABEL = "label-new-problems"


def test_a_run_whose_worker_was_killed_ends_as_crashed_and_the_next_one_goes_on(
    tmp_path: Path,
) -> None:
    scene = Scene(tmp_path, free_port())
    slow = "policy.model=error=0.12,repair=0.03,luck=0.02,latency_ms=20"
    with deployed(scene, None):
        with working(scene) as worker:
            scene.start_run(LABEL, overrides=[slow])
            wait_until(lambda: list(scene.dataset.glob("work/journal/*/*")), say="it buys")
            worker.kill()
            wait_until(lambda: scene.ended(LABEL), say="its run notices")
        with working(scene):
            scene.start_run(LABEL, overrides=[slow])
            wait_until(lambda: len(scene.ended(LABEL)) == 2, say="the next one")
        assert [kind for kind, _, _ in scene.ended(LABEL)] == ["CRASHED", "COMPLETED"]
        assert len(scene.labelled()) == 6
