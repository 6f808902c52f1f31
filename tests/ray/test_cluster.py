"""Runs on a Ray cluster of two nodes, with their folder on S3 and a Prefect server of their own."""

from __future__ import annotations

import json
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
    published,
    run_command,
    start,
    wait_until,
    write_recipe,
)

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


@pytest.mark.parametrize(
    ("settings", "more"),
    [
        ({}, ""),
        ({"search": "posterior", "view": "posterior", "budget": 9000}, JUDGE),
    ],
    ids=["scan", "posterior, budget and judge"],
)
def test_the_dataset_is_that_of_a_run_in_threads(nodes, second, bucket, tmp_path, settings, more):
    log, out = tmp_path / "log", f"{bucket}/run"
    settings = {**settings, "model": f"{MODEL},log={log}"}
    alone = write_recipe(tmp_path, str(tmp_path / "alone"), more=more, **settings)
    run_command("label", alone)
    log.unlink()
    settings |= {"runner": "ray", "address": nodes.address}
    run_command("label", write_recipe(tmp_path, out, more=more, **settings))
    assert published(out) == published(str(tmp_path / "alone"))
    manifest = json.loads(read_bytes(place(out) / "manifest.json"))
    lines = log.read_text().splitlines()
    assert set(Counter(lines).values()) == {1}
    if not more:  # the judge has no log
        assert manifest["last_run"]["completions_bought"] == len(lines)


def test_a_node_that_dies_takes_nothing_along(nodes, bucket, tmp_path, monkeypatch):
    log, out = tmp_path / "log", f"{bucket}/run"
    model = f"{MODEL},latency_ms=4,slots=24,log={log}"
    keys = _run_alone(write_recipe(tmp_path, str(tmp_path / "alone"), 48, model=model), monkeypatch)
    log.unlink()
    cluster = {"model": model, "runner": "ray", "address": nodes.address}
    recipe = write_recipe(tmp_path, out, 48, **cluster)
    victim = nodes.add()
    run = start("label", recipe)
    try:
        wait_until(lambda: run.poll() is not None or _lines(log) >= len(keys) // 3)
        assert run.poll() is None, run.communicate()[1]
        busy = [child for child in victim.children(recursive=True) if "ray::" in _name(child)]
        nodes.kill(victim)
        kept = set(journal_keys(out))
        _, said = run.communicate(timeout=240)
    finally:
        if run.poll() is None:
            run.kill()
    assert run.returncode == 0, said[-3000:]
    assert busy, "the node that was killed did nothing"
    assert published(out) == published(str(tmp_path / "alone"))
    assert sorted(journal_keys(out)) == sorted(keys.values())
    # A completion that was delivered twice had not been committed when the node died.
    lines = log.read_text().splitlines()
    twice = {keys[line] for line, count in Counter(lines).items() if count > 1}
    assert max(Counter(lines).values()) <= 2
    assert not kept & twice, "something committed was bought again"
    print(f"{len(lines)} bought, {len(twice)} of them twice, {len(kept)} committed at the kill")


def _lines(log: Path) -> int:
    return log.read_bytes().count(b"\n") if log.exists() else 0


def _name(process) -> str:
    return " ".join(process.cmdline())


def _run_alone(recipe: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """Label in threads, without Prefect; the journal's key of each line of the stub's log."""
    keys: dict[str, bytes] = {}
    real = purchase.draw_keys

    def noting(identity, prompt, sampling, seed, draws):
        draws = list(draws)
        found = real(identity, prompt, sampling, seed, draws)
        digest = blake2b(prompt.text.encode(), digest_size=8).hexdigest()
        keys.update(zip((f"{digest} {draw}" for draw in draws), found, strict=True))
        return found

    monkeypatch.setattr(purchase, "draw_keys", noting)
    parsed = load_recipe(recipe)
    run_all(parsed, DatasetFolder(Path(parsed.output.dir)))
    return keys
