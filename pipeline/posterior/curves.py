"""Hazard of each step and value of each prefix, for every length of solution that occurs.

One row for each (length T, steps kept m), one column for each point of the difficulty grid. With
h the hazard of a step, r the repair rate and l the luck:

    good(T) = 1 - slip                          wrong(T) = l
    good(m) = (1 - h) good(m+1) + h wrong(m+1)  wrong(m) = r good(m+1) + (1 - r) wrong(m+1)

`good` is the value of a prefix without an open error, be it clean or repaired.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

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

    @cached_property
    def bins(self) -> Ints:
        """Of the step that each row ends with."""
        return position_bin(np.maximum(self.kept, 1), self.length)

    @cached_property
    def by_left(self) -> list[Ints]:
        """The rows of which 0, 1, ... steps are left."""
        left = self.length - self.kept
        return [np.flatnonzero(left == steps) for steps in range(int(left.max(initial=0)) + 1)]

    def at(self, length: Ints, kept: Ints) -> Ints:
        return self.first[length] + kept


@dataclass(frozen=True)
class Curves:
    """`worth_good`, `worth_wrong`: rollouts that a value is worth in each state. Each is (rows,
    grid); of several parameters (several, rows, grid)."""

    good: Floats
    wrong: Floats
    worth_good: Floats
    worth_wrong: Floats


def curves(rows: Rows, parameters: Parameters, own: bool = False) -> Curves:
    """`own`: under the hazard of the solutions themselves, not that of rollouts."""
    found = curves_of_all(rows, [parameters], own)
    return Curves(found.good[0], found.wrong[0], found.worth_good[0], found.worth_wrong[0])


def curves_of_all(rows: Rows, several: Sequence[Parameters], own: bool = False) -> Curves:
    """Of each of `several`, in one pass: a gradient needs two dozen."""
    hazard = np.stack([one.hazard(own) for one in several])[:, rows.bins]
    repair, luck, harmless = (
        np.array([getattr(one, name) for one in several])[:, None, None]
        for name in ("repair", "luck", "harmless")
    )
    good = np.empty_like(hazard)
    wrong = np.empty_like(hazard)
    good[:, rows.by_left[0]], wrong[:, rows.by_left[0]] = 1 - SLIP, luck
    for row in rows.by_left[1:]:
        after = row + 1
        h = hazard[:, after] * (1 - harmless)
        good_after, wrong_after = good[:, after], wrong[:, after]
        good[:, row] = (1 - h) * good_after + h * wrong_after
        wrong[:, row] = repair * good_after + (1 - repair) * wrong_after
    worth_good, worth_wrong = _worths(good, wrong, several)
    for worth in (worth_good, worth_wrong):
        worth[:, rows.kept == 0] = _CERTAIN
    return Curves(good, wrong, worth_good, worth_wrong)


def own_curves(rows: Rows, parameters: Parameters, table: Curves) -> Curves:
    """`curves(rows, parameters, own=True)`, which is `table` where the hazards are one."""
    return table if parameters["own"] == 0 else curves(rows, parameters, own=True)


def own_good_of_all(rows: Rows, several: Sequence[Parameters], good: Floats) -> Floats:
    """Values of good states by `own_curves`, of each of `several`; `good`: by their curves."""
    other = [number for number, one in enumerate(several) if one["own"] != 0]
    if not other:
        return good
    found = good.copy()
    found[other] = curves_of_all(rows, [several[number] for number in other], own=True).good
    return found


def _worths(good: Floats, wrong: Floats, several: Sequence[Parameters]) -> tuple[Floats, Floats]:
    """What the parameters say, where a further success then never speaks for an open error, nor a
    failure against one: of two Betas, the likelier one after each success is that with the larger
    a and the smaller b. Many successes would else speak for the state that is sure of less."""
    worth_good, worth_wrong = (
        np.exp([one[name] for one in several])[:, None, None]
        for name in ("agree_good", "agree_wrong")
    )
    good, wrong = np.clip(good, LEAST, 1 - LEAST), np.clip(wrong, LEAST, 1 - LEAST)
    return (
        np.minimum(worth_good, worth_wrong * np.maximum((1 - wrong) / (1 - good), 1)),
        np.minimum(worth_wrong, worth_good * np.maximum(good / wrong, 1)),
    )
