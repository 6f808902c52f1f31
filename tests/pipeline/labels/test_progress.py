"""View `progress`."""

from __future__ import annotations

import pytest


def test_worked_example_by_ratio(row):
    # Root 0.5. P = 0.75/0.5 = 1.5 -> 1; 0.6/0.75 = 0.8 -> 1; 0.3/0.6 = 0.5 -> 0.
    got = row("6/8", "6/10", "3/10", root="4/8", view="progress", k=10)
    assert got["p_correct"] == [1.0, pytest.approx(0.8), pytest.approx(0.5)]
    assert got["label"] == [1, 1, 0]
    assert got["first_error"] == 2


def test_after_the_first_zero_every_value_counts_as_zero(row):
    # 0/8 at t = 1; the success at t = 2 does not revive the solution.
    got = row("8/8", "0/8", "8/8", root="8/8", view="progress", after_error="propagate")
    assert got["label"] == [1, 0, 0]
    assert got["p_correct"] == [1.0, 0.0, 0.0]
    assert got["value"] == [1.0, 0.0, 1.0]  # evidence stays as it was measured


def test_worked_example_by_difference(row):
    # Root 0.5; changes +0.25, -0.125, -0.5 against a slack of 0.2.
    got = row("6/8", "5/8", "1/8", root="4/8", view="progress", progress="difference", slack=0.2)
    assert got["label"] == [1, 1, 0]
    assert got["p_correct"] == [1.0, 0.875, 0.5]


def test_change_that_equals_the_slack_passes_in_spite_of_rounding(row):
    # 0.7 - 0.8 is -0.10000000000000009 in binary.
    got = row("8/10", "7/10", root="8/10", view="progress", progress="difference", slack=0.1, k=10)
    assert got["label"] == [1, 1]


def test_zero_after_an_unmeasured_step_is_zero_by_ratio(row):
    got = row("", "0/8", view="progress")
    assert got["label"] == [None, 0]
    assert got["p_correct"] == [None, 0.0]


def test_nothing_over_nothing_is_zero(row):
    # The problem was never solved, and neither was its first prefix.
    assert row("0/8", root="0/8", view="progress")["p_correct"] == [0.0]


def test_success_from_a_hopeless_root_is_progress(row):
    assert row("1/8", root="0/8", view="progress")["p_correct"] == [1.0]


def test_unknown_root_leaves_the_first_step_null(row):
    assert row("4/8", "4/8", view="progress")["label"] == [None, 1]
