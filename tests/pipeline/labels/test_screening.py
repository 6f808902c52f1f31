"""Pass rate and difficulty, from the samples or, without them, from the root."""

from __future__ import annotations

import pytest

from pipeline.recipe import Questions


def test_difficulty_of_the_samples(case, rows):
    # 3 right of 4: 1 - 3.5 / 5
    got = rows(
        case(["8/8"], "correct", id="a", draws=3), case(["0/8"], id="b", draws=1), view="hard"
    )
    assert [row["difficulty"] for row in got] == pytest.approx([0.3, 0.3])


def test_two_failures_are_less_hard_than_a_hundred(case, rows):
    got = rows(
        case([""], id="a", draws=2), case([""], id="b", problem="p1", draws=100), view="hard"
    )
    assert [row["difficulty"] for row in got] == [1 - 0.5 / 3, 1 - 0.5 / 101]


def test_nothing_known_of_the_samples_is_null(case, rows):
    (got,) = rows(case(["8/8"], "unknown", "6/8", draws=4), view="hard")
    assert (got["pass_rate"], got["difficulty"]) == (None, None)


def test_imported_solution_takes_the_counts_of_the_problem_alone(case, rows):
    # 3 right of 4 known, 4 unknown: 0.75, and 1 - 3.5 / 5.
    (got,) = rows(case([""], root="3/4?4", draws=0, origin="imported"), view="hard")
    assert (got["pass_rate"], got["difficulty"]) == (0.75, pytest.approx(0.3))


def test_censored_root_gives_no_pass_rate(case, rows):
    (got,) = rows(case([""], root="1/4!", draws=0, origin="imported"), view="hard")
    assert (got["pass_rate"], got["difficulty"]) == (None, None)


def test_samples_come_before_the_root(case, rows):
    got = rows(
        case([""], "correct", root="1/8", id="s"),
        case([""], root="1/8", id="i", draws=0, origin="imported"),
        view="hard",
    )
    assert [row["pass_rate"] for row in got] == [1.0, 1.0]


def test_scan_works_for_an_imported_solution(case, rows):
    # SC = 6/8: min(0.375 / 0.75, 1) = 0.5 in the window.
    (got,) = rows(case(["3/8", "0/8"], root="6/8", draws=0, origin="imported"), view="scan")
    assert got["p_correct"] == [0.5, 0.0]


def test_problem_without_samples_is_never_filtered(case, rows):
    (got,) = rows(
        case(["3/8"], root="1/8", draws=0, origin="imported"),
        view="hard",
        questions=Questions(min_pass_rate=0.5),
    )
    assert got["keep"]
