"""Formats outcome, sft and hierarchical: whole solutions."""

from __future__ import annotations

import pytest

from tests.pipeline.formats.solutions import one, project, solution


def test_an_outcome_row_is_a_text_and_whether_its_answer_is_right() -> None:
    row = solution([None, None], outcome="incorrect", final_answer="6", pass_rate=0.5)
    assert one("outcome", row) == {
        "prompt": "Add 2 and 3.\n",
        "completion": "Line 0.\n\nLine 1.",
        "label": False,
        "answer": "5",
        "final_answer": "6",
        "pass_rate": 0.5,
        "solution_id": "s0",
        "problem_id": "p0",
    }


def test_an_unknown_outcome_is_not_wrong() -> None:
    rows, left_out = project("outcome", solution([1], outcome="unknown"), solution([1]))
    assert ([row["label"] for row in rows], left_out) == ([True], {"outcome_unknown": 1})


def test_traces_have_right_answers_and_right_steps() -> None:
    rows, left_out = project(
        "sft",
        solution([1], outcome="incorrect"),
        solution([1], outcome="unknown"),
        solution([1, 0], first_error=1),
        solution([1], p_mean=0.25),
        solution([1], p_mean=None),
        solution([1, 1], solution_id="good", value=[0.75, 1.0]),
    )
    assert [(row["solution_id"], row["completion"]) for row in rows] == [
        ("good", "Line 0.\n\nLine 1.")
    ]
    assert (rows[0]["process"], rows[0]["value_min"]) == (0.9, 0.75)
    assert left_out == {
        "outcome_unknown": 1,
        "answer_wrong": 1,
        "right_answer_with_a_wrong_step": 1,
        "process_unknown": 1,
        "right_answer_with_a_low_score": 1,
    }


def test_a_wrong_step_that_is_only_probable_is_not_known() -> None:
    rows, left_out = project(
        "sft",
        solution([1, None], first_error=1),
        solution([1, None, 0], first_error=1),  # wrong by the last step, wherever it began
    )
    assert (len(rows), left_out) == (1, {"right_answer_with_a_wrong_step": 1})


def test_the_best_traces_of_each_problem_are_taken() -> None:
    scores = {"a": 0.6, "b": 0.9, "c": 0.6, "d": 0.7}
    rows = [solution([1], solution_id=name, p_mean=score) for name, score in scores.items()]
    other = solution([1], solution_id="e", problem_id="p1", p_mean=0.5)
    found, left_out = project("sft", *rows[:2], other, *rows[2:], best="2")
    ranks = {row["solution_id"]: row["rank"] for row in found}
    assert ranks == {"b": 0, "d": 1, "e": 0}
    assert left_out == {"beyond_the_best": 2}
    found, _ = project("sft", *rows)
    assert [row["rank"] for row in found] == [2, 0, 3, 1]


def test_the_mean_value_may_choose_them() -> None:
    rows, left_out = project(
        "sft",
        solution([1, 1], value=[0.5, None], p_mean=None),
        solution([1, 1], value=[0.25, 0.5]),
        by="value",
    )
    assert ([row["process"] for row in rows], left_out) == (
        [0.5],
        {"right_answer_with_a_low_score": 1},
    )


def test_each_pair_of_neighbours_is_joined_once_and_flagged() -> None:
    rows, _ = project("hierarchical", solution([1, 1, 0, 1, None]))
    joined = {row["level"]: row["completions"] for row in rows}
    a, b, c, d = (f"Line {t}.\n\n" for t in range(4))
    assert joined == {"fine": [a, b, c, d], "even": [a + b, c + d], "odd": [a, b + c, d]}
    assert [row["merged"] for row in rows] == [[False] * 4, [True, True], [False, True, False]]
    # Of two steps the label is the second's.
    assert [row["labels"] for row in rows] == [
        [True, True, False, True],
        [True, True],
        [True, False, True],
    ]
    assert rows[1]["p_correct"] == [0.875, 0.875]


@pytest.mark.parametrize(("steps", "levels"), [(1, 1), (2, 2), (3, 3)])
def test_levels_without_a_joined_step_are_not_written(steps: int, levels: int) -> None:
    rows, _ = project(
        "hierarchical", solution([1] * steps), solution([1] * steps, solution_id="s1")
    )
    names = ["fine", "even", "odd"][:levels]
    assert [(row["solution_id"], row["level"]) for row in rows] == [
        (name, level) for name in ("s0", "s1") for level in names
    ]
