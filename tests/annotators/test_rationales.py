"""Which calls become rationales, and what their rows hold."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from annotators.judge.correction import Tried
from annotators.judge.rationales import agreed, agreeing
from pipeline.schemas import RATIONALES

LABEL: dict[str, Any] = {
    "solution_id": "s",
    "problem_id": "p",
    "problem": "Add up: 3 + 5 + 8",
    "steps": ["3 + 5 = 8\n\n", "8 + 8 = 17\n\n", "The answer is 17."],
    "label": [1, 0, None],
    "value": [0.9, 0.1, 0.0],
    "value_root": 0.8,
    "n_success": [9, 1, 0],
    "n_rollouts": [10, 10, 0],
}
CALL: dict[str, Any] = {
    "solution_id": "s",
    "annotator": "judge",
    "source": "hash",
    "mode": "each_step",
    "step": None,
    "draw": 2,
    "verdicts": [1, 0, 1],
    "critique": "8 + 8 is 16.",
    "correction": "8 + 8 = 16",
    "text": "{all that was written}",
    "retried": False,
}


@pytest.mark.parametrize(
    ("said", "label", "expected"),
    [
        ([1, 0, 0], [1, 0, None], [1, 0]),
        ([1, 0, 1], [1, 0, 0], [1, 0]),
        ([1, 0], [1, 0, None], [1, 0]),  # mode first_error says nothing of later steps
        ([0, 1], [0, None], [0]),
        ([1, 1], [1, 1], [1, 1]),
        ([1, 1], [1, 0], None),
        ([0, 0], [1, 0], None),
        ([1, 0], [1, 1], None),
        ([1, 0], [1, 1, 0], None),
        ([1, 1], [1, None], None),
        ([1, 0], [None, 0], None),
        ([1, 0, None], [1, 0, None], None),
        (None, [1, 0, None], None),
        ([], [], None),
    ],
)
def test_verdicts_must_equal_the_labels_up_to_the_first_error(
    said: list[int | None] | None, label: list[int | None], expected: list[int] | None
) -> None:
    assert agreed(CALL | {"verdicts": said}, label) == expected


def test_a_call_about_one_step_says_nothing_of_the_solution() -> None:
    assert agreed(CALL | {"step": 1, "verdicts": [1]}, [1]) is None


def test_a_call_for_which_another_stands_is_left_out() -> None:
    assert agreed(CALL | {"retried": True}, [1, 0, None]) is None


def test_calls_meet_the_labels_of_their_solution_in_order() -> None:
    other = LABEL | {"solution_id": "t", "label": [1, 1, 1]}
    calls = [CALL | {"solution_id": "t"}, CALL, CALL | {"solution_id": "t", "verdicts": [1, 1, 1]}]
    found = agreeing(calls, [LABEL, other])
    assert [(one.label["solution_id"], one.first_error) for one in found] == [("s", 1), ("t", -1)]


def test_a_row_with_a_confirmed_correction() -> None:
    (one,) = agreeing([CALL], [LABEL])
    correction = one.correction("blank_line")
    row = one.row(correction, Tried(success=6, known=8, tokens=120), threshold=0.8)
    assert row == {
        "solution_id": "s",
        "problem_id": "p",
        "annotator": "judge",
        "source": "hash",
        "mode": "each_step",
        "draw": 2,
        "problem": "Add up: 3 + 5 + 8",
        "steps": ["3 + 5 = 8\n\n", "8 + 8 = 17\n\n", "The answer is 17."],
        "critique": "8 + 8 is 16.",
        "verdicts": [1, 0],
        "first_error": 1,
        "correction": "8 + 8 = 16\n\n",
        "correction_success": 6,
        "correction_rollouts": 8,
        "correction_tokens": 120,
        "value_before": 0.9,
        "error_value": 0.1,
        "error_success": 1,
        "error_rollouts": 10,
    }
    assert pa.Table.from_pylist([row], schema=RATIONALES).column_names == list(row)


def test_a_correction_that_rollouts_do_not_confirm_keeps_its_counts_alone() -> None:
    (one,) = agreeing([CALL], [LABEL])
    row = one.row("8 + 8 = 15\n\n", Tried(success=5, known=8, tokens=120), threshold=0.8)
    assert (row["correction"], row["correction_success"]) == (None, 5)


def test_of_a_faultless_solution_nothing_is_known_about_an_error() -> None:
    (one,) = agreeing([CALL | {"verdicts": [1, 1, 1]}], [LABEL | {"label": [1, 1, 1]}])
    assert one.correction("blank_line") is None
    row = one.row(None, None, threshold=0.8)
    empty = ("correction", "correction_success", "correction_rollouts", "correction_tokens")
    known = ("value_before", "error_value", "error_success", "error_rollouts")
    assert [row[name] for name in (*empty, *known)] == [None] * 8
    assert (row["first_error"], row["verdicts"]) == (-1, [1, 1, 1])


def test_what_was_written_stands_for_a_critique_that_is_not_there() -> None:
    (one,) = agreeing([CALL | {"critique": ""}], [LABEL])
    assert one.row(None, None, 0.8)["critique"] == "{all that was written}"


def test_before_a_wrong_first_step_stands_the_problem_alone() -> None:
    (one,) = agreeing([CALL | {"verdicts": [0, 1, 1]}], [LABEL | {"label": [0, None, None]}])
    assert one.value_before == 0.8
    assert one.correction("blank_line") == "8 + 8 = 16\n\n"


def test_where_the_value_before_is_not_known_nothing_can_be_confirmed() -> None:
    (one,) = agreeing([CALL], [LABEL | {"value": [None, 0.1, 0.0]}])
    assert one.correction("blank_line") is None
