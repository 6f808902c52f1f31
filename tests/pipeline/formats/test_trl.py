"""Format trl: completions with a boolean each."""

from __future__ import annotations

from tests.pipeline.formats.solutions import one, project, solution


def test_labels_are_booleans_and_soft_scores_stand_beside_them() -> None:
    row = solution([1, 0], value=[0.75, None])
    assert one("trl", row) == {
        "prompt": "Add 2 and 3.\n",
        "completions": ["Line 0.\n\n", "Line 1."],
        "labels": [True, False],
        "p_correct": [0.875, 0.125],
        "value": [0.75, None],
        "solution_id": "s0",
        "problem_id": "p0",
    }


def test_completions_end_before_the_first_step_without_a_label() -> None:
    found = one("trl", solution([1, 1, None, 1]))
    assert found["completions"] == ["Line 0.\n\n", "Line 1.\n\n"]
    assert (found["labels"], found["p_correct"]) == ([True, True], [0.875, 0.875])


def test_what_is_left_out_is_counted_by_its_first_reason() -> None:
    rows, left_out = project(
        "trl",
        solution([1], keep=False, problem=None),
        solution([1], problem=None),
        solution([None, 1]),
        solution([]),
        solution([1, 1], steps=["Line 0.", ""]),
        solution([1, None], steps=["Line 0.", ""], solution_id="kept"),
    )
    assert [row["solution_id"] for row in rows] == ["kept"]
    assert left_out == {"not_kept": 1, "no_problem": 1, "no_label": 2, "empty_step": 1}


def test_rows_that_are_not_kept_come_when_asked_for() -> None:
    row = solution([1], keep=False)
    assert project("trl", row) == ([], {"not_kept": 1})
    rows, left_out = project("trl", row, every=True)
    assert (len(rows), left_out) == (1, {})


def test_the_prompt_is_what_stands_before_the_first_step() -> None:
    row = one("trl", solution([1]), prompt="Q: {problem}\nA: ")
    assert row["prompt"] == "Q: Add 2 and 3.\nA: "


def test_lists_that_a_view_does_not_have_are_nulls() -> None:
    row = one("trl", solution([1, 1], p_correct=None, value=[0.5]))
    assert (row["p_correct"], row["value"]) == ([None, None], [None, None])
