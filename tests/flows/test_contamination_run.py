"""Runs with `[decontaminate]`: what is left out, shown, and decided anew."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from flows.command import print_table
from flows.plan import print_plan
from flows.run import finished
from pipeline.engines.toy import toy_problems
from pipeline.errors import ProblemFileError
from pipeline.folder import DatasetFolder
from pipeline.recipe import Recipe

Build = Callable[..., Recipe]
TEXTS = [str(row["text"]) for row in toy_problems(12, seed=0)]


def evaluation(tmp_path: Path, *texts: str) -> str:
    place = tmp_path / "eval.jsonl"
    place.write_text("".join(json.dumps({"question": text}) + "\n" for text in texts))
    return str(place)


def ids(folder: DatasetFolder) -> set[str]:
    return set(folder.side_table("problems")["problem_id"])


def test_problems_of_an_evaluation_set_are_left_out_before_spending(
    tmp_path: Path, toy_recipe: Build, label: Callable[[Recipe], DatasetFolder], capsys
) -> None:
    sets = [evaluation(tmp_path, "Something else.", f"  {TEXTS[3].upper()}", TEXTS[7])]
    recipe = toy_recipe(decontaminate={"sets": sets})
    folder = label(recipe)
    wanted = {row["problem_id"] for row in toy_problems(12, seed=0)}
    left = wanted - ids(folder)
    assert left == {toy_problems(12, seed=0)[at]["problem_id"] for at in (3, 7)}
    manifest = folder.read_manifest() or {}
    assert manifest["batches"][0]["set_aside"] == {"contaminated: exact, eval.jsonl": 2}
    assert manifest["decontamination"]["left_out"] == {"contaminated: exact, eval.jsonl": 2}
    lines = (folder.work / "contaminated.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    assert {(row["problem_id"], row["row"], row["kind"]) for row in rows} == {
        (toy_problems(12, seed=0)[3]["problem_id"], 2, "exact"),
        (toy_problems(12, seed=0)[7]["problem_id"], 3, "exact"),
    }
    assert "2 of them were left out" in folder.card.read_text()
    print_table(folder)
    assert "set aside: contaminated: exact, eval.jsonl" in capsys.readouterr().out
    assert manifest["counts"]["sample_completions"] == 10 * 8  # nothing was asked about them
    assert finished(recipe, folder)


def test_a_set_that_is_named_later_keeps_rows_and_says_so(
    tmp_path: Path, toy_recipe: Build, label: Callable[[Recipe], DatasetFolder]
) -> None:
    first = toy_recipe(6)
    folder = label(first)
    before = {path: path.read_bytes() for path in folder.root.glob("data/*")}
    sets = [evaluation(tmp_path, TEXTS[2], TEXTS[8])]
    second = toy_recipe(12, decontaminate={"sets": sets})
    assert not finished(second, folder)
    label(second)
    assert {path: path.read_bytes() for path in before} == before
    problems = toy_problems(12, seed=0)
    assert problems[2]["problem_id"] in ids(folder)
    assert problems[8]["problem_id"] not in ids(folder)
    manifest = folder.read_manifest() or {}
    assert manifest["decontamination"]["in_dataset_ids"] == [problems[2]["problem_id"]]
    assert manifest["warnings"][-1].startswith("1 problems of this dataset stand in the evaluation")
    assert manifest["batches"][1]["set_aside"] == {"contaminated: exact, eval.jsonl": 1}
    assert finished(second, folder)


def test_a_changed_set_is_not_taken_for_the_old_one(
    tmp_path: Path, toy_recipe: Build, label: Callable[[Recipe], DatasetFolder]
) -> None:
    recipe = toy_recipe(6, decontaminate={"sets": [evaluation(tmp_path, TEXTS[2])]})
    folder = label(recipe)
    assert len(ids(folder)) == 5
    evaluation(tmp_path, "Something else.")
    assert not finished(recipe, folder)
    label(recipe)
    assert len(ids(folder)) == 6
    assert (folder.read_manifest() or {})["decontamination"]["left_out"] == {}


def test_where_nothing_is_left_the_reasons_are_given(
    tmp_path: Path, toy_recipe: Build, label: Callable[[Recipe], DatasetFolder]
) -> None:
    recipe = toy_recipe(2, decontaminate={"sets": [evaluation(tmp_path, *TEXTS)]})
    with pytest.raises(ProblemFileError, match=r"no usable problem is left .*exact, eval.jsonl: 2"):
        label(recipe)


def test_a_missing_set_is_bad_input(tmp_path: Path, toy_recipe: Build) -> None:
    recipe = toy_recipe(1, decontaminate={"sets": [str(tmp_path / "gone.jsonl")]})
    with pytest.raises(ProblemFileError, match=r"decontaminate.sets: .*gone.jsonl: is not there"):
        print_plan(recipe)
    assert not (tmp_path / "out").exists()


def test_a_plan_says_what_will_be_left_out(tmp_path: Path, toy_recipe: Build, capsys) -> None:
    print_plan(toy_recipe(decontaminate={"sets": [evaluation(tmp_path, TEXTS[3])]}))
    out = capsys.readouterr().out
    assert "contaminated: exact, eval.jsonl" in out
    assert TEXTS[0] in out
