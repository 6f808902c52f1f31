"""Whether p_correct means what it says: bins of it, and how often the prefix was right in each.

Guarantees: bins have equal mass as far as ties allow (a value's bin follows from its mid-rank, as
in pipeline/metrics.py), empty ones are left out; the interval is Jeffreys' (90 %). Steps of one
solution are taken as independent, which they are not: the intervals are somewhat too narrow.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.special import betaincinv

from pipeline.labels.layout import Bools, Floats
from pipeline.metrics import mid_ranks
from pipeline.report.steps import Steps
from pipeline.step_truth import align


@dataclass(frozen=True, slots=True)
class Bin:
    """Steps with about the same p_correct."""

    steps: int
    p: float  # their mean
    right: float  # share whose prefix is right
    low: float
    high: float


def reliability(steps: Steps, truth: pl.DataFrame, bins: int = 10) -> list[Bin]:
    """Over steps with a p_correct and a known prefix, in all solutions given."""
    known = align(steps.rows["solution_id"], steps.layout, truth).prefix
    used = (known >= 0) & ~np.isnan(steps.p)
    return _bins(steps.p[used], known[used] == 1, bins)


def _bins(p: Floats, right: Bools, bins: int) -> list[Bin]:
    if not len(p):
        return []
    number = np.minimum(((mid_ranks(p) - 0.5) * bins / len(p)).astype(np.int64), bins - 1)
    found = []
    for one in np.unique(number):
        inside = number == one
        count, hits = int(inside.sum()), int(right[inside].sum())
        low, high = (float(betaincinv(hits + 0.5, count - hits + 0.5, q)) for q in (0.05, 0.95))
        found.append(Bin(count, float(p[inside].mean()), hits / count, low, high))
    return found
