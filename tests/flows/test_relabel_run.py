"""A dataset's solutions under another policy: what stays, what is asked, what it costs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from flows.drift import drift_of
from flows.earlier import take_over
from flows.relabel import relabelling
from pipeline.batches import read_batches
from pipeline.errors import InputError, RecipeError
from pipeline.folder import DatasetFolder
from pipeline.origin import Origin
from pipeline.recipe import Recipe

Build = Callable[..., Recipe]
Label = Callable[..., DatasetFolder]

GUIDED = {"rollouts": {"search": "posterior", "k": 4}, "labels": {"view": "posterior"}}
OTHER = "error=0.3,repair=0.03,luck=0.02"
# Where nothing is to be fitted, it takes a sixth of the time.
PLAIN = {"rollouts": {"search": "bisect", "k": 4}, "labels": {"view": "hard"}}
FORGET = ["relabel.forget=true"]


@pytest.fixture(scope="module")
def old(module_recipe: Build, label_once: Label, tmp_path_factory) -> DatasetFolder:
    root = tmp_path_factory.mktemp("relabel") / "old"
    return label_once(module_recipe(30, **GUIDED, output={"dir": str(root)}))


@pytest.fixture(scope="module")
def new(old: DatasetFolder, label_once: Label) -> DatasetFolder:
    return label_once(relabelling(Origin.open(old.root), OTHER, "", None, 0.5, []))


def test_rows_and_their_order_stay(old: DatasetFolder, new: DatasetFolder) -> None:
    columns = ["solution_id", "problem_id", "steps", "outcome", "policy", "origin", "segmentation"]
    assert new.labels().select(columns).equals(old.labels().select(columns))
    assert new.shards() == old.shards()


def test_values_are_the_new_provers(old: DatasetFolder, new: DatasetFolder) -> None:
    before, after = (
        folder.labels().filter(pl.col("value_root").is_not_null())["value_root"].mean()
        for folder in (old, new)
    )
    assert after < before - 0.02  # it errs at three steps of ten, not at one of eight
    assert new.labels()["prover"].unique().to_list() != old.labels()["prover"].unique().to_list()


def test_it_spends_the_share_and_samples_nothing(old: DatasetFolder, new: DatasetFolder) -> None:
    spent, before = (folder.side_table("rollouts")["tokens"].sum() for folder in (new, old))
    assert 0.3 * before < spent < 0.6 * before
    manifest = new.read_manifest()
    assert manifest is not None
    assert manifest["last_run"]["completions_bought"] == len(new.side_table("rollouts"))


def test_the_old_evidence_is_kept_apart(old: DatasetFolder, new: DatasetFolder) -> None:
    key = ["solution_id", "step", "source", "correct", "incorrect"]
    rollouts = old.side_table("evidence").filter(pl.col("annotator") == "rollouts")
    assert new.side_table("earlier").select(key).equals(rollouts.select(key))
    ours = new.side_table("evidence").filter(pl.col("annotator") == "rollouts")
    assert not set(ours["source"]) & set(rollouts["source"])


def test_what_tools_said_is_said_again(old: DatasetFolder, new: DatasetFolder) -> None:
    key = ["solution_id", "step", "annotator", "correct", "incorrect"]
    tools = pl.col("annotator") == "arithmetic"
    assert (
        new.side_table("evidence")
        .filter(tools)
        .select(key)
        .equals(old.side_table("evidence").filter(tools).select(key))
    )


def test_the_manifest_names_the_provers(old: DatasetFolder, new: DatasetFolder) -> None:
    before, after = old.read_manifest(), new.read_manifest()
    assert before is not None
    assert after is not None
    assert [one["prover"] for one in after["earlier"]] == [before["prover"]["revision"]]
    assert after["earlier"][0]["fusion"] == before["posterior"]


def test_the_card_says_what_the_values_rest_on(old: DatasetFolder, new: DatasetFolder) -> None:
    manifest = old.read_manifest()
    assert manifest is not None
    text = new.card.read_text()
    assert "Relabelled" in text
    assert manifest["prover"]["revision"] in text
    assert str(old.root) not in text


def test_the_same_command_does_nothing_more(
    old: DatasetFolder, new: DatasetFolder, label: Label
) -> None:
    files = {path: path.read_bytes() for path in (new.root / "data").iterdir()}
    label(relabelling(Origin.open(old.root), OTHER, "", None, 0.5, []))
    assert {path: path.read_bytes() for path in (new.root / "data").iterdir()} == files


def test_a_replay_gives_the_same_bytes(new: DatasetFolder, label: Label, old, tmp_path) -> None:
    replay = DatasetFolder(tmp_path / "replay", origin=new.root)
    label(relabelling(Origin.open(old.root), OTHER, "", None, 0.5, []), replay)
    for name in new.shards():
        assert replay.published(name).read_bytes() == new.published(name).read_bytes()


def test_a_dataset_may_be_relabelled_twice(new: DatasetFolder, label: Label, tmp_path) -> None:
    third = relabelling(Origin.open(new.root), "error=0.2", "", tmp_path / "third", 0.5, [])
    folder = label(third)
    manifest = folder.read_manifest()
    assert manifest is not None
    assert len(manifest["earlier"]) == 2
    assert len(folder.side_table("earlier")["source"].unique()) == 2


def test_problems_that_come_later_are_relabelled_too(
    toy_recipe: Build, label: Label, tmp_path: Path
) -> None:
    root = tmp_path / "grown"
    first = toy_recipe(10, **PLAIN, output={"dir": str(root)})
    label(first)
    again = relabelling(Origin.open(root), OTHER, "", tmp_path / "new", 1.0, FORGET)
    folder = label(again)
    assert len(folder.shards()) == 2
    label(toy_recipe(15, **PLAIN, output={"dir": str(root)}))
    kept = {name: folder.published(name).read_bytes() for name in folder.shards()}
    label(again)
    assert folder.shards() == DatasetFolder(root).shards()
    assert {name: folder.published(name).read_bytes() for name in kept} == kept


def test_the_new_policys_own_solutions_come_as_a_later_batch(
    old: DatasetFolder, new: DatasetFolder, label: Label, tmp_path: Path
) -> None:
    recipe = relabelling(Origin.open(old.root), OTHER, "", tmp_path / "new", 0.5, [], True)
    folder = label(recipe)
    taken = [name for name in folder.shards() if name in set(old.shards())]
    sampled = [name for name in folder.shards() if name not in set(old.shards())]
    assert taken == old.shards()
    assert sampled == [f"10000-{number:05d}" for number in range(len(sampled))]
    theirs = pl.concat([folder.published_labels(name, ["policy"]) for name in sampled])
    assert set(theirs["policy"]) == set(new.labels()["prover"]) != set(old.labels()["policy"])
    ids = folder.labels()["solution_id"]
    assert ids[: len(old.labels())].equals(old.labels()["solution_id"])
    assert ids.n_unique() == len(ids)
    manifest = folder.read_manifest()
    assert manifest is not None
    assert manifest["counts"]["problems"] == 30
    assert manifest["counts"]["sample_completions"] == 30 * 8  # those of the old run are not ours
    assert drift_of(old, folder)["cost"]["share"] < 0.6


def test_they_come_of_later_problems_too_and_after_a_stop_between_the_two_batches(
    toy_recipe: Build, label: Label, tmp_path: Path
) -> None:
    root = tmp_path / "grown"
    label(toy_recipe(5, **PLAIN, output={"dir": str(root)}))
    again = relabelling(Origin.open(root), OTHER, "", tmp_path / "new", 1.0, FORGET, True)
    folder = label(again)
    assert folder.shards() == ["00000-00000", "10000-00000"]
    label(toy_recipe(8, **PLAIN, output={"dir": str(root)}))
    without = again.model_copy(
        update={"relabel": again.relabel.model_copy(update={"new_solutions": False})}
    )
    take_over(without, folder.plans, read_batches(folder.plans))  # and then it was stopped
    label(again)
    assert folder.shards() == ["00000-00000", "00001-00000", "10000-00000", "10001-00000"]


@pytest.mark.parametrize("search", ["bisect", "exhaustive"])
def test_other_searches_label_anew(
    search: str, toy_recipe: Build, label: Label, tmp_path: Path
) -> None:
    old = label(toy_recipe(10, rollouts={"search": search}, labels={"view": "hard"}))
    new = label(relabelling(Origin.open(old.root), OTHER, "", tmp_path / "new", 10.0, []))
    assert new.labels()["solution_id"].equals(old.labels()["solution_id"])
    searched = new.labels().filter(pl.col("n_rollouts").list.sum() > 0)
    assert len(searched) > 0


def test_problems_that_are_expected_to_stay_get_no_rollouts(
    old: DatasetFolder, new: DatasetFolder, label: Label, tmp_path: Path
) -> None:
    least = ["relabel.least_change=0.2"]
    folder = label(relabelling(Origin.open(old.root), OTHER, "", tmp_path / "new", 0.5, least))
    asked = [one.side_table("rollouts").select("problem_id").n_unique() for one in (folder, new)]
    assert asked[0] < asked[1]
    assert folder.labels()["value"].list.len().equals(new.labels()["value"].list.len())


def test_drift_counts_what_changed(old: DatasetFolder, new: DatasetFolder) -> None:
    found = drift_of(old, new)
    assert found["solutions"] == len(old.labels())
    assert found["value"]["mean_change"] < 0
    assert 0.5 < found["value"]["rank_correlation"] < 1
    assert 0.3 < found["cost"]["share"] < 0.6


def test_a_dataset_that_is_not_finished_is_refused(
    toy_recipe: Build, label: Label, tmp_path: Path
) -> None:
    folder = label(toy_recipe(6))
    folder.manifest.unlink()
    with pytest.raises(InputError, match="has not finished"):
        Origin.open(folder.root)


def test_another_schema_version_is_refused(toy_recipe: Build, label: Label) -> None:
    folder = label(toy_recipe(6))
    text = folder.manifest.read_text()
    folder.manifest.write_text(text.replace('"schema_version": 4', '"schema_version": 3'))
    with pytest.raises(InputError, match="schema version 3"):
        Origin.open(folder.root)


def test_a_missing_shard_is_refused(toy_recipe: Build, label: Label, tmp_path: Path) -> None:
    folder = label(toy_recipe(12))
    folder.published(folder.shards()[1]).unlink()
    again = relabelling(Origin.open(folder.root), OTHER, "", tmp_path / "new", 1.0, [])
    with pytest.raises(InputError, match="1 of its shards"):
        label(again)


def test_a_prover_of_its_own_must_be_named(toy_recipe: Build, label: Label) -> None:
    recipe = toy_recipe(6, rollouts={"engine": "stub", "model": "error=0.2"})
    with pytest.raises(RecipeError, match="--prover"):
        relabelling(Origin.open(label(recipe).root), OTHER, "", None, 0.5, [])
