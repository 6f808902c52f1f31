"""A limit of tokens, hours or money ends a run; what there is by then is published."""

from __future__ import annotations

import json
import os
from pathlib import Path

import polars as pl
import pytest

from flows.run import finished, replay_folder
from pipeline.errors import RunStopped
from pipeline.folder import DatasetFolder
from pipeline.recipe import Recipe

LONG = pytest.mark.skipif(
    "STEPSMITH_KILLS" not in os.environ, reason="half a minute each: `make test-kill` runs them"
)


def limited(recipe: Recipe, **limits: float) -> Recipe:
    return recipe.model_copy(update={"run": recipe.run.model_copy(update=limits)})


def data(folder: DatasetFolder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.root.glob("data/*.parquet"))}


def one_by_one(toy_recipe, search: str = "exhaustive", view: str = "soft", **run: float) -> Recipe:
    """Shards of one problem that are labelled in turn."""
    return toy_recipe(
        12,
        rollouts={"search": search, "k": 4},
        labels={"view": view},
        run={"shard_problems": 1, "shards_at_once": 1, **run},
    )


@pytest.fixture
def tokens(toy_recipe, label, tmp_path) -> int:
    """What a run without a limit buys."""
    folder = label(one_by_one(toy_recipe), tmp_path / "whole")
    return int(json.loads(folder.manifest.read_text())["last_run"]["tokens_bought"])


def test_what_is_labelled_by_then_is_published_and_the_rest_by_the_next_run(
    toy_recipe, label, tokens, tmp_path
):
    recipe = one_by_one(toy_recipe)
    folder = label(limited(recipe, stop_after_tokens=tokens // 2))
    last = json.loads(folder.manifest.read_text())["last_run"]
    assert last["stopped_by"] == f"run.stop_after_tokens = {tokens // 2}"
    assert 0 < len(folder.shards()) < 12
    assert last["shards_left"] == 12 - len(folder.shards())
    assert last["tokens_bought"] < tokens * 0.6
    assert not finished(recipe, folder)
    first = data(folder)

    label(recipe)
    assert len(folder.shards()) == 12
    assert {name: bytes_ for name, bytes_ in data(folder).items() if name in first} == first
    assert finished(recipe, folder)


def test_a_prefix_that_came_too_late_is_not_measured_and_nothing_is_called_unknown(
    toy_recipe, label, tokens
):
    folder = label(limited(one_by_one(toy_recipe), stop_after_tokens=tokens // 2))
    rollouts = folder.side_table("rollouts")
    assert rollouts.filter(pl.col("finish_reason") == "failed").is_empty()
    evidence = folder.side_table("evidence").filter(pl.col("annotator") == "rollouts")
    assert evidence["unknown"].sum() == 0


@pytest.mark.parametrize(
    ("search", "view"),
    [
        ("exhaustive", "soft"),
        pytest.param("scan", "scan", marks=LONG),
        pytest.param("posterior", "posterior", marks=LONG),
    ],
)
def test_a_replay_of_a_run_that_a_limit_ended_gives_the_same_bytes(
    search, view, toy_recipe, label, tmp_path
):
    recipe = one_by_one(toy_recipe, search, view)
    whole = json.loads(label(recipe, tmp_path / "whole").manifest.read_text())["last_run"]
    folder = DatasetFolder(Path(recipe.output.dir))
    label(limited(recipe, stop_after_tokens=int(whole["tokens_bought"] * 0.9)), folder)
    assert folder.shards()
    assert any(
        json.loads(note.read_text())["refused"] for note in folder.plans.glob("published/*.json")
    )
    again = label(recipe, replay_folder(folder.root))
    assert data(again) == data(folder)


def test_a_limit_before_anything_is_whole_says_so_and_keeps_what_was_bought(toy_recipe, label):
    recipe = toy_recipe(12, model="error=0.1,latency_ms=1", run={"shard_problems": 12})
    with pytest.raises(RunStopped, match="reached before a shard had all its samples"):
        label(limited(recipe, stop_after_hours=1e-9))
    label(recipe)
    assert finished(recipe, DatasetFolder(Path(recipe.output.dir)))


def test_money_is_counted_by_tokens_and_hours(toy_recipe, label):
    folder = label(limited(toy_recipe(), cost_of_million_tokens=1000.0))
    last = json.loads(folder.manifest.read_text())["last_run"]
    assert last["cost"] == pytest.approx(last["tokens_bought"] / 1000, abs=1e-3)
