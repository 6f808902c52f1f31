"""The numbers behind an evaluation, each a function of flat arrays.

Guarantees: None where a figure is undefined (no such class, nothing to divide by), never 0 or
NaN; ties are counted right: AUROC uses mid-ranks (Fawcett 2006, section 7), and equal
probabilities always share a calibration bin. Does not draw samples: no confidence intervals.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def harmonic(a: float | None, b: float | None) -> float | None:
    """F1 of two rates: 0 where both are 0, None where either is undefined."""
    if a is None or b is None:
        return None
    return 2 * a * b / (a + b) if a + b else 0.0


def auroc(score: Floats, positive: Bools) -> float | None:
    """Chance that a positive scores above a negative, ties counted half."""
    num_positive = int(positive.sum())
    num_negative = len(positive) - num_positive
    if not num_positive or not num_negative:
        return None
    ranks = float(mid_ranks(score)[positive].sum())
    return (ranks - num_positive * (num_positive + 1) / 2) / (num_positive * num_negative)


def brier(p: Floats, true: Bools) -> float | None:
    """Mean squared distance of a probability to what came true (Brier 1950)."""
    return float(np.mean((p - true) ** 2)) if len(p) else None


def calibration_error(p: Floats, true: Bools, bins: int = 10) -> float | None:
    """Expected calibration error over bins of equal mass (Nguyen and O'Connor 2015).

    A value's bin follows from its mid-rank, so ties are not torn apart by the order of rows.
    """
    if not len(p):
        return None
    number = np.minimum(((mid_ranks(p) - 0.5) * bins / len(p)).astype(np.int64), bins - 1)
    gap = np.bincount(number, weights=p - true, minlength=bins)
    return float(np.abs(gap).sum() / len(p))


def mid_ranks(values: Floats) -> Floats:
    """From 1; equal values have the mean of their ranks. (scipy.stats has it, and takes a third
    of a second to import.)"""
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(count) - (count - 1) / 2)[place]
