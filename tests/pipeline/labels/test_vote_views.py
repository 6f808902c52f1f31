"""Views `spark`, `aurora` and `capo`."""

from __future__ import annotations

import pytest

VOTES = {"judge": ["8-0", "5-3", "4-4", "", "0-0?8", "3-5", "0-8"]}
STEPS = [""] * 7
WHOLE = {"after_error": "propagate", "votes": VOTES}


def test_spark_is_the_majority_at_each_step(row):
    got = row(*STEPS, view="spark", **WHOLE)
    assert got["label"] == [1, 1, None, None, None, 0, 0]
    assert got["p_correct"] == [1.0, 1.0, None, None, None, 0.0, 0.0]


def test_aurora_is_the_mean_of_the_votes(row):
    got = row(*STEPS, view="aurora", after_error="mask", votes=VOTES)
    assert got["p_correct"] == [1.0, 0.625, 0.5, None, None, 0.375, None]
    assert got["label"] == [1, 1, None, None, None, 0, None]


def test_unknown_votes_are_on_neither_side(row):
    got = row("", view="aurora", votes={"judge": ["2-1?9"]})
    assert got["p_correct"] == [pytest.approx(2 / 3)]
    assert got["label"] == [1]


@pytest.mark.parametrize(
    ("rule", "label"),
    [
        ("intersection", [1, 1, 1, None, None, 1, 0]),
        ("majority", [1, 1, 1, None, None, 0, 0]),  # half is not more than half
        ("union", [1, 0, 0, None, None, 0, 0]),
    ],
)
def test_capo_asks_the_wrong_step_sets(row, rule, label):
    got = row(*STEPS, view="capo", capo=rule, **WHOLE)
    assert got["label"] == label[: label.index(0) + 1] + [0] * (6 - label.index(0))
    assert got["p_correct"] == [None if one is None else float(one) for one in got["label"]]


def test_capo_goes_by_the_majority_where_nothing_is_said(row):
    assert row("", view="capo", votes={"judge": ["1-2"]})["label"] == [0]
    assert row("", view="capo", votes={"judge": ["2-1"]})["label"] == [1]


def test_first_error_critiques_and_verdicts_a_step_are_votes_alike(row):
    got = row(
        "", "", view="spark", votes={"judge": ["1-0", "1-0"]}, critiques={"judge": ["", "0-2"]}
    )
    assert (got["label"], got["first_error"]) == ([1, 0], 1)


def test_first_error_is_undecided_behind_an_undecided_step(row):
    got = row("", "", view="spark", votes={"judge": ["1-1", "0-2"]})
    assert (got["label"], got["first_error"]) == ([None, 0], None)


def test_rollouts_and_outcomes_are_not_read(row):
    got = row("8/8", "8/8", outcome="correct", view="aurora", votes={"judge": ["3-1", ""]})
    assert got["label"] == [1, None]


def test_nothing_said_is_nothing_labelled(row):
    got = row("", view="spark", outcome=None)
    assert (got["label"], got["keep_reason"]) == ([None], "no_label")
