"""Format processbench, and the metric that reads it."""

from __future__ import annotations

import pytest

from tests.pipeline.formats.solutions import Row, one, project, solution


def metric(rows: list[Row], said: list[int]) -> float:
    """ProcessBench's F1: the harmonic mean of the shares of erroneous and of correct solutions
    whose place (-1: none) is named exactly."""
    shares = []
    for erroneous in (True, False):
        hits = [
            row["label"] == guess
            for row, guess in zip(rows, said, strict=True)
            if (row["label"] != -1) == erroneous
        ]
        shares.append(sum(hits) / len(hits))
    return 2 * shares[0] * shares[1] / sum(shares)


def test_a_row_is_a_solution_and_the_place_of_its_first_error() -> None:
    row = solution([1, 0, None], first_error=1, outcome="incorrect")
    assert one("processbench", row) == {
        "id": "s0",
        "generator": "m@1",
        "problem": "Add 2 and 3.",
        "steps": ["Line 0.", "Line 1.", "Line 2."],
        "final_answer_correct": False,
        "label": 1,
        "solution_id": "s0",
        "problem_id": "p0",
    }


def test_a_right_answer_may_have_a_wrong_step() -> None:
    row = one("processbench", solution([1, 0], first_error=1))
    assert (row["final_answer_correct"], row["label"]) == (True, 1)


def test_what_is_not_known_is_left_out() -> None:
    rows, left_out = project(
        "processbench",
        solution([1, None], first_error=None),
        solution([1], outcome="unknown"),
        solution([1], outcome=None),
        solution([]),
    )
    assert rows == []
    assert left_out == {"no_step": 1, "first_error_undecided": 1, "outcome_unknown": 2}


@pytest.mark.parametrize(
    ("label", "first_error"),
    [
        ([1, None, None], 1),  # the most probable place
        ([None, 0, None], 1),
        ([1, None, 0], 1),
        ([1, None, 0], 2),
        ([1, 1, None], -1),
        ([1, 0, 0], 0),
        ([1, 1, 0], -1),
        ([1, 0, None], None),  # a tool's word after what the view left open
    ],
)
def test_a_place_that_the_hard_labels_do_not_say_is_undecided(
    label: list[int | None], first_error: int | None
) -> None:
    row = solution(label, first_error=first_error)
    assert project("processbench", row) == ([], {"first_error_undecided": 1})


@pytest.mark.parametrize(
    ("label", "first_error"),
    [([1, 0, None], 1), ([1, 0, 0], 1), ([1, 0, 1], 1), ([0], 0), ([1, 1, 1], -1)],
)
def test_labels_after_the_first_error_do_not_matter(
    label: list[int | None], first_error: int
) -> None:
    assert one("processbench", solution(label, first_error=first_error))["label"] == first_error


def test_its_metric_reads_it() -> None:
    firsts = [-1, -1, -1, 0, 2]
    labels = [[int(t != first) for t in range(3)] for first in firsts]
    rows, _ = project(
        "processbench",
        *(solution(label, first_error=at) for label, at in zip(labels, firsts, strict=True)),
    )
    assert metric(rows, firsts) == 1.0
    # One of two erroneous ones located, two of three correct ones left clean.
    assert metric(rows, [-1, 0, -1, 0, 1]) == 2 * (1 / 2) * (2 / 3) / (1 / 2 + 2 / 3)
