"""Rollouts against judges, and both against truth."""

from __future__ import annotations

import polars as pl
import pytest

from pipeline.conflicts import CELLS, conflicts

SCHEMA = dict.fromkeys(("mc_first_error", "judge_first_error", "true_first_error"), pl.Int64)


def cells(*rows: tuple[int | None, int | None, int | None]):
    frame = pl.DataFrame(rows, schema=SCHEMA, orient="row")
    return {one.name: one for one in conflicts(frame)}


@pytest.mark.parametrize(
    ("ours", "theirs", "name"),
    [
        (-1, -1, "both_none"),
        (2, 2, "same_step"),
        (0, 2, "different_step"),
        (0, -1, "only_rollouts"),
        (-1, 0, "only_judge"),
        (None, 1, "undecided"),
        (1, None, "undecided"),
        (-1, None, "undecided"),
        (None, None, "undecided"),
    ],
)
def test_each_solution_is_in_one_cell(ours, theirs, name):
    got = cells((ours, theirs, None))
    assert {one: got[one].solutions for one in CELLS} == dict.fromkeys(CELLS, 0) | {name: 1}


def test_with_truth_a_cell_says_who_is_right():
    got = cells((1, 2, 1), (1, 2, 2), (1, 0, 2), (1, 0, 1), (1, 0, None))["different_step"]
    assert (got.solutions, got.known) == (5, 4)
    assert (got.rollouts_right, got.judge_right) == (0.5, 0.25)


def test_finding_no_error_in_a_clean_solution_is_right():
    got = cells((-1, -1, -1), (-1, -1, 3))["both_none"]
    assert (got.rollouts_right, got.judge_right) == (0.5, 0.5)


def test_an_undecided_side_is_neither_right_nor_wrong():
    got = cells((None, 1, 1), (None, 0, 1))["undecided"]
    assert (got.known, got.rollouts_right, got.judge_right) == (2, None, 0.5)


def test_nothing_is_undefined_not_zero():
    got = cells()["same_step"]
    assert got.as_dict() == {
        "name": "same_step",
        "solutions": 0,
        "known": 0,
        "rollouts_right": None,
        "judge_right": None,
    }
