"""What a worker of a cluster does, in this process and without the cluster."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flows import worker
from flows.counts import add, counts, since
from flows.run import LabelRun
from flows.worker import Order, pack_learnt
from pipeline.errors import FolderBusy, OutputError
from pipeline.folder import DatasetFolder
from pipeline.meter import Meter
from pipeline.recipe import Recipe

GUIDED = {
    "rollouts": {"search": "posterior", "budget_tokens": 9000},
    "labels": {"view": "posterior"},
}


@pytest.fixture
def opened():
    yield
    for one in worker._OPEN.values():
        one.context.close()
    worker._OPEN.clear()


def order_of(recipe: Recipe, workers: int = 2) -> str:
    home = str(Path.cwd())
    return Order(recipe.model_dump(mode="json"), recipe.output.dir, home, workers).dumps()


def label_by_worker(recipe: Recipe) -> LabelRun:
    """As a driver does it, but for the cluster."""
    order, folder = order_of(recipe), DatasetFolder(Path(recipe.output.dir))
    with LabelRun(recipe, folder, lambda: json.loads(worker.identify(order))) as run:
        run.admit()
        groups, term = run.groups(2), 1
        for stages, then in run.phases():
            for stage in stages:
                for shards in groups:
                    learnt = pack_learnt([run.plan_of(shard) for shard in shards], None)
                    report = worker.work(order, stage, shards, learnt, term)
                    add(run.context.meter, json.loads(report)["counts"])
                    term += 1
            if then is not None:
                then()
        run.finish()
    return run


@pytest.mark.parametrize("tables", [{}, GUIDED], ids=["scan", "posterior with a budget"])
def test_the_dataset_is_that_of_a_run_in_threads(toy_recipe, label, opened, tmp_path, tables):
    recipe = toy_recipe(**tables)
    run = label_by_worker(recipe)
    alone = label(recipe, tmp_path / "alone")
    names = sorted(path.name for path in alone.root.glob("data/*.parquet"))
    assert len(names) == 3
    for name in names:
        ours = run.folder.root / "data" / name
        assert ours.read_bytes() == (alone.root / "data" / name).read_bytes()
    theirs = json.loads(alone.manifest.read_text())["last_run"]
    mine = json.loads(run.folder.manifest.read_text())["last_run"]
    times = {"seconds": 0, "tokens_per_second": 0}
    assert mine | times == theirs | times


def test_a_shard_that_was_given_to_another_worker_since_is_left_alone(toy_recipe, opened):
    recipe = toy_recipe()
    order, folder = order_of(recipe), DatasetFolder(Path(recipe.output.dir))
    with LabelRun(recipe, folder, lambda: json.loads(worker.identify(order))) as run:
        (shards, *_) = run.groups(2)
        learnt = pack_learnt([run.plan_of(shard) for shard in shards], None)
        worker.work(order, "screen", shards, learnt, 20)
        with pytest.raises(FolderBusy, match="another worker has taken this shard over"):
            worker.work(order, "search", shards, learnt, 10)


def test_once_a_limit_is_reached_a_worker_buys_nothing_and_says_what_it_left(toy_recipe, opened):
    recipe = toy_recipe()
    order, folder = order_of(recipe), DatasetFolder(Path(recipe.output.dir))
    with LabelRun(recipe, folder, lambda: json.loads(worker.identify(order))) as run:
        (shards, *_) = run.groups(2)
        learnt = pack_learnt([run.plan_of(shard) for shard in shards], "run.stop_after_hours = 1")
        report = json.loads(worker.work(order, "screen", shards, learnt, 1))
    assert report["left"] == shards
    assert report["counts"]["bought"] == 0


def test_a_plan_that_a_worker_does_not_see_is_an_error(toy_recipe, opened):
    learnt = '{"notes": [], "of": {}}'
    with pytest.raises(OutputError, match="must be on storage that all nodes share"):
        worker.work(order_of(toy_recipe()), "screen", ["00000-00000"], learnt, 1)


def test_workers_share_what_a_server_runs(toy_recipe):
    recipe = toy_recipe(policy={"max_running": 100}, rollouts={"max_running": 3})
    share = Order.loads(order_of(recipe, workers=8)).share()
    assert share.policy.max_running == 12
    assert share.prover().max_running == 1
    assert share.identity() == recipe.identity()


def test_a_meter_takes_over_what_another_one_added():
    theirs, ours = Meter(bought=5, cached=1), Meter(bought=100)
    before = counts(theirs)
    theirs.bought += 7
    theirs.stages["screen"] += 2
    add(ours, since(counts(theirs), before))
    assert (ours.bought, ours.cached, ours.stages["screen"]) == (107, 0, 2)


def test_shards_are_grouped_so_that_every_worker_has_some(toy_recipe):
    recipe = toy_recipe(run={"shard_problems": 1})
    with LabelRun(recipe, DatasetFolder(Path(recipe.output.dir))) as run:
        assert [len(group) for group in run.groups(2)] == [4, 4, 4]
        assert [len(group) for group in run.groups(6)] == [2] * 6
        assert [len(group) for group in run.groups(40)] == [1] * 12
        assert [len(group) for group in run.groups()] == [1] * 12
