"""The prefix that is the whole solution: its outcome is its value, without a rollout."""

from __future__ import annotations


def test_wrong_outcome_is_a_zero_at_the_last_step(row):
    got = row("8/8", "", view="hard")
    assert got["label"] == [1, 0]
    assert got["first_error"] == 1
    assert (got["value"][1], got["value_low"][1], got["value_high"][1]) == (0.0, 0.0, 0.0)
    assert got["n_rollouts"] == [8, 0]


def test_right_outcome_is_a_value_of_one_at_the_last_step(row):
    got = row("6/8", "", outcome="correct", view="soft")
    assert got["value"] == [0.75, 1.0]
    assert got["p_correct"] == [0.75, 1.0]


def test_unknown_outcome_says_nothing_of_the_last_step(row):
    assert row("8/8", "", outcome="unknown", view="hard")["label"] == [1, None]


def test_measured_last_step_is_believed(row):
    assert row("8/8", "2/8", view="hard")["label"] == [1, 1]
