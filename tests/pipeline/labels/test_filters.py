"""Filters `qwen` and `genprm`: what they keep, and why not."""

from __future__ import annotations

import pytest

from pipeline.recipe import Questions


def reason(row, *counts, filter_, votes, view="hard", **more):
    judge = {"judge": votes} if votes else {}
    every = Questions(keep_all_right=1, keep_all_wrong=1)
    got = row(*counts, view=view, filter=filter_, votes=judge, questions=every, **more)
    assert got["keep"] == (got["keep_reason"] is None)
    return got["keep_reason"]


QWEN = [
    (["4/8", "0/8", ""], ["8-0", "3-5", "8-0"], None),  # the same step
    (["4/8", "0/8", ""], ["3-5", "8-0", "8-0"], "judge_disagrees"),
    (["4/8", "0/8", ""], ["8-0", "8-0", "8-0"], "judge_disagrees"),
    (["4/8", "0/8", ""], ["4-4", "3-5", "8-0"], "judge_unknown"),
    (["4/8", "0/8", ""], [], "judge_unknown"),
    (["4/8", "0/8!", ""], ["8-0", "3-5", "8-0"], "rollouts_undecided"),
    (["", "", ""], [], "rollouts_undecided"),  # both undecided: the first reason
]


@pytest.mark.parametrize(("counts", "votes", "why"), QWEN)
def test_qwen_keeps_the_same_first_error(row, counts, votes, why):
    assert reason(row, *counts, filter_="qwen", votes=votes) == why


def test_qwen_keeps_a_solution_in_which_neither_finds_an_error(row):
    how = {"filter_": "qwen", "outcome": "correct"}
    assert reason(row, "8/8", "", votes=["8-0", "5-3"], **how) is None
    assert reason(row, "8/8", "", votes=["8-0", "3-5"], **how) == "judge_disagrees"


def test_qwen_goes_by_any_rollout_right_whatever_the_view_is(row):
    # Progress calls step 1 wrong (2/8 after 8/8); one right rollout is enough for Qwen's.
    how = {"filter_": "qwen", "root": "8/8", "outcome": "correct", "view": "progress"}
    assert reason(row, "8/8", "2/8", "8/8", votes=["8-0", "8-0", "8-0"], **how) is None


GENPRM = [
    # Progress labels of 8/8 after 8/8: 1; of 2/8 after it: 0.
    (
        ["8/8", "2/8", "0/8"],
        ["8-0", "0-8", "8-0"],
        None,
    ),  # what comes after the error is not compared
    (["8/8", "2/8", "0/8"], ["8-0", "8-0", "8-0"], "judge_disagrees"),
    (["8/8", "8/8", "0/8"], ["0-8", "8-0", "0-8"], "judge_disagrees"),
    (["8/8", "2/8", "0/8"], ["4-4", "0-8", ""], None),  # undecided cannot disagree
    (["8/8", "", "0/8"], ["8-0", "0-8", ""], None),
    (["8/8", "2/8", "0/8"], ["", "0-0?8", ""], "judge_unknown"),
    (["8/8", "2/8", "0/8"], ["", "", "0-8"], "judge_unknown"),  # nothing up to the error
    (["", "", ""], ["8-0", "8-0", "0-8"], None),  # the outcome is the value of the last step
    (["", "", ""], ["0-8", "8-0", "8-0"], "rollouts_undecided"),
]


@pytest.mark.parametrize(("counts", "votes", "why"), GENPRM)
def test_genprm_keeps_where_no_step_disagrees(row, counts, votes, why):
    assert reason(row, *counts, filter_="genprm", votes=votes, root="8/8") == why


def test_genprm_goes_by_the_recipes_progress(row):
    how = {"filter_": "genprm", "root": "8/8", "outcome": "correct", "votes": ["8-0", "8-0"]}
    assert reason(row, "4/8", "", **how) == "judge_disagrees"
    assert reason(row, "4/8", "", threshold=0.5, **how) is None


def test_reasons_of_the_view_come_first(row):
    assert reason(row, "", "", outcome=None, filter_="qwen", votes=[]) == "no_label"
    assert reason(row, filter_="qwen", votes=[]) == "no_step"


def test_balance_looks_at_what_the_filter_kept(case, rows):
    cases = [
        case(["8/8"], "correct", id=f"r{n}", draws=0, votes={"judge": ["1-0"] if n else ["0-1"]})
        for n in range(2)
    ]
    cases.append(case(["0/8"], id="w", draws=0, votes={"judge": ["0-1"]}))
    got = rows(*cases, view="hard", filter="qwen", balance="outcome")
    assert [row["keep_reason"] for row in got] == ["judge_disagrees", None, None]
