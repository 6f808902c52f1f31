"""The benchmark's statistics, by hand and against plain loops."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bench.quality_metrics import (
    best_of_n,
    calibration_error,
    capacity,
    coverage,
    entropy,
    interval_score,
    majority_vote,
    paired_bootstrap,
    paired_shares,
    processbench,
    risk_coverage,
)


def ints(*values):
    return np.array(values, dtype=np.int64)


def floats(*values):
    return np.array(values, dtype=np.float64)


def bools(*values):
    return np.array(values, dtype=np.bool_)


TRUE = ints(2, 0, 1, -1, -1)


def test_processbench_by_hand():
    got = processbench(ints(2, 1, -1, -1, 0), TRUE)
    assert (got.erroneous, got.clean) == (pytest.approx(1 / 3), 0.5)
    assert got.f1 == pytest.approx(0.4)
    assert got.accuracy == 0.4


def test_undecided_is_wrong_on_either_side():
    got = processbench(ints(-2, -2, -2, -2, -2), TRUE)
    assert (got.erroneous, got.clean, got.f1, got.accuracy) == (0.0, 0.0, 0.0, 0.0)


def test_one_class_has_no_f1():
    got = processbench(ints(-1, 0), ints(-1, -1))
    assert (got.erroneous, got.clean, got.f1, got.accuracy) == (None, 0.5, None, 0.5)


def test_truth_that_is_not_decided_is_refused():
    with pytest.raises(ValueError, match="not decided"):
        processbench(ints(-1), ints(-2))


def cells(size=200, seed=1):
    """Problems of two solutions that are alike; a finds 8 of 10, b 5 of 10."""
    random = np.random.default_rng(seed)
    true = np.repeat(np.where(random.random(size) < 0.5, -1, 1), 2)
    a, b = (
        np.where(np.repeat(random.random(size), 2) < right, true, 5 * (true == -1))
        for right in (0.8, 0.5)
    )
    return a, b, true, np.repeat(np.arange(size), 2)


def test_bootstrap_of_a_method_and_itself_is_zero():
    a, _, true, problems = cells()
    got = paired_bootstrap(a, a, true, problems, resamples=50)
    assert (got.value, got.low, got.high) == (0.0, 0.0, 0.0)


def test_bootstrap_holds_the_difference_and_repeats():
    a, b, true, problems = cells()
    got = paired_bootstrap(a, b, true, problems, resamples=500, seed=3)
    f1_a, f1_b = processbench(a, true).f1, processbench(b, true).f1
    assert got.value == f1_a - f1_b
    assert 0 < got.low < got.value < got.high < 1
    assert got == paired_bootstrap(a, b, true, problems, resamples=500, seed=3)
    back = paired_bootstrap(b, a, true, problems, resamples=500, seed=3)
    assert (back.low, back.high) == pytest.approx((-got.high, -got.low))


def test_bootstrap_draws_whole_problems():
    """Every solution doubled within its problem says nothing new."""
    a, b, true, problems = cells()
    once = paired_bootstrap(a[::2], b[::2], true[::2], problems[::2], resamples=300)
    assert paired_bootstrap(a, b, true, problems, resamples=300) == once
    names = np.array([f"p{number:03}" for number in problems])
    assert paired_bootstrap(a, b, true, names, resamples=300) == once


def test_bootstrap_is_as_wide_as_a_plain_one():
    a, b, true, problems = cells(60)
    random = np.random.default_rng(9)
    plain = []
    for _ in range(2000):
        rows = (2 * random.integers(0, 60, 60)[:, None] + [0, 1]).ravel()
        left, right = (processbench(x[rows], true[rows]).f1 for x in (a, b))
        plain.append(left - right)
    got = paired_bootstrap(a, b, true, problems, resamples=4000)
    assert (got.low, got.high) == pytest.approx(np.quantile(plain, [0.05, 0.95]), abs=0.015)


def test_bootstrap_of_one_class_is_undefined():
    got = paired_bootstrap(ints(-1, 0), ints(-1, -1), ints(-1, -1), ints(0, 1))
    assert (got.value, got.low, got.high) == (None, None, None)


def test_bootstrap_measures_each_of_the_two_on_solutions_of_its_own():
    """a is right wherever it is kept, b on half of all."""
    true = np.tile(ints(-1, 1), 50)
    a = np.where(np.arange(100) < 40, true, 5)
    b = np.where(np.arange(100) % 4 < 2, true, 5)
    kept = np.arange(100) < 40
    every = np.ones(100, dtype=bool)
    got = paired_bootstrap(a, b, true, np.arange(100), resamples=400, within=(kept, every))
    assert got.value == 0.5
    assert 0.3 < got.low < 0.5 < got.high < 0.7


def test_difference_of_two_shares_has_its_interval():
    problems = np.repeat(np.arange(50), 2)
    members = np.ones(100, dtype=bool)
    right, other = np.arange(100) < 80, np.arange(100) < 60
    got = paired_shares((right, members), (other, members), problems, resamples=2000)
    assert got.value == pytest.approx(0.2)
    # Of 50 problems 10 differ: a binomial of 50 at 0.2.
    assert (got.low, got.high) == pytest.approx((0.11, 0.30), abs=0.02)


def test_a_share_of_nothing_is_undefined():
    none, every = np.zeros(4, dtype=bool), np.ones(4, dtype=bool)
    assert paired_shares((every, none), (every, every), np.arange(4)).value is None


def test_calibration_error_is_the_products():
    assert calibration_error(floats(0.9, 0.9), bools(1, 0)) == pytest.approx(0.4)


def test_coverage_counts_closed_intervals_with_two_ends():
    low, high = floats(0.0, 0.2, 0.5, np.nan), floats(0.5, 0.4, 0.6, 1.0)
    assert coverage(low, high, floats(0.5, 0.5, 0.5, 0.5)) == pytest.approx(2 / 3)
    assert coverage(low[3:], high[3:], floats(0.5)) is None


def test_interval_score_by_hand():
    # Inside: width. Below by 0.1 and above by 0.2, at 2 / 0.1 = 20 for each unit.
    low, high = floats(0.2, 0.2, 0.2), floats(0.6, 0.6, 0.6)
    score = interval_score(low, high, floats(0.3, 0.1, 0.8), alpha=0.1)
    assert score == pytest.approx((0.4 + 0.4 + 2 + 0.4 + 4) / 3)
    with pytest.raises(ValueError, match="alpha"):
        interval_score(low, high, low, alpha=1.0)


def test_risk_falls_where_certainty_tells_right_from_wrong():
    # Predicted errors: right, right, wrong, wrong (clean); predicted clean: right, right, right,
    # wrong (erroneous); the right ones are the more certain.
    predicted = ints(0, 1, 2, 3, -1, -1, -1, -1)
    true = ints(0, 1, -1, -1, -1, -1, -1, 4)
    certainty = floats(0.9, 0.8, 0.7, 0.6, 0.9, 0.8, 0.7, 0.1)
    got = risk_coverage(certainty, predicted, true, shares=floats(0.25, 0.5, 0.75, 1.0))
    assert got.f1[:2] == pytest.approx([1.0, 1.0])
    assert got.f1[2] == pytest.approx(2 * (3 / 4) / (1 + 3 / 4))  # 2 of 2 and 3 of 4
    assert got.f1[3] == processbench(predicted, true).f1
    assert got.area == pytest.approx(np.trapezoid(1 - got.f1, got.coverage) / 0.75)


@settings(max_examples=30, deadline=None)
@given(
    rows=st.lists(st.tuples(st.integers(0, 3), st.integers(-2, 2), st.integers(-1, 2)), min_size=1),
    seed=st.integers(0, 9),
)
def test_risk_does_not_depend_on_the_order_of_rows(rows, seed):
    certainty, predicted, true = np.array(rows).T
    order = np.random.default_rng(seed).permutation(len(rows))
    got = risk_coverage(certainty.astype(float), predicted, true)
    other = risk_coverage(certainty[order].astype(float), predicted[order], true[order])
    np.testing.assert_allclose(got.f1, other.f1)
    full = processbench(predicted, true).f1
    assert np.isnan(got.f1[-1]) if full is None else got.f1[-1] == pytest.approx(full)


def test_equal_certainties_give_one_risk_at_every_coverage():
    predicted, true = ints(0, 1, -1, -1, -2), ints(0, -1, -1, 2, 0)
    got = risk_coverage(np.ones(5), predicted, true)
    assert got.f1 == pytest.approx(np.full(20, processbench(predicted, true).f1))
    assert got.area == pytest.approx(1 - got.f1[0])


def test_undecided_solutions_count_at_every_coverage():
    # Right and certain wherever decided; the undecided one takes its share all the same.
    predicted, true = ints(0, -1, -2), ints(0, -1, 1)
    got = risk_coverage(floats(1, 1, np.nan), predicted, true)
    assert got.f1 == pytest.approx(np.full(20, processbench(predicted, true).f1))


def test_risk_without_a_class_is_undefined():
    got = risk_coverage(floats(1.0), ints(-1), ints(-1))
    assert np.isnan(got.f1).all()
    assert got.area is None


def test_best_of_all_breaks_ties_in_expectation():
    problems = ints(7, 7, 7, 8, 8)
    right = bools(1, 0, 0, 0, 1)
    got = best_of_n(floats(0.9, 0.9, 0.1, 0.2, 0.3), right, problems, [100])
    assert got == pytest.approx([(0.5 + 1) / 2])


def test_candidate_without_a_score_comes_last():
    got = best_of_n(floats(np.nan, 0.1), bools(1, 0), ints(0, 0), [1, 2])
    assert got == pytest.approx([0.5, 0.0])


def plain_best(scores, right, n):
    """The mean over all subsets, ties shared."""
    found = []
    for subset in combinations(range(len(scores)), min(n, len(scores))):
        top = max(scores[i] for i in subset)
        found.append(np.mean([right[i] for i in subset if scores[i] == top]))
    return np.mean(found)


@settings(max_examples=40, deadline=None)
@given(
    problems=st.lists(
        st.lists(st.tuples(st.integers(0, 3), st.booleans()), min_size=1, max_size=6),
        min_size=1,
        max_size=4,
    ),
    n=st.integers(1, 7),
)
def test_best_of_n_is_the_mean_over_all_subsets(problems, n):
    scores, right = np.array([one for problem in problems for one in problem]).T
    ids = np.repeat(np.arange(len(problems)), [len(problem) for problem in problems])
    expected = np.mean([plain_best(*zip(*problem, strict=True), n) for problem in problems])
    order = np.random.default_rng(0).permutation(len(ids))
    got = best_of_n(scores[order].astype(float), right[order].astype(bool), ids[order], [n])
    assert got == pytest.approx([expected])


def test_majority_counts_a_tie_by_its_right_share():
    answers = ["4", "4", "5", "1", "2", "", "", "3"]
    right = bools(1, 1, 0, 1, 0, 0, 0, 0)
    problems = ints(0, 0, 0, 1, 1, 1, 1, 2)
    assert majority_vote(answers, right, problems) == pytest.approx((1 + 0.5 + 0) / 3)


def test_problem_without_an_answer_is_wrong():
    assert majority_vote(["", "9"], bools(0, 1), np.array(["a", "b"])) == 0.5
    assert majority_vote([], bools(), ints()) is None


def test_entropy_of_ragged_distributions():
    p = floats(1.0, 0.25, 0.25, 0.25, 0.25, 0.5, 0.5, 0.0)
    assert entropy(p, ints(0, 1, 5, 8)) == pytest.approx([0.0, 2.0, 1.0])


def test_distribution_that_does_not_add_up_is_refused():
    with pytest.raises(ValueError, match="add up to 1"):
        entropy(floats(0.5, 0.4), ints(0, 2))
    with pytest.raises(ValueError, match="add up to 1"):
        entropy(floats(1.0), ints(0, 1, 1))


def test_capacity_of_known_channels():
    symmetric = 1 - (-0.1 * np.log2(0.1) - 0.9 * np.log2(0.9))
    z = np.log2(1.25)  # one input always succeeds, the other half of the time
    got = capacity(floats(1, 0, 0.9, 1, 0.5, 0.0), floats(0, 1, 0.1, 0.5, 0.5, 0.0))
    assert got == pytest.approx([1, 1, symmetric, z, 0, 0])


@settings(max_examples=40, deadline=None)
@given(a=st.floats(0, 1), b=st.floats(0, 1))
@example(a=1.0, b=0.9999999999999999)
@example(a=0.0, b=5e-324)
def test_capacity_is_the_best_mutual_information(a, b):
    x = np.linspace(0, 1, 2001)  # chance of a good prefix
    y = x * a + (1 - x) * b

    def h(p):
        with np.errstate(divide="ignore", invalid="ignore"):
            return -np.nan_to_num(p * np.log2(p)) - np.nan_to_num((1 - p) * np.log2(1 - p))

    information = h(y) - x * h(np.float64(a)) - (1 - x) * h(np.float64(b))
    assert capacity(floats(a), floats(b))[0] == pytest.approx(information.max(), abs=1e-6)


def test_capacity_of_nearly_equal_chances_is_nearly_nothing():
    a = np.linspace(0.001, 0.999, 500)
    got = capacity(a, a + 1e-12)
    assert ((got >= 0) & (got < 1e-12)).all()
