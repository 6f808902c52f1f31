"""What stands after the first error, and where the first error is."""

from __future__ import annotations


def test_mask_leaves_nothing_after_the_error(row):
    got = row("1/8", "0/8", "0/8", view="hard", after_error="mask")
    assert got["label"] == [1, 0, None]
    assert got["p_correct"] == [1.0, 0.0, None]


def test_propagate_fills_zeros(row):
    got = row("1/8", "0/8", "", view="hard", after_error="propagate")
    assert got["label"] == [1, 0, 0]
    assert got["p_correct"] == [1.0, 0.0, 0.0]


def test_local_lets_tools_speak_after_the_error(row):
    # After the error at 0: refuted, confirmed, confirmed and refuted by turns, silent.
    tools = {1: (0, 1), 2: (1, 0), 3: (1, 1), 4: (0, 0)}
    got = row("0/8", "8/8", "", "", "8/8", view="hard", after_error="local", tools=tools)
    assert got["label"] == [0, 0, 1, 0, None]
    assert got["p_correct"] == [0.0, 0.0, 1.0, 0.0, None]


def test_local_fills_steps_that_the_view_leaves_open(row):
    # Nothing was rolled out: the tools' labels stand, and the view locates no error.
    got = row("", "", view="hard", after_error="local", tools={0: (1, 0), 1: (0, 1)})
    assert got["label"] == [1, 0]
    assert got["first_error"] is None


def test_tools_do_not_overrule_the_view(row):
    got = row("4/8", view="hard", after_error="local", tools={0: (0, 1)})
    assert got["label"] == [1]


def test_mask_and_propagate_do_not_read_tools(row):
    assert row("", "", view="hard", tools={0: (0, 1)})["label"] == [None, 0]


def test_verdicts_list_what_a_tool_decided_and_why(row):
    got = row("", "", "", view="hard", tools={0: (0, 1), 1: (0, 0), 2: (1, 0)})
    assert got["verdicts"] == [
        [{"annotator": "arithmetic", "verdict": "incorrect", "reason": "one; two"}],
        [],
        [{"annotator": "arithmetic", "verdict": "correct", "reason": None}],
    ]


def test_aggregates_stop_at_the_first_error(row):
    # soft: 0.5, 0.0 (first error), then 0.0 by propagation, which would halve the mean again.
    got = row("4/8", "0/8", "", "", view="soft", after_error="propagate")
    assert (got["p_min"], got["p_mean"], got["p_product"]) == (0.0, 0.25, 0.0)
    assert got["p_last"] == 0.0


def test_last_is_null_where_the_last_step_has_no_probability(row):
    got = row("4/8", "", view="soft", outcome="unknown")
    assert (got["p_mean"], got["p_last"]) == (0.5, None)
