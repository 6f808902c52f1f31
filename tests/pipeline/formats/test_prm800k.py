"""Format prm800k: ratings, what 0 means, where a solution ends."""

from __future__ import annotations

import pytest

from tests.pipeline.formats.solutions import Row, one, project, solution


def ratings(row: Row) -> list[int]:
    return [step["completions"][0]["rating"] for step in row["label"]["steps"]]


def test_a_solution_is_rated_up_to_its_first_error() -> None:
    row = one("prm800k", solution([1, 0, 0], outcome="incorrect", final_answer="6"))
    assert row["question"]["problem"] == "Add 2 and 3."
    assert row["question"]["ground_truth_answer"] == "5"
    assert row["question"]["pre_generated_steps"] == ["Line 0.", "Line 1.", "Line 2."]
    assert row["question"]["pre_generated_answer"] == "6"
    assert row["label"] == {
        "steps": [
            {
                "completions": [{"text": "Line 0.", "rating": 1, "flagged": None}],
                "human_completion": None,
                "chosen_completion": 0,
            },
            {
                "completions": [{"text": "Line 1.", "rating": -1, "flagged": None}],
                "human_completion": None,
                "chosen_completion": None,
            },
        ],
        "total_time": 0,
        "finish_reason": "found_error",
    }
    assert row["is_quality_control_question"] is row["is_initial_screening_question"] is False


@pytest.mark.parametrize(
    ("label", "outcome", "reason"),
    [
        ([1, 1], "correct", "solution"),
        ([1, 1], "incorrect", "give_up"),
        ([1, None], "correct", "give_up"),
        ([0, 1], "correct", "found_error"),
    ],
)
def test_it_says_how_it_ended(label: list[int | None], outcome: str, reason: str) -> None:
    row = one("prm800k", solution(label, outcome=outcome))
    assert row["label"]["finish_reason"] == reason


@pytest.mark.parametrize(
    ("zero", "found"),
    [("never", [1, 1]), ("undecided", [1, 1, 0, -1]), ("no_gain", [1, 0])],
)
def test_what_zero_means_is_chosen(zero: str, found: list[int]) -> None:
    row = solution([1, 1, None, 0, 1], no_gain=[None, True, True, True, True])
    assert ratings(one("prm800k", row, zero=zero)) == found


@pytest.mark.parametrize("zero", ["never", "undecided", "no_gain"])
def test_a_solution_without_a_hard_label_is_left_out(zero: str) -> None:
    assert project("prm800k", solution([None, None]), solution([]), zero=zero) == (
        [],
        {"no_label": 2},
    )


def test_a_solution_may_begin_undecided_where_zero_says_so() -> None:
    row = solution([None, 1])
    assert ratings(one("prm800k", row, zero="undecided")) == [0, 1]
    assert project("prm800k", row) == ([], {"no_label": 1})
