"""Labelling solutions and rollouts that somebody already paid for, and problems without answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipeline.errors import ProblemFileError
from pipeline.folder import DatasetFolder
from pipeline.recipe import Recipe, parse_recipe

MODEL = "error=0.12,repair=0.03,luck=0.02"


@pytest.fixture
def recipe(tmp_path: Path) -> Callable[..., Recipe]:
    def build(source: str, name: str = "imported", **tables: dict[str, Any]) -> Recipe:
        raw: dict[str, Any] = {
            "name": name,
            "solutions": {"source": source},
            "policy": {"engine": "stub", "model": MODEL},
            "rollouts": {"search": "scan", "k": 4},
            "annotators": {"arithmetic": {}},
            "labels": {"view": "scan"},
            "run": {"shard_problems": 4},
            "output": {"dir": str(tmp_path / name)},
        }
        for table, change in tables.items():
            raw[table] = {**raw.get(table, {}), **change}
        return parse_recipe(raw, "x.toml")

    return build


def write(path: Path, rows: list[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def solution(wrong: bool = True, policy: str = "m1", number: int = 0) -> dict[str, Any]:
    """A sum of four; the second step may be wrong."""
    last = 31 if wrong else 21
    steps = [
        "3 + 5 = 8",
        f"8 + {7 + number} = {last - 6 + number}",
        f"{last - 6 + number} + 6 = {last + number}",
    ]
    return {
        "id": f"s{number}-{policy}-{wrong}",
        "problem": f"Add up: 3 + 5 + {7 + number} + 6",
        "answer": str(21 + number),
        "steps": [*steps, f"The answer is {last + number}."],
        "policy": policy,
    }


def test_imported_solutions_are_searched_with_the_prover(recipe, label, tmp_path) -> None:
    rows = [solution(wrong, number=n) for n in range(6) for wrong in (True, False)]
    dataset = label(recipe(write(tmp_path / "s.jsonl", rows)))
    labels = dataset.labels()
    assert set(labels["origin"]) == {"imported"}
    assert len(labels) == 12
    wrong = labels.filter(pl.col("outcome") == "incorrect")
    # The stub repairs an error in 3 of 100: nearly all are located where they are.
    assert wrong["first_error"].to_list().count(1) >= 5
    assert set(labels["n_merged"]) == {0}
    assert labels["value_root"].null_count() == 0
    assert labels["pass_rate"].to_list() == labels["value_root"].to_list()


def test_no_sample_is_drawn(recipe, label, tmp_path) -> None:
    dataset = label(recipe(write(tmp_path / "s.jsonl", [solution()])))
    assert dataset.side_table("questions")["samples"].to_list() == [0]
    roots = dataset.side_table("rollouts").filter(pl.col("prefix_len") == 0)
    assert len(roots) == 4  # k, for the value of the problem


def test_solutions_of_several_policies_stand_side_by_side(recipe, label, tmp_path) -> None:
    rows = [solution(policy=policy) for policy in ("m1", "m2", "m3")]
    dataset = label(recipe(write(tmp_path / "s.jsonl", rows)))
    labels = dataset.labels()
    assert labels["policy"].to_list() == ["m1", "m2", "m3"]
    # One text, one set of rollouts.
    assert labels["prefix_hash"].n_unique() == 1
    drawn = dataset.side_table("rollouts")
    assert len(drawn.unique(["prefix_hash", "draw"])) == len(drawn)


def test_human_labels_of_the_file_become_the_truth_table(recipe, label, tmp_path) -> None:
    row = {
        "id": "pb-1",
        "generator": "g",
        "problem": "Add up: 3 + 5",
        "steps": ["3 + 5 = 9", "The answer is 9."],
        "label": 0,
        "final_answer_correct": False,
    }
    known = [{"problem_id": "a", "text": "Add up: 3 + 5", "answer": "8"}]
    source = write(tmp_path / "p.jsonl", known)
    solutions = write(tmp_path / "s.jsonl", [row])
    dataset = label(recipe(solutions, problems={"source": source}))
    truth = dataset.side_table("truth").select("solution_id", "step", "verdict").rows()
    assert truth == [("pb-1", 0, "incorrect"), ("pb-1", 1, "unknown")]


@pytest.fixture
def drawn(toy_recipe, label) -> DatasetFolder:
    """A dataset of ours, with its rollouts."""
    made = toy_recipe(model=MODEL, rollouts={"search": "exhaustive", "k": 4})
    return label(made)


def test_our_own_solutions_and_rollouts_are_not_paid_again(
    recipe, label, drawn, bought, tmp_path
) -> None:
    log = tmp_path / "log"
    again = recipe(
        str(drawn.root / "data"),
        "again",
        solutions={"rollouts": str(drawn.root / "rollouts")},
        policy={"model": f"{MODEL},log={log}"},
        rollouts={"search": "exhaustive"},
        labels={"view": "soft"},
    )
    dataset = label(again)
    known = drawn.labels().filter(pl.col("keep_reason").is_null()).select("solution_id", "value")
    both = known.join(dataset.labels().select("solution_id", new="value"), on="solution_id")
    assert len(both) > 20
    assert both["value"].to_list() == both["new"].to_list()
    # What is bought: the root, which nobody had rolled out, and the problems never searched.
    searched = drawn.side_table("questions").filter(pl.col("question_reason").is_null())
    prompts = {line.split()[0] for line in bought(log)}
    unsearched = dataset.labels().filter(
        ~pl.col("problem_id").is_in(searched["problem_id"].to_list())
    )
    steps = unsearched.select(pl.col("prefix_hash").list.head(pl.col("steps").list.len() - 1))
    assert len(prompts) == 12 + steps.explode("prefix_hash").n_unique()
    last = json.loads(dataset.manifest.read_text())["last_run"]
    assert (last["rollouts_imported"], last["rollouts_imported_lost"]) == (
        len(drawn.side_table("rollouts")),
        0,
    )


def test_an_import_replays_from_its_journal(recipe, label, drawn) -> None:
    again = recipe(
        str(drawn.root / "data"), "again", solutions={"rollouts": str(drawn.root / "rollouts")}
    )
    dataset = label(again)
    replay = label(again, DatasetFolder(dataset.root / "replay", origin=dataset.root))
    for shard in dataset.shards():
        assert replay.published(shard).read_bytes() == dataset.published(shard).read_bytes()


def test_rollouts_of_another_prover_are_refused(recipe, label, drawn) -> None:
    other = recipe(
        str(drawn.root / "data"),
        "other",
        solutions={"rollouts": str(drawn.root / "rollouts")},
        policy={"model": "error=0.5"},
    )
    with pytest.raises(ProblemFileError, match="was drawn from the prover"):
        label(other)


def test_new_solutions_of_a_known_problem_are_set_aside(recipe, label, tmp_path) -> None:
    source = tmp_path / "s.jsonl"
    made = recipe(write(source, [solution()]))
    label(made)
    write(source, [solution(), solution(policy="m2"), solution(number=1)])
    dataset = label(made)
    assert sorted(dataset.labels()["solution_id"]) == ["s0-m1-True", "s1-m1-True"]
    batches = json.loads(dataset.manifest.read_text())["batches"]
    assert batches[1]["set_aside"] == {"solution: of a problem that is no new one": 2}


# Problems without answers.


def open_problems(folder: Path, count: int = 10) -> str:
    rows = [{"problem_id": f"o{n}", "text": f"Add up: {n + 1} + 5 + 9 + 4"} for n in range(count)]
    return write(folder / "open.jsonl", rows)


def test_a_majority_answer_stands_in_where_it_is_strong(toy_recipe, label, tmp_path) -> None:
    dataset = label(
        toy_recipe(problems={"source": open_problems(tmp_path)}, questions={"pseudo_answer": 0.5})
    )
    problems = dataset.side_table("problems").sort("problem_id")
    known = problems.filter(pl.col("answer").is_not_null())
    assert len(known) >= 5
    for row in known.to_dicts():
        assert row["answer"] == str(int(row["problem_id"][1:]) + 19)
        assert row["answer_origin"] == "majority"
        assert row["answer_agreement"] >= 0.5
    labels = dataset.labels().filter(pl.col("answer").is_not_null())
    assert labels["answer_agreement"].null_count() == 0
    assert set(labels["outcome"]) <= {"correct", "incorrect"}


def test_a_weak_majority_is_dropped_and_never_wrong(toy_recipe, label, tmp_path) -> None:
    recipe = toy_recipe(
        model="error=0.6",
        problems={"source": open_problems(tmp_path)},
        questions={"pseudo_answer": 0.9},
    )
    labels = label(recipe).labels()
    weak = labels.filter(pl.col("keep_reason") == "weak_majority")
    assert len(weak) > 20
    assert set(weak["outcome"]) == {"unknown"}
    assert weak["label"].explode().drop_nulls().to_list() == []


def test_without_pseudo_answers_they_are_set_aside(toy_recipe, label, tmp_path) -> None:
    with pytest.raises(ProblemFileError, match="answer"):
        label(toy_recipe(problems={"source": open_problems(tmp_path)}))
