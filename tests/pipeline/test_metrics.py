"""Metrics by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.metrics import auroc, brier, calibration_error, harmonic, share


def array(*values):
    return np.array(values, dtype=np.float64)


def truth(*values):
    return np.array(values, dtype=np.bool_)


def test_share_of_nothing_is_undefined():
    assert share(0, 0) is None
    assert share(1, 4) == 0.25


def test_harmonic_of_two_zeros_is_zero_and_of_an_undefined_rate_undefined():
    assert harmonic(0.0, 0.0) == 0.0
    assert harmonic(None, 1.0) is None
    assert harmonic(0.5, 1.0) == pytest.approx(2 / 3)


def test_auroc_counts_ties_half():
    # Pairs (positive, negative): .9>.5 1, .9>.1 1, .5=.5 1/2, .5>.1 1: 3.5 of 4.
    assert auroc(array(0.9, 0.5, 0.5, 0.1), truth(1, 1, 0, 0)) == 0.875


def test_auroc_of_one_class_is_undefined():
    assert auroc(array(0.9, 0.5), truth(1, 1)) is None
    assert auroc(array(), truth()) is None


def test_brier():
    # (0.2)^2 and (0.5)^2 over 2
    assert brier(array(0.8, 0.5), truth(1, 0)) == pytest.approx(0.145)
    assert brier(array(), truth()) is None


def test_calibration_error_in_two_bins():
    # Low bin: 0.1, 0.3 with truths 0, 1: |0.2 - 0.5| = 0.3. High bin: 0.7, 0.9 with 1, 1: 0.2.
    got = calibration_error(array(0.9, 0.1, 0.7, 0.3), truth(1, 0, 1, 1), bins=2)
    assert got == pytest.approx((0.3 + 0.2) / 2)


def test_equal_probabilities_share_a_bin():
    # 0.5 everywhere and half of them true: perfectly calibrated, in whatever order they come.
    half = truth(*[1] * 10, *[0] * 10)
    assert calibration_error(array(*[0.5] * 20), half) == 0.0


def test_calibration_error_of_nothing_is_undefined():
    assert calibration_error(array(), truth()) is None


@settings(max_examples=50)
@given(st.lists(st.tuples(st.sampled_from([0.0, 0.25, 0.5, 1.0]), st.booleans()), max_size=30))
def test_auroc_is_the_share_of_ordered_pairs(pairs):
    positives = [p for p, y in pairs if y]
    negatives = [p for p, y in pairs if not y]
    got = auroc(array(*[p for p, _ in pairs]), truth(*[y for _, y in pairs]))
    if not positives or not negatives:
        assert got is None
        return
    wins = sum((a > b) + (a == b) / 2 for a in positives for b in negatives)
    assert got == pytest.approx(wins / (len(positives) * len(negatives)))


@settings(max_examples=50)
@given(st.lists(st.tuples(st.sampled_from([0.0, 0.3, 1.0]), st.booleans()), min_size=1))
def test_calibration_error_does_not_depend_on_order(pairs):
    def error(rows):
        return calibration_error(array(*[p for p, _ in rows]), truth(*[y for _, y in rows]))

    assert error(pairs) == pytest.approx(error(pairs[::-1]))
    assert error(pairs) <= 1 + 1e-12
