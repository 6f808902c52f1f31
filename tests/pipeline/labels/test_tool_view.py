"""View `tools`: only what tools say of a step."""

from __future__ import annotations


def test_refuted_step_is_zero_and_the_rest_is_null(row):
    got = row("8/8", "8/8", "0/8", view="tools", after_error="local", tools={1: (0, 1)})
    assert got["label"] == [None, 0, None]
    assert got["p_correct"] == [None, 0.0, None]


def test_first_error_is_undecided_while_earlier_steps_are(row):
    got = row("", "", view="tools", after_error="local", tools={1: (0, 1)})
    assert got["first_error"] is None


def test_after_error_is_always_local(row):
    got = row("", "", view="tools", after_error="mask", tools={0: (0, 1), 1: (0, 1)})
    assert (got["label"], got["after_error"]) == ([0, 0], "local")
