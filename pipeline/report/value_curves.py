"""How the value moves along solutions: by relative position, and around the first error.

Guarantees: steps whose value is not known are left out, and every point says over how many it is;
None where there are none. The band is that of the middle half of the values. Does not weigh by the
width of the intervals.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.labels.layout import Bools, Ints
from pipeline.report.steps import Steps

AROUND = 3  # steps before and after the first error


@dataclass(frozen=True, slots=True)
class Point:
    """The values of the steps at one place."""

    at: int
    steps: int
    mean: float | None
    low: float | None  # quartiles
    high: float | None


def by_position(steps: Steps, solutions: Bools, parts: int = 10) -> list[Point]:
    """Of some solutions."""
    return _points(steps, solutions[steps.layout.row], steps.part(parts), range(parts))


def around_first_error(steps: Steps) -> list[Point]:
    """At -AROUND..AROUND steps from the labels' first error; 0 is the wrong step."""
    first = steps.first()[steps.layout.row]
    return _points(steps, first >= 0, steps.layout.position - first, range(-AROUND, AROUND + 1))


def _points(steps: Steps, mask: Bools, place: Ints, places: range) -> list[Point]:
    known = mask & ~np.isnan(steps.value)
    found = []
    for at in places:
        values = steps.value[known & (place == at)]
        if len(values):
            low, high = np.quantile(values, (0.25, 0.75))
            found.append(Point(at, len(values), float(values.mean()), float(low), float(high)))
        else:
            found.append(Point(at, 0, None, None, None))
    return found
