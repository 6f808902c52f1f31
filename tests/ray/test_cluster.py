"""Runs on a Ray cluster of two nodes, with their folder on S3 and a Prefect server of their own."""

from __future__ import annotations

import json
import random
import signal
import time
from collections import Counter
from hashlib import blake2b
from pathlib import Path

import pytest

from pipeline import purchase
from pipeline.folder import DatasetFolder
from pipeline.places import place, read_bytes
from pipeline.recipe import load_recipe
from tests.flows.conftest import run_all
from tests.ray.scene import (
    MODEL,
    journal_keys,
    kill,
    published,
    run_command,
    start,
    wait_until,
    write_recipe,
)

KILLS = 10
SLOTS = 16  # of each worker
STOPPED_S = 5.0

JUDGE = """
[annotators.judge]
engine = "stub"
model = "sensitivity=0.95,alarm=0.01"
gate = "warn"
"""


@pytest.fixture(scope="module")
def second(nodes):
    """A second node, which stays."""
    node = nodes.add()
    yield node
    nodes.kill(node)


def test_what_the_driver_learns_reaches_the_workers(nodes, second, bucket, tmp_path, monkeypatch):
    # Budget, pilot, prices, parameters, a judge's route: the labels are those of a run in threads.
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    log, out = tmp_path / "log", f"{bucket}/run"
    settings = {"search": "posterior", "view": "posterior", "budget": 9000, "more": JUDGE}
    settings |= {"model": f"{MODEL},log={log}"}
    label_alone(write_recipe(tmp_path, str(tmp_path / "alone"), **settings))
    log.unlink()
    settings |= {"runner": "ray", "address": nodes.address}
    run_command("label", write_recipe(tmp_path, out, **settings))
    assert published(out) == published(str(tmp_path / "alone"))
    assert set(Counter(lines_of(log)).values()) == {1}


def test_a_driver_that_was_killed_goes_on_and_counts_what_workers_bought(
    nodes, second, tmp_path, monkeypatch
):
    # The folder is a path: both nodes see it.
    log, out = tmp_path / "log", str(tmp_path / "out")
    settings = {"model": f"{MODEL},latency_ms=2,slots=24,log={log}"}
    keys = label_alone(write_recipe(tmp_path, str(tmp_path / "alone"), 24, **settings), monkeypatch)
    log.unlink()
    settings |= {"runner": "ray", "address": nodes.address}
    recipe = write_recipe(tmp_path, out, 24, **settings)
    run = start("label", recipe)
    wait_for_a_third(run, log, keys)
    kill(run)
    kept = set(journal_keys(out))
    assert kept
    run_command("label", recipe)
    assert published(out) == published(str(tmp_path / "alone"))
    bought = Counter(lines_of(log))
    assert not kept & {keys[line] for line, count in bought.items() if count > 1}
    last = json.loads(read_bytes(place(out) / "manifest.json"))["last_run"]
    # Workers of the killed driver committed a little more before they were ended.
    assert 0 < last["completions_bought"] <= len(keys) - len(kept)


def test_a_shard_whose_workers_keep_dying_ends_the_run(nodes, second, tmp_path):
    recipe = write_recipe(
        tmp_path,
        str(tmp_path / "out"),
        3,
        model=f"{MODEL},latency_ms=50,slots=1",
        runner="ray",
        address=nodes.address,
        takeovers=1,
    )
    run = start("label", recipe)
    killed = 0
    while run.poll() is None:
        for worker in nodes.at_work("run_shards"):
            worker.kill()
            killed += 1
        time.sleep(0.5)
    said = run.communicate(timeout=60)[1]
    assert run.returncode == 1
    assert killed == 2
    assert "its worker died 2 times" in said
    assert "Traceback" not in said


def test_a_node_that_dies_takes_nothing_along(nodes, bucket, tmp_path, monkeypatch):
    log, out = tmp_path / "log", f"{bucket}/run"
    model = f"{MODEL},latency_ms=4,slots=24,log={log}"
    keys = label_alone(
        write_recipe(tmp_path, str(tmp_path / "alone"), 48, model=model), monkeypatch
    )
    log.unlink()
    cluster = {"model": model, "runner": "ray", "address": nodes.address}
    recipe = write_recipe(tmp_path, out, 48, **cluster)
    victim = nodes.add()
    run = start("label", recipe)
    try:
        wait_for_a_third(run, log, keys)
        busy = [child for child in victim.children(recursive=True) if "ray::" in _name(child)]
        nodes.kill(victim)
        kept = set(journal_keys(out))
        _, said = run.communicate(timeout=480)
    finally:
        if run.poll() is None:
            run.kill()
    assert run.returncode == 0, said[-3000:]
    assert busy, "the node that was killed did nothing"
    assert published(out) == published(str(tmp_path / "alone"))
    assert sorted(journal_keys(out)) == sorted(keys.values())
    # A completion that was delivered twice had not been committed when the node died.
    lines = lines_of(log)
    twice = {keys[line] for line, count in Counter(lines).items() if count > 1}
    assert max(Counter(lines).values()) <= 2
    assert not kept & twice, "something committed was bought again"
    print(f"{len(lines)} bought, {len(twice)} of them twice, {len(kept)} committed at the kill")


