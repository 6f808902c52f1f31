"""`keep` and its reasons."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from pipeline.labels.counts import Counts
from pipeline.labels.screening import screen
from pipeline.recipe import Questions


def reasons(rows):
    return [row["keep_reason"] for row in rows]


@pytest.fixture
def pair(case):
    """A right and a wrong solution of one problem, both labelled."""
    return [case(["8/8"], "correct", id="r"), case(["4/8", "0/8"], "incorrect", id="w")]


def test_question_with_both_outcomes_is_kept(pair, rows):
    assert reasons(rows(*pair, view="hard")) == [None, None]


def test_question_that_is_always_or_never_solved_is_not_kept(case, rows):
    got = rows(
        case(["1/8"], "correct", id="a", problem="p0", draws=4),
        case(["1/8"], "incorrect", id="b", problem="p1", draws=4),
        view="hard",
    )
    assert reasons(got) == ["all_right", "all_wrong"]


def test_unknown_draw_spares_a_question(case, rows):
    got = rows(case(["8/8"], "correct", id="a"), case(["8/8"], "unknown", id="b"), view="hard")
    assert reasons(got) == [None, None]


def test_low_pass_rate(pair, rows):
    got = rows(*pair, view="hard", questions=Questions(min_pass_rate=0.75))
    assert reasons(got) == ["low_pass_rate", "low_pass_rate"]


def test_reason_given_by_the_search_stands():
    problems = pl.DataFrame({"problem_id": ["p", "q"], "question_reason": ["all_right", None]})
    solutions = pl.DataFrame(
        {
            "problem_id": ["q", "p"],
            "text": ["a", "b"],
            "outcome": ["correct", "correct"],
            "draws": [[0], [0]],
        }
    )
    none = np.zeros(2, dtype=np.int64)
    root = Counts(none, none, none, none > 0)
    got = screen(problems, solutions, Questions(), root)
    assert got["question_reason"].to_list() == [None, "all_right"]


def test_merged_draws_count_in_pass_rate_and_diversity(case, rows):
    # 3 draws gave one right text, 1 draw a wrong one: 3/4 right, 2 texts over 4 draws.
    got = rows(
        case(["8/8"], "correct", id="a", draws=3), case(["0/8"], id="b", draws=1), view="hard"
    )
    assert [row["pass_rate"] for row in got] == [0.75, 0.75]
    assert [row["path_diversity"] for row in got] == [0.5, 0.5]
    assert [row["n_merged"] for row in got] == [3, 1]


def test_imported_solution_has_no_pass_rate_and_is_kept(case, rows):
    (got,) = rows(case(["1/8"], "correct", draws=0, origin="imported"), view="hard")
    assert (got["pass_rate"], got["path_diversity"], got["n_merged"]) == (None, None, 0)
    assert got["keep"]


def test_solution_without_a_step_is_not_kept(case, rows, pair):
    assert reasons(rows(*pair, case([], id="e"), view="hard"))[2] == "no_step"


def test_balance_by_outcome_drops_the_surplus(case, rows):
    cases = [case(["8/8"], "correct", id=f"r{n}") for n in range(5)]
    cases += [case(["0/8"], id=f"w{n}") for n in range(2)]
    got = rows(*cases, view="hard", balance="outcome")
    kept = [row["outcome"] for row in got if row["keep"]]
    assert sorted(kept) == ["correct", "correct", "incorrect", "incorrect"]
    assert reasons(got).count("balance") == 3


def test_balance_does_not_depend_on_the_order_of_rows(case, rows):
    cases = [case(["8/8"], "correct", id=f"r{n}") for n in range(9)] + [case(["0/8"], id="w")]
    kept = [
        {row["solution_id"] for row in rows(*order, view="hard", balance="outcome") if row["keep"]}
        for order in (cases, cases[::-1])
    ]
    assert kept[0] == kept[1]
    assert len(kept[0]) == 2


def test_balance_by_first_error_equalises_thirds(case, rows):
    # T = 3: first errors at 0 (three times), 1 (once), 2 (twice): one of each stays.
    at = [0, 0, 0, 1, 2, 2]
    cases = [case(["8/8"] * e + ["0/8"] * (3 - e), id=f"w{n}") for n, e in enumerate(at)]
    cases.append(case(["8/8"], "correct", id="r"))
    got = rows(*cases, view="hard", balance="first_error")
    kept = [row["first_error"] for row in got if row["keep"]]
    assert sorted(kept) == [-1, 0, 1, 2]


def test_balance_by_first_error_leaves_absent_thirds_alone(case, rows):
    cases = [case(["0/8", ""], id=f"w{n}") for n in range(2)]
    cases.append(case(["8/8", ""], "correct", id="r"))
    assert reasons(rows(*cases, view="hard", balance="first_error")) == [None] * 3
