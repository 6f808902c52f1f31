"""View `scan`. Where a pass rate matters, a second, right solution of the problem gives it."""

from __future__ import annotations


def test_worked_example(case, rows):
    # Screening: 3 draws right, 1 wrong, so SC = 0.75. First zero at t = 4, window 2.
    # t = 0: 2/8 > 0 -> 1. t = 1: not measured, success later -> 1.
    # t = 2: min(0.375 / 0.75, 1) = 0.5. t = 3: min(0.75 / 0.75, 1) = 1. t = 4: 0. t = 5: dropped.
    wrong = case(["2/8", "", "3/8", "6/8", "0/8", "5/8"], "incorrect", id="w")
    right = case(["", ""], "correct", id="r", draws=3)
    got = rows(wrong, right, view="scan")
    assert got[0]["p_correct"] == [1.0, 1.0, 0.5, 1.0, 0.0, None]
    assert got[0]["label"] == [1, 1, 1, 1, 0, None]
    assert got[0]["first_error"] == 4
    assert got[0]["pass_rate"] == 0.75
    assert got[1]["p_correct"] == [1.0, 1.0]
    assert [r["keep_reason"] for r in got] == [None, None]


def test_later_steps_are_zero_under_propagate(row):
    got = row("0/8", "5/8", view="scan", after_error="propagate")
    assert got["label"] == [0, 0]
    assert got["p_correct"] == [0.0, 0.0]


def test_window_step_that_was_not_bought_has_no_probability(row):
    # t = 0 is in the window and unmeasured; step 1 witnesses its label, and says no MC of it.
    got = row("", "4/8", "0/8", view="scan")
    assert got["label"] == [1, 1, 0]
    # SC = 0 (the one screening draw is wrong): any success is more than was expected.
    assert got["p_correct"] == [None, 1.0, 0.0]


def test_window_of_zero_is_the_hard_label(row):
    assert row("1/8", "0/8", view="scan", window=0)["p_correct"] == [1.0, 0.0]


def test_pass_rate_unknown_leaves_the_window_null(case, rows):
    (got,) = rows(case(["1/8", "0/8"], draws=0, origin="imported"), view="scan")
    assert got["p_correct"] == [None, 0.0]


def test_wrong_solution_without_zero_is_not_kept(case, rows):
    got = rows(case(["5/8", "3/8"], id="w"), case([""], "correct", id="r"), view="scan")[0]
    assert got["label"] == [1, 1]
    assert (got["keep"], got["keep_reason"]) == (False, "no_zero_step")


def test_right_solution_ignores_zeros(row):
    assert row("0/8", "0/8", outcome="correct", view="scan")["label"] == [1, 1]


def test_unknown_outcome_has_no_labels(row):
    got = row("3/8", "0/8", outcome="unknown", view="scan")
    assert got["label"] == [None, None]
    assert got["p_correct"] == [None, None]
    assert got["keep_reason"] == "outcome_unknown"
