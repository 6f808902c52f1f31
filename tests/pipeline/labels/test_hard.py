"""View `hard` (k = 8: a zero needs 4 known outcomes)."""

from __future__ import annotations


def test_worked_example(row):
    # 3 of 8 -> 1; not measured, but step 2 succeeded from a longer prefix -> 1; 1 of 8 -> 1;
    # 0 of 8 -> 0.
    got = row("3/8", "", "1/8", "0/8", view="hard")
    assert got["label"] == [1, 1, 1, 0]
    assert got["p_correct"] == [1.0, 1.0, 1.0, 0.0]
    assert got["first_error"] == 3


def test_measured_zero_stays_zero_before_a_success(row):
    assert row("0/8", "2/8", view="hard", after_error="propagate")["label"] == [0, 0]
    assert row("0/8", "2/8", view="hard")["first_error"] == 0


def test_right_solution_is_a_success_from_each_of_its_prefixes(row):
    got = row("", "", outcome="correct", view="hard")
    assert got["label"] == [1, 1]
    assert got["first_error"] == -1
    assert got["weight"] == [1.0, 1.0]


def test_unwitnessed_step_before_the_zero_stays_null(row):
    got = row("", "0/8", view="hard")
    assert got["label"] == [None, 0]
    assert got["first_error"] is None
    assert got["weight"][0] == 0.0


def test_mostly_unknown_draws_are_no_zero(row):
    # 3 known wrong of k = 8: fewer than 4.
    assert row("0/3?5", view="hard")["label"] == [None]
    assert row("0/4?4", view="hard")["label"] == [0]


def test_unknown_outcomes_alone_give_no_label(row):
    got = row("0/0?8", "0/0?8", outcome="unknown", view="hard")
    assert got["label"] == [None, None]
    assert got["keep_reason"] == "no_label"


def test_weight_is_one_less_the_width_of_the_interval(row):
    got = row("8/8", view="hard")
    width = got["value_high"][0] - got["value_low"][0]
    assert got["weight"] == [1 - width]
