"""The outcome of each solution as a label."""

from __future__ import annotations

import numpy as np
import polars as pl

from pipeline.labels.layout import NULL, Labels8
from pipeline.verdict import Verdict


def outcomes(solutions: pl.DataFrame) -> Labels8:
    """1 correct, 0 incorrect, NULL unknown or not there."""
    outcome = solutions["outcome"]
    right = (outcome == Verdict.CORRECT.value).fill_null(False).to_numpy()
    wrong = (outcome == Verdict.INCORRECT.value).fill_null(False).to_numpy()
    return np.where(right, np.int8(1), np.where(wrong, np.int8(0), NULL))
