"""OmegaPRM in a whole run on the stub engine: what its tables say, and that they can be resumed."""

from __future__ import annotations

from collections import Counter

import polars as pl
import pytest

from pipeline.folder import DatasetFolder

OMEGA = {"search": "omegaprm", "k": 4, "searches": 12}


@pytest.fixture(scope="module")
def dataset(module_recipe, label_once) -> DatasetFolder:
    return label_once(module_recipe(rollouts=OMEGA, labels={"view": "soft"}))


def test_every_selection_is_unique(dataset: DatasetFolder) -> None:
    selected = dataset.side_table("tree").select("tree_id", "node_id", "selected")
    rows = selected.explode("selected").drop_nulls().unnest("selected")
    assert len(rows) > 20
    assert len(rows.unique(["tree_id", "node_id", "draw"])) == len(rows)
    assert len(rows.unique(["tree_id", "solution_id"])) == len(rows)
    assert sum(dataset.side_table("tree")["visits"]) == len(rows)


def test_every_measured_prefix_has_all_k_rollouts(dataset: DatasetFolder) -> None:
    drawn = dataset.side_table("rollouts").group_by("problem_id", "prefix_hash").len()
    assert set(drawn["len"]) == {4}


def test_tree_solutions_name_their_parent_and_share_its_steps(dataset: DatasetFolder) -> None:
    solutions = {row["solution_id"]: row for row in dataset.side_table("solutions").to_dicts()}
    grown = [row for row in solutions.values() if row["origin"] == "tree"]
    assert len(grown) > 10
    for row in grown:
        parent, m = solutions[row["parent_solution_id"]], row["fork_len"]
        assert [s["text"] for s in row["steps"][:m]] == [s["text"] for s in parent["steps"][:m]]
        assert row["token_ids"] == [ord(char) for char in row["text"]]


def test_published_steps_carry_their_node(dataset: DatasetFolder) -> None:
    tree = {(n["tree_id"], n["prefix_hash"]): n for n in dataset.side_table("tree").to_dicts()}
    measured = 0
    for row in dataset.labels().to_dicts():
        for t, node_id in enumerate(row["node_id"]):
            node = tree.get((row["tree_id"], row["prefix_hash"][t]))
            assert node_id == (node and node["node_id"])
            assert row["edge_steps"][t] == (node and node["edge_steps"])
            assert (node is not None) == (row["n_rollouts"][t] + row["n_unknown"][t] > 0)
            measured += node is not None
    assert measured > 100


def test_a_step_within_a_longer_edge_has_no_value_of_its_own(dataset: DatasetFolder) -> None:
    inside = 0
    for row in dataset.labels().to_dicts():
        for t, steps in enumerate(row["edge_steps"]):
            for between in range(t - (steps or 1) + 1, t):
                inside += 1
                assert (row["node_id"][between], row["value"][between]) == (None, None)
    assert inside > 5


def test_solutions_of_a_problem_stand_together(dataset: DatasetFolder) -> None:
    order = dataset.labels()["problem_id"].to_list()
    runs = [p for p, before in zip(order, [None, *order], strict=False) if p != before]
    assert len(runs) == len(set(runs))


def test_tree_solutions_are_no_samples_of_their_problem(dataset: DatasetFolder) -> None:
    labels = dataset.labels()
    assert set(labels.filter(pl.col("origin") == "tree")["n_merged"]) == {0}
    per_problem = labels.group_by("problem_id").agg(pl.col("n_merged").sum())
    assert set(per_problem["n_merged"]) == {8}


def test_text_annotators_check_tree_solutions_too(dataset: DatasetFolder) -> None:
    checked = dataset.side_table("evidence").filter(pl.col("annotator") == "arithmetic")
    assert set(checked["solution_id"]) == set(dataset.side_table("solutions")["solution_id"])


def test_the_order_of_shards_changes_nothing(toy_recipe, label, tmp_path, dataset) -> None:
    other = toy_recipe(
        rollouts=OMEGA,
        labels={"view": "soft"},
        run={"shard_problems": 5, "shards_at_once": 1},
        output={"dir": str(tmp_path / "again")},
    )
    again = label(other)
    # Of another file with the same problems, hence with another recipe hash.
    assert again.labels().drop("recipe_hash").equals(dataset.labels().drop("recipe_hash"))


def test_a_tree_whose_labels_are_lost_grows_again_for_nothing(toy_recipe, label, bought, tmp_path):
    log = tmp_path / "log"
    recipe = toy_recipe(model=f"error=0.12,log={log}", rollouts=OMEGA, labels={"view": "soft"})
    dataset = label(recipe)
    first = dataset.published("00000-00001").read_bytes()
    before = bought(log)
    dataset.published("00000-00001").unlink()
    for stage in (dataset.work / "stages" / "00000-00001").iterdir():
        (stage / "done.json").unlink()
    label(recipe)
    assert dataset.published("00000-00001").read_bytes() == first
    assert bought(log) == before
    assert max(before.values()) == 1


def test_a_budget_ends_the_trees(toy_recipe, label) -> None:
    dataset = label(toy_recipe(rollouts={**OMEGA, "budget_tokens": 4000}))
    spent = dataset.side_table("rollouts")["tokens"].sum()
    assert 0 < spent < 5000


def test_unsolved_and_solved_questions_grow_no_tree(dataset: DatasetFolder) -> None:
    skipped = dataset.side_table("questions").filter(pl.col("question_reason").is_not_null())
    grown = set(dataset.side_table("tree")["problem_id"])
    assert Counter(p in grown for p in skipped["problem_id"])[True] == 0
