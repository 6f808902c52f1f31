"""Rollout counts of every prefix of a shard, and the values that follow from them.

Guarantees: counts of several sources on one prefix add, and it is censored if any of them is;
evidence on a solution or a step that is not in the shard is left out; unknown outcomes are
counted apart and enter no value. `value` is null where nothing is known or where sampling
stopped because of what was seen: c / n is biased there. The interval is Bayesian (Jeffreys prior
Beta(1/2, 1/2), equal tails; Brown, Cai and DasGupta 2001, section 3.1.3: low = 0 where c = 0,
high = 1 where every outcome was correct) and stays valid under such stopping, so it is given
there too. Does not guarantee coverage where rollouts are not independent.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.special import betaincinv

from pipeline.labels.layout import Bools, Floats, Ints, Layout


@dataclass(frozen=True, slots=True)
class Counts:
    """Outcomes of the rollouts from each prefix: known right, known wrong, unknown."""

    correct: Ints
    incorrect: Ints
    unknown: Ints
    censored: Bools

    def __getitem__(self, index: Ints) -> Counts:
        return Counts(
            self.correct[index], self.incorrect[index], self.unknown[index], self.censored[index]
        )

    @property
    def known(self) -> Ints:
        return self.correct + self.incorrect


def read_counts(evidence: pl.DataFrame, ids: pl.Series, layout: Layout) -> tuple[Counts, Counts]:
    """Counts after each step, and counts of each root, from the `prefix_value` evidence."""
    names = ("correct", "incorrect", "unknown")
    rows = locate(evidence, "prefix_value", ids, layout, (*names, "censored"))
    # One slot more a solution: its root stands before its steps.
    size = layout.num_steps + layout.num_solutions
    row = rows["row"].to_numpy()
    slot = layout.offsets[row] + row + rows["step"].to_numpy() + 1
    correct, incorrect, unknown = (
        np.bincount(slot, weights=rows[name].fill_null(0).to_numpy(), minlength=size).astype(
            np.int64
        )
        for name in names
    )
    censored = np.zeros(size, dtype=np.bool_)
    censored[slot[rows["censored"].fill_null(False).to_numpy()]] = True
    everything = Counts(correct, incorrect, unknown, censored)
    roots = layout.offsets[:-1] + np.arange(layout.num_solutions)
    steps = np.arange(layout.num_steps) + layout.row + 1
    return everything[steps], everything[roots]


def locate(
    evidence: pl.DataFrame, target: str, ids: pl.Series, layout: Layout, columns: tuple[str, ...]
) -> pl.DataFrame:
    """Evidence on steps of this shard, with `row` (its solution) and `step`, both Int64."""
    index = pl.DataFrame({"solution_id": ids, "row": np.arange(len(ids)), "length": layout.lengths})
    return (
        evidence.select("target", "solution_id", pl.col("step").cast(pl.Int64), *columns)
        .filter((pl.col("target") == target) & (pl.col("step") >= -1))
        .drop("target")
        .join(index, on="solution_id", how="inner")
        .filter(pl.col("step") < pl.col("length"))
    )


def ratio(counts: Counts) -> Floats:
    """c / n over known outcomes; NaN where nothing is known or the count is censored."""
    value = np.full(len(counts.correct), np.nan)
    usable = (counts.known > 0) & ~counts.censored
    np.divide(counts.correct, counts.known, out=value, where=usable)
    return value


def jeffreys(counts: Counts, mass: float) -> tuple[Floats, Floats]:
    """Low and high end of the Jeffreys interval; NaN where nothing is known."""
    low = np.full(len(counts.correct), np.nan)
    high = np.full(len(counts.correct), np.nan)
    seen = np.flatnonzero(counts.known > 0)
    if not len(seen):
        return low, high
    # A shard has few distinct counts and many steps: the quantiles are computed once for each.
    base = int(counts.incorrect.max()) + 1
    keys, inverse = np.unique(
        counts.correct[seen] * base + counts.incorrect[seen], return_inverse=True
    )
    c, i = keys // base, keys % base
    tail = (1 - mass) / 2
    lows = np.where(c == 0, 0.0, betaincinv(c + 0.5, i + 0.5, tail))
    highs = np.where(i == 0, 1.0, betaincinv(c + 0.5, i + 0.5, 1 - tail))
    low[seen] = lows[inverse]
    high[seen] = highs[inverse]
    return low, high
