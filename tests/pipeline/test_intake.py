"""What a recipe takes in."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import ProblemFileError, RecipeError
from pipeline.intake import read_intake, solutions_of, solutions_table
from pipeline.recipe import Recipe, parse_recipe

PROBLEM = {"problem_id": "a", "text": "Add 2 and 3.", "answer": "5"}
SOLUTION = {"id": "s1", "problem": "Add 2 and 3.", "steps": ["2 + 3 = 5.", "So 5."], "answer": "5"}


@pytest.fixture
def recipe(tmp_path: Path) -> Callable[..., Recipe]:
    def build(
        problems: list[dict[str, Any]] | None,
        solutions: list[dict[str, Any]] | None = None,
        limit: int = 0,
        **questions: float,
    ) -> Recipe:
        raw: dict[str, Any] = {
            "name": "x",
            "policy": {"engine": "stub"},
            "output": {"dir": "out"},
            "questions": questions,
            "problems": {"limit": limit},
        }
        for name, rows in (("problems", problems), ("solutions", solutions)):
            if rows is not None:
                path = tmp_path / f"{name}.jsonl"
                path.write_text("".join(json.dumps(row) + "\n" for row in rows))
                raw.setdefault(name, {})["source"] = str(path)
        return parse_recipe(raw, "x.toml")

    return build


def test_without_solutions_they_are_to_be_drawn(recipe: Callable[..., Recipe]) -> None:
    intake = read_intake(recipe([PROBLEM]))
    assert [p.problem_id for p in intake.problems] == ["a"]
    assert intake.solutions is None


def test_a_problem_without_an_answer_is_set_aside(recipe: Callable[..., Recipe]) -> None:
    intake = read_intake(recipe([PROBLEM, PROBLEM | {"problem_id": "b", "answer": None}]))
    assert dict(intake.set_aside) == {"empty_answer": 1}


def test_pseudo_answers_take_it_in(recipe: Callable[..., Recipe]) -> None:
    rows = [PROBLEM | {"answer": None}]
    intake = read_intake(recipe(rows, pseudo_answer=0.5))
    assert [(p.answer, p.answer_origin) for p in intake.problems] == [(None, None)]


def test_solutions_bring_their_problems_along(recipe: Callable[..., Recipe]) -> None:
    other = SOLUTION | {"id": "s2", "problem": "Add 1 and 1.", "answer": "2"}
    intake = read_intake(recipe(None, [SOLUTION, other, SOLUTION | {"id": "s3"}]))
    assert [(p.text, p.answer) for p in intake.problems] == [
        ("Add 2 and 3.", "5"),
        ("Add 1 and 1.", "2"),
    ]
    assert intake.solutions is not None
    assert [s.solution_id for s in intake.solutions] == ["s1", "s2", "s3"]


def test_solutions_find_their_problem_by_its_text(recipe: Callable[..., Recipe]) -> None:
    intake = read_intake(recipe([PROBLEM], [SOLUTION]))
    assert intake.solutions is not None
    assert [s.problem_id for s in intake.solutions] == ["a"]


def test_an_id_alone_is_not_believed(recipe: Callable[..., Recipe]) -> None:
    other = SOLUTION | {"problem_id": "a", "problem": "Add 4 and 9."}
    intake = read_intake(recipe([PROBLEM], [other]))
    assert intake.problems == []
    assert dict(intake.set_aside) == {"solution: no_problem": 1, "no_solution": 1}


def test_what_a_problem_is_called_in_the_file_of_solutions_is_known(
    recipe: Callable[..., Recipe],
) -> None:
    intake = read_intake(recipe([PROBLEM], [SOLUTION | {"problem_id": "q7"}]))
    assert dict(intake.renamed) == {"q7": "a"}


def test_one_id_for_two_problems_is_refused(recipe: Callable[..., Recipe]) -> None:
    rows = [
        SOLUTION | {"problem_id": "1"},
        SOLUTION | {"id": "s2", "problem_id": "1", "problem": "What is 6 times 7?"},
    ]
    with pytest.raises(ProblemFileError, match="problem_id '1' stands for two problems"):
        read_intake(recipe(None, rows))


def test_answers_that_contradict_each_other_are_none(recipe: Callable[..., Recipe]) -> None:
    rows = [SOLUTION | {"answer": "3"}, SOLUTION | {"id": "s2"}]
    with_other = [*rows, SOLUTION | {"id": "s3", "problem": "Add 1 and 1.", "answer": "2"}]
    intake = read_intake(recipe(None, with_other))
    assert [p.answer for p in intake.problems] == ["2"]
    assert dict(intake.set_aside) == {"conflicting_answers": 1}


def test_answers_that_are_written_differently_agree(recipe: Callable[..., Recipe]) -> None:
    intake = read_intake(recipe(None, [SOLUTION, SOLUTION | {"id": "s2", "answer": "5.0"}]))
    assert [p.answer for p in intake.problems] == ["5"]


def test_what_has_no_partner_is_counted(recipe: Callable[..., Recipe]) -> None:
    lonely = PROBLEM | {"problem_id": "b", "text": "Add 9 and 9."}
    lost = SOLUTION | {"id": "s2", "problem": "Who knows?"}
    intake = read_intake(recipe([PROBLEM, lonely], [SOLUTION, lost]))
    assert [p.problem_id for p in intake.problems] == ["a"]
    assert dict(intake.set_aside) == {"no_solution": 1, "solution: no_problem": 1}


def test_a_limit_takes_whole_problems(recipe: Callable[..., Recipe]) -> None:
    other = SOLUTION | {"id": "s2", "problem": "Add 1 and 1.", "answer": "2"}
    intake = read_intake(recipe(None, [SOLUTION, other, SOLUTION | {"id": "s3"}], limit=1))
    assert intake.solutions is not None
    assert [s.solution_id for s in intake.solutions] == ["s1", "s3"]


def test_solutions_come_back_from_their_table(recipe: Callable[..., Recipe]) -> None:
    labelled = {
        "id": "x",
        "generator": "g",
        "problem": "Add 2 and 3.",
        "steps": ["2 + 3 = 6.", "So 6."],
        "label": 0,
        "final_answer_correct": False,
    }
    intake = read_intake(recipe([PROBLEM], [labelled]))
    assert intake.solutions is not None
    (back,) = solutions_of(solutions_table(intake.solutions), intake.problems)
    (first,) = intake.solutions
    for name in ("solution_id", "problem_id", "text", "steps", "truth", "policy"):
        assert getattr(back, name) == getattr(first, name)


def test_neither_problems_nor_solutions_is_refused(recipe: Callable[..., Recipe]) -> None:
    with pytest.raises(RecipeError, match=r"problems\.source is missing"):
        recipe(None)
