"""What a method found in a cell, and the row of figures that it comes to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from bench.quality_bound import Bound
from bench.quality_metrics import (
    Ints,
    best_of_n,
    calibration_error,
    coverage,
    interval_score,
    majority_vote,
    paired_bootstrap,
    processbench,
    risk_coverage,
)
from pipeline.labels.layout import Bools, Floats, Layout

MASS = 0.9
NS = (2, 4, 8)
RISK_AT = 0.8  # coverage within each predicted class


@dataclass(frozen=True)
class Truth:
    """Of a cell's solutions; `value` of each step is NaN where it is not known."""

    layout: Layout
    first: Ints  # -1: none
    clean: Bools  # of each step's prefix
    value: Floats
    inner: Bools  # steps from which a rollout makes sense: all but the last
    problem: Ints
    right: Bools  # the solution's answer


@dataclass(frozen=True)
class CellFound:
    """A cell. The first of `found` is exhaustive search with k = 8 on all solutions: the baseline.
    `answers` of its solutions; `left_out`: solutions without a truth, which are in no figure."""

    name: str
    found: list[Found]
    truth: Truth
    bound: Bound
    answers: list[str]
    left_out: int = 0


@dataclass(frozen=True)
class Found:
    """`predicted`: first error, -1 none, -2 undecided; `certainty` of it; `p_correct`, `low` and
    `high` of each step, NaN or None where a method states none."""

    method: str
    tokens: float  # generated a solution, after screening
    predicted: Ints
    certainty: Floats
    p_correct: Floats | None = None
    low: Floats | None = None
    high: Floats | None = None
    score: Mapping[str, Floats] | None = None  # min, mean, product: of solutions, outcome unread
    alone: str | None = None  # the method that this one adds to


def rows(cell: CellFound) -> list[dict[str, Any]]:
    return [figures(cell, one) for one in cell.found]


def figures(cell: CellFound, found: Found) -> dict[str, Any]:
    """One row."""
    baseline, truth = cell.found[0], cell.truth
    mine = processbench(found.predicted, truth.first)
    theirs = processbench(baseline.predicted, truth.first)
    against = paired_bootstrap(
        found.predicted, baseline.predicted, truth.first, truth.problem, resamples=2000
    )
    row: dict[str, Any] = {
        "cell": cell.name,
        "method": found.method,
        "tokens_per_solution": found.tokens,
        "share_of_tokens": found.tokens / baseline.tokens,
        "solutions": len(truth.first),
        "left_out": cell.left_out,
        "least_tokens": cell.bound.tokens(mine.accuracy or 0.0),
        "f1": mine.f1,
        "accuracy": mine.accuracy,
        "accuracy_erroneous": mine.erroneous,
        "accuracy_clean": mine.clean,
        "undecided": float((found.predicted == -2).mean()),
        "f1_over_baseline": against.value,
        "low": against.low,
        "high": against.high,
        "error_ratio": (1 - (mine.f1 or 0)) / max(1 - (theirs.f1 or 0), 1e-9),
    }
    if found.alone is not None:
        alone = next(one for one in cell.found if one.method == found.alone)
        gain = paired_bootstrap(
            found.predicted, alone.predicted, truth.first, truth.problem, resamples=2000
        )
        row |= {"f1_over_alone": gain.value, "low_over_alone": gain.low}
        row |= {"high_over_alone": gain.high}
    risk = risk_coverage(found.certainty, found.predicted, truth.first)
    row["risk"] = risk.risk.tolist()
    at = int(np.argmin(np.abs(risk.coverage - RISK_AT)))
    row |= {"f1_most_certain": float(risk.f1[at]), "risk_area": risk.area}
    if found.p_correct is not None:
        upto = (
            truth.layout.position
            <= np.where(truth.first < 0, truth.layout.lengths, truth.first)[truth.layout.row]
        )
        row |= {
            "calibration_error": calibration_error(found.p_correct, truth.clean),
            "calibration_error_to_first": calibration_error(
                found.p_correct[upto], truth.clean[upto]
            ),
        }
    if found.low is not None and found.high is not None:
        at_known = truth.inner & ~np.isnan(truth.value) & ~np.isnan(found.low)
        ends = found.low[at_known], found.high[at_known], truth.value[at_known]
        row |= {
            "interval_coverage": coverage(*ends),
            "interval_score": interval_score(*ends, alpha=1 - MASS),
        }
    if found.score is not None:
        for name, score in found.score.items():
            for n, chosen in zip(NS, best_of_n(score, truth.right, truth.problem, NS), strict=True):
                row[f"best_of_{n}_{name}"] = float(chosen)
        row["majority_vote"] = majority_vote(cell.answers, truth.right, truth.problem)
    return row


def of_labels(
    method: str, tokens: float, labels: pl.DataFrame, layout: Layout, intervals: bool = False
) -> Found:
    """A published rule's. It is sure of an error where the step before it still succeeded, and of
    none where every step did."""
    predicted = labels["first_error"].cast(pl.Int64).fill_null(-2).to_numpy()
    value = flat(labels, "value")
    success = flat(labels, "n_success") / np.maximum(flat(labels, "n_rollouts"), 1)
    mc = np.where(np.isnan(value), success, value)
    mc = np.where(np.isnan(mc), 1.0, mc)
    lowest = np.full(layout.num_solutions, 1.0)
    np.minimum.at(lowest, layout.row, mc)
    before = layout.before(mc, np.ones(layout.num_solutions))
    at = layout.offsets[:-1] + np.maximum(predicted, 0)
    certainty = np.where(predicted >= 0, before[np.minimum(at, len(mc) - 1)], lowest)
    low, high = (flat(labels, name) if intervals else None for name in ("value_low", "value_high"))
    return Found(method, tokens, predicted, certainty, None, low, high)


def aggregates(p: Floats, layout: Layout) -> dict[str, Floats]:
    """Min, mean and product over the steps before the last, whose value is the outcome itself."""
    inner = layout.position < layout.lengths[layout.row] - 1
    row, p = layout.row[inner], p[inner]
    size = layout.num_solutions
    minimum, product = np.ones(size), np.ones(size)
    np.minimum.at(minimum, row, p)
    np.multiply.at(product, row, p)
    mean = np.bincount(row, weights=p, minlength=size) / np.maximum(
        np.bincount(row, minlength=size), 1
    )
    return {"min": minimum, "mean": mean, "product": product}


def flat(labels: pl.DataFrame, column: str) -> Floats:
    lists = labels[column].filter(labels[column].list.len() > 0)
    return lists.explode().cast(pl.Float64).fill_null(float("nan")).to_numpy()
