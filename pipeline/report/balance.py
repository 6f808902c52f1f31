"""How labels are spread over a solution: right, wrong and undecided, by relative position.

Guarantees: each step counts in one part; the parts are equal shares of the solution's steps, so a
solution of three steps fills three of the ten. With truth, each part says how often the *prefix* is
right, over its steps whose label and truth are both known, beside what the labels say of the same
steps: a difference in early parts is early-step bias.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from pipeline.labels.layout import Bools, Ints
from pipeline.metrics import share
from pipeline.report.steps import Steps
from pipeline.step_truth import align


@dataclass(frozen=True, slots=True)
class Part:
    """Steps of one part of the solutions."""

    right: int  # label 1
    wrong: int
    undecided: int
    compared: int = 0  # with a label and known truth
    labels_right: float | None = None  # of those
    truth_right: float | None = None

    @property
    def bias(self) -> float | None:
        """What the labels add to the truth."""
        if self.labels_right is None or self.truth_right is None:
            return None
        return self.labels_right - self.truth_right


def balance(steps: Steps, truth: pl.DataFrame | None, parts: int = 10) -> list[Part]:
    part, label = steps.part(parts), steps.label
    if truth is None:
        prefix = np.full(len(label), -1, dtype=np.int8)
    else:
        prefix = align(steps.rows["solution_id"], steps.layout, truth).prefix
    compared = (label >= 0) & (prefix >= 0)

    def count(mask: Bools) -> Ints:
        return np.bincount(part[mask], minlength=parts)

    right, wrong, none = count(label == 1), count(label == 0), count(label < 0)
    both, ours, theirs = (
        count(mask) for mask in (compared, compared & (label == 1), compared & (prefix == 1))
    )
    return [
        Part(
            int(right[n]),
            int(wrong[n]),
            int(none[n]),
            int(both[n]),
            share(int(ours[n]), int(both[n])),
            share(int(theirs[n]), int(both[n])),
        )
        for n in range(parts)
    ]
