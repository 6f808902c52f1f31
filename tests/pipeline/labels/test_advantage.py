"""View `advantage`."""

from __future__ import annotations


def test_worked_example(row):
    # Root 0.5; advantages 0, +0.25, -0.5.
    got = row("4/8", "6/8", "2/8", root="4/8", view="advantage")
    assert got["advantage"] == [0.0, 0.25, -0.5]
    assert got["label"] == [1, 1, 0]
    assert got["p_correct"] == [None, None, None]
    assert got["p_min"] is None


def test_slack_forgives_a_small_fall(row):
    assert row("4/8", "3/8", root="4/8", view="advantage", slack=0.125)["label"] == [1, 1]


def test_value_that_is_not_known_leaves_both_neighbours_null(row):
    assert row("", "4/8", "4/8", root="4/8", view="advantage")["label"] == [None, None, 1]


def test_propagate_states_no_probability(row):
    got = row("1/8", "1/8", root="8/8", view="advantage", after_error="propagate")
    assert got["label"] == [0, 0]
    assert got["p_correct"] == [None, None]
