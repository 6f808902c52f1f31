"""Hazard of each step and value of each prefix, for every length of solution that occurs.

One row for each (length T, steps kept m), one column for each point of the difficulty grid. With
h the hazard of a step, r the repair rate and l the luck:

    good(T) = 1 - slip                          wrong(T) = l
    good(m) = (1 - h) good(m+1) + h wrong(m+1)  wrong(m) = r good(m+1) + (1 - r) wrong(m+1)

`good` is the value of a prefix without an open error, be it clean or repaired.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from pipeline.labels.layout import Floats, Ints
from pipeline.posterior.parameters import SLIP, Parameters, position_bin

LEAST = 1e-4  # of a value that counts are held against: none must be impossible
_CERTAIN = 1e6  # rollouts; a problem's own value is what difficulty means, and does not scatter


@dataclass(frozen=True)
class Rows:
    """Where (T, m) stands in the tables of a set of lengths."""

    first: Ints  # by T
    length: Ints  # of each row
    kept: Ints  # of each row

    @staticmethod
    def of(lengths: Ints) -> Rows:
        present = np.unique(lengths)
        first = np.full(int(present.max(initial=0)) + 1, -1, dtype=np.int64)
        sizes = present + 1
        first[present] = np.cumsum(sizes) - sizes
        length = np.repeat(present, sizes)
        kept = np.arange(len(length)) - first[length]
        return Rows(first, length, kept)

    def at(self, length: Ints, kept: Ints) -> Ints:
        return self.first[length] + kept


@dataclass(frozen=True)
class Curves:
    """`worth_good`, `worth_wrong`: rollouts that a value is worth in each state."""

    good: Floats  # (rows, grid)
    wrong: Floats
    worth_good: Floats
    worth_wrong: Floats


def curves(rows: Rows, parameters: Parameters, own: bool = False) -> Curves:
    """`own`: under the hazard of the solutions themselves, not that of rollouts."""
    by_bin = parameters.hazard(own)
    hazard = by_bin[position_bin(np.maximum(rows.kept, 1), rows.length)]
    good = np.empty_like(hazard)
    wrong = np.empty_like(hazard)
    left = rows.length - rows.kept
    order = np.argsort(left, kind="stable")
    bounds = np.searchsorted(left[order], np.arange(left.max(initial=0) + 2))
    repair, luck, harm = parameters.repair, parameters.luck, 1 - parameters.harmless
    for begin, end in pairwise(bounds):
        row = order[begin:end]
        if begin == 0:
            good[row], wrong[row] = 1 - SLIP, luck
            continue
        after = row + 1
        h = hazard[after] * harm
        good[row] = (1 - h) * good[after] + h * wrong[after]
        wrong[row] = repair * good[after] + (1 - repair) * wrong[after]
    worth_good, worth_wrong = _worth(good, wrong, parameters)
    for worth in (worth_good, worth_wrong):
        worth[rows.kept == 0] = _CERTAIN
    return Curves(good, wrong, worth_good, worth_wrong)


def own_curves(rows: Rows, parameters: Parameters, table: Curves) -> Curves:
    """`curves(rows, parameters, own=True)`, which is `table` where the hazards are one."""
    return table if parameters["own"] == 0 else curves(rows, parameters, own=True)


def _worth(good: Floats, wrong: Floats, parameters: Parameters) -> tuple[Floats, Floats]:
    """What the parameters say, where a further success then never speaks for an open error, nor a
    failure against one: of two Betas, the likelier one after each success is that with the larger
    a and the smaller b. Many successes would else speak for the state that is sure of less."""
    worth_good, worth_wrong = np.exp([parameters["agree_good"], parameters["agree_wrong"]])
    good, wrong = np.clip(good, LEAST, 1 - LEAST), np.clip(wrong, LEAST, 1 - LEAST)
    return (
        np.minimum(worth_good, worth_wrong * np.maximum((1 - wrong) / (1 - good), 1)),
        np.minimum(worth_wrong, worth_good * np.maximum(good / wrong, 1)),
    )
