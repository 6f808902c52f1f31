"""Steps that bring nothing: no_gain and saturation."""

from __future__ import annotations

import pytest


def test_no_gain_where_the_value_did_not_rise(row):
    # root 0.5; values 0.5, 0.75, 0.25
    got = row("4/8", "6/8", "2/8", root="4/8", view="hard")
    assert got["no_gain"] == [True, False, True]


def test_no_gain_is_null_where_the_change_is_not_known(row):
    got = row("4/8", "", "2/8", "1/2!", view="hard", outcome="unknown")
    assert got["no_gain"] == [None, None, None, None]


def test_right_step_on_a_plateau_of_one_has_no_gain(row):
    got = row("8/8", "8/8", outcome="correct", root="4/8", view="hard")
    assert (got["label"], got["no_gain"]) == ([1, 1], [False, True])


def test_equal_shares_of_different_counts_are_no_gain(row):
    assert row("3/10", "6/20", "7/10", "14/20", view="hard")["no_gain"] == [None, True, False, True]


@pytest.mark.parametrize(
    ("counts", "first"),
    [
        (["4/8", "8/8", "8/8"], 1),
        (["8/8", "4/8", "8/8"], 2),
        (["8/8", "", "8/8"], 0),  # what is not known is passed over
        (["", "8/8", "3/3!"], 1),  # a censored count has no value
        (["8/8", "7/8"], None),
        (["4/8", ""], None),
        (["", ""], None),
        ([], None),
    ],
)
def test_saturation(row, counts, first):
    assert row(*counts, outcome="unknown", view="hard")["saturation"] == first


def test_right_solution_saturates_at_its_end_at_the_latest(row):
    assert row("4/8", "", outcome="correct", view="hard")["saturation"] == 1


def test_wrong_solution_never_saturates(row):
    assert row("8/8", "", outcome="incorrect", view="hard")["saturation"] is None
