"""Where first errors are said to be: by the labels, by rollouts, by judges, and by truth.

Guarantees: every source is counted over all solutions given, in fifths of the solution, with those
that have no error and those on which the source does not decide apart. Does not say who is right.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from pipeline.labels.layout import Ints
from pipeline.report.steps import UNDECIDED, Steps
from pipeline.step_truth import align

PARTS = 5


@dataclass(frozen=True, slots=True)
class FirstErrors:
    """One source's."""

    source: str
    places: tuple[int, ...]  # solutions, by the fifth in which the first error is
    last: int  # of them, in the very last step
    none: int
    undecided: int

    @property
    def found(self) -> int:
        return sum(self.places)


def first_errors(source: str, first: Ints, lengths: Ints) -> FirstErrors:
    """From one first error a solution: a step, -1 for none, UNDECIDED."""
    bad = first >= 0
    part = first[bad] * PARTS // lengths[bad]
    return FirstErrors(
        source,
        tuple(int(n) for n in np.bincount(part, minlength=PARTS)),
        last=int((first[bad] == lengths[bad] - 1).sum()),
        none=int((first == -1).sum()),
        undecided=int((first == UNDECIDED).sum()),
    )


def all_first_errors(steps: Steps, truth: pl.DataFrame | None) -> list[FirstErrors]:
    """Of every source that decides anything; truth's last."""
    columns = {
        "labels": steps.first(),
        "rollouts": steps.first("mc_first_error"),
        "judges": steps.first("judge_first_error"),
    }
    if truth is not None:
        columns["truth"] = true_first(steps, truth)
    found = [first_errors(name, one, steps.layout.lengths) for name, one in columns.items()]
    return [one for one in found if one.found or one.none]


def true_first(steps: Steps, truth: pl.DataFrame) -> Ints:
    """The true first error of each solution; UNDECIDED where it is not known."""
    known = align(steps.rows["solution_id"], steps.layout, truth)
    return np.where(known.decided, known.first_error, UNDECIDED)
