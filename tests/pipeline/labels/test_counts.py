"""Counts, values and intervals."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.labels.counts import Counts, jeffreys, read_counts
from pipeline.labels.layout import Layout


def counts(correct: list[int], incorrect: list[int]) -> Counts:
    c, i = np.array(correct, dtype=np.int64), np.array(incorrect, dtype=np.int64)
    return Counts(c, i, np.zeros_like(c), np.zeros(len(c), dtype=np.bool_))


def test_value_is_share_of_known_outcomes(row):
    # 3 right, 1 wrong, 4 unknown: 3 / 4, not 3 / 8.
    assert row("3/4?4", view="hard")["value"] == [0.75]


def test_value_is_null_where_nothing_is_known(row):
    got = row("", "0/0?8", view="hard", outcome="unknown")
    assert got["value"] == [None, None]
    assert got["value_low"] == [None, None]
    assert got["n_unknown"] == [0, 8]


def test_censored_count_has_no_value_but_an_interval(row):
    got = row("1/2!", view="hard")
    assert got["value"] == [None]
    assert got["censored"] == [True]

    # Beta(3/2, 3/2) is a half circle over [0, 1]: its distribution function is elementary.
    def below(x: float) -> float:
        u = 2 * x - 1
        return 0.5 + (u * math.sqrt(1 - u * u) + math.asin(u)) / math.pi

    assert below(got["value_low"][0]) == pytest.approx(0.05)
    assert below(got["value_high"][0]) == pytest.approx(0.95)


def test_sources_on_one_step_add(case, rows):
    class Twice(case):
        def evidence(self):
            first = super().evidence()
            return first + [row | {"source": "other", "censored": True} for row in first]

    (got,) = rows(Twice(["2/8"]), view="hard")
    assert (got["n_success"], got["n_rollouts"], got["censored"]) == ([4], [16], [True])


def test_evidence_on_other_solutions_and_missing_steps_is_left_out():
    evidence = pl.DataFrame(
        {
            "solution_id": ["s", "s", "s", "x"],
            "step": [0, 1, None, 0],
            "target": ["prefix_value"] * 4,
            "correct": [1, 2, 4, 8],
            "incorrect": [0] * 4,
            "unknown": [0] * 4,
            "censored": [False] * 4,
        }
    )
    steps, root = read_counts(evidence, pl.Series(["s"]), Layout(np.array([0, 1])))
    assert steps.correct.tolist() == [1]
    assert root.correct.tolist() == [0]


def test_advantage_starts_from_the_root(row):
    # root 4/8 = 0.5; values 0.75, null, 0.25
    got = row("6/8", "", "2/8", root="4/8", view="hard")
    assert got["value_root"] == 0.5
    assert got["advantage"] == [0.25, None, None]


def test_interval_ends_at_zero_and_one():
    low, high = jeffreys(counts([0, 5], [5, 0]), 0.9)
    assert low[0] == 0.0
    assert high[1] == 1.0


def test_interval_of_nothing_is_null():
    low, high = jeffreys(counts([0], [0]), 0.9)
    assert np.isnan(low).all()
    assert np.isnan(high).all()


@settings(max_examples=40)
@given(st.integers(0, 60), st.integers(0, 60), st.floats(0.05, 0.99))
def test_interval_holds_the_share_and_mirrors(c, i, mass):
    if c + i == 0:
        return
    low, high = jeffreys(counts([c, i], [i, c]), mass)
    share = c / (c + i)
    assert 0 <= low[0] <= high[0] <= 1
    if mass >= 0.5:
        assert low[0] - 1e-9 <= share <= high[0] + 1e-9
    np.testing.assert_allclose(low[0], 1 - high[1], atol=1e-9)