def test_workers_that_are_killed_ten_times_cost_what_they_had_in_flight(
    nodes, second, tmp_path, monkeypatch
):
    log, out, dice = tmp_path / "log", str(tmp_path / "out"), random.Random(1)
    settings = {"model": f"{MODEL},latency_ms=8,slots={SLOTS},log={log}"}
    keys = label_alone(write_recipe(tmp_path, str(tmp_path / "alone"), 48, **settings), monkeypatch)
    log.unlink()
    settings |= {"runner": "ray", "address": nodes.address, "takeovers": KILLS}
    run = start("label", write_recipe(tmp_path, out, 48, **settings))
    committed: list[tuple[set[bytes], int]] = []
    try:
        for _ in range(KILLS):
            wanted = len(lines_of(log)) + dice.randint(40, 120)
            wait_until(lambda wanted=wanted: run.poll() is not None or len(lines_of(log)) >= wanted)
            wait_until(lambda: run.poll() is not None or nodes.at_work("run_shards"))
            assert run.poll() is None, run.communicate()[1]
            dice.choice(sorted(nodes.at_work("run_shards"), key=lambda one: one.pid)).kill()
            kept = set(journal_keys(out))
            committed.append((kept, len(lines_of(log))))
        _, said = run.communicate(timeout=480)
    finally:
        if run.poll() is None:
            run.kill()
    assert run.returncode == 0, said[-3000:]
    assert published(out) == published(str(tmp_path / "alone"))
    assert sorted(journal_keys(out)) == sorted(keys.values())
    lines = lines_of(log)
    for kept, at in committed:
        assert not kept & {keys[line] for line in lines[at:]}, (
            "something committed was bought again"
        )
    assert len(lines) - len(keys) <= KILLS * SLOTS
    print(f"{len(lines)} bought for {len(keys)} needed")


def test_a_driver_that_is_interrupted_stops_in_seconds_and_goes_on(
    nodes, second, tmp_path, monkeypatch
):
    log, out = tmp_path / "log", str(tmp_path / "out")
    settings = {"model": f"{MODEL},latency_ms=8,slots={SLOTS},log={log}"}
    keys = label_alone(write_recipe(tmp_path, str(tmp_path / "alone"), 24, **settings), monkeypatch)
    log.unlink()
    recipe = write_recipe(tmp_path, out, 24, runner="ray", address=nodes.address, **settings)
    run = start("label", recipe)
    try:
        wait_for_a_third(run, log, keys)
        run.send_signal(signal.SIGINT)
        told = time.monotonic()
        _, said = run.communicate(timeout=60)
        took = time.monotonic() - told
    finally:
        if run.poll() is None:
            run.kill()
    assert run.returncode == 130, said[-3000:]
    assert "stopped; what was committed is safe, the same command goes on" in said
    kept, bought = set(journal_keys(out)), len(lines_of(log))
    print(f"stopped in {took:.1f} s; {len(kept)} of {bought} were committed")
    assert took < STOPPED_S, said[-3000:]
    assert kept
    run_command("label", recipe)
    assert published(out) == published(str(tmp_path / "alone"))
    assert not kept & {keys[line] for line in lines_of(log)[bought:]}


def wait_for_a_third(run, log: Path, keys) -> None:
    """Until a run has bought a third of what it needs."""
    wait_until(lambda: run.poll() is not None or len(lines_of(log)) >= len(keys) // 3)
    assert run.poll() is None, run.communicate()[1]


def lines_of(log: Path) -> list[str]:
    return log.read_text().splitlines() if log.exists() else []


def _name(process) -> str:
    return " ".join(process.cmdline())


def label_alone(recipe: Path, monkeypatch: pytest.MonkeyPatch | None = None) -> dict[str, bytes]:
    """Label in threads, without Prefect; the journal's key of each line of the stub's log."""
    keys: dict[str, bytes] = {}
    real = purchase.draw_keys

    def noting(identity, prompt, sampling, seed, draws):
        draws = list(draws)
        found = real(identity, prompt, sampling, seed, draws)
        digest = blake2b(prompt.text.encode(), digest_size=8).hexdigest()
        keys.update(zip((f"{digest} {draw}" for draw in draws), found, strict=True))
        return found

    if monkeypatch is not None:
        monkeypatch.setattr(purchase, "draw_keys", noting)
    parsed = load_recipe(recipe)
    run_all(parsed, DatasetFolder(Path(parsed.output.dir)))
    return keys
