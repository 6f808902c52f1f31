"""View `soft`."""

from __future__ import annotations


def test_worked_example(row):
    # MC = 6/8, not measured, 2/8, 0; the hard label beside it.
    got = row("6/8", "", "2/8", "0/8", view="soft")
    assert got["p_correct"] == [0.75, None, 0.25, 0.0]
    assert got["label"] == [1, 1, 1, 0]
    assert (got["p_min"], got["p_product"], got["p_last"]) == (0.0, 0.0, 0.0)
    assert got["p_mean"] == (0.75 + 0.25 + 0.0) / 3


def test_censored_step_has_a_label_and_no_probability(row):
    got = row("1/2!", view="soft")
    assert got["label"] == [1]
    assert got["p_correct"] == [None]


def test_few_known_failures_state_no_probability(row):
    # 1 known failure and 7 unknown: neither a zero nor p_correct = 0.
    assert row("0/1?7", view="soft")["p_correct"] == [None]
