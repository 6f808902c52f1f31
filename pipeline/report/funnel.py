"""From the problems that were read to the steps that can be trained on, every loss with its reason.

Guarantees: the losses of a level and the next level of the same unit add up to it, and nothing is
lost without a reason. Units change on the way (problems, solutions, steps); a level that begins a
unit takes nothing from the one before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from pipeline.report.steps import Steps
from pipeline.summary import Summary


@dataclass(frozen=True, slots=True)
class Level:
    """One bar of the funnel."""

    name: str
    unit: str  # problems / solutions / steps
    count: int
    losses: Mapping[str, int] = field(default_factory=dict)  # on the way to the next level


def funnel(summary: Summary, set_aside: Mapping[str, int], steps: Steps) -> list[Level]:
    """`set_aside`: rows of the input that were no usable problem, by reason (the manifest's)."""
    read = summary.problems + sum(set_aside.values())
    searched = summary.problems - sum(summary.not_searched.values())
    spoken = has_label(steps)
    kept = steps.kept
    lost = Counter(
        str(reason or "no hard label")
        for reason, gone in zip(steps.rows["keep_reason"], ~spoken, strict=True)
        if gone
    )
    dropped = Counter(
        str(reason or "not kept")
        for reason, gone in zip(steps.rows["keep_reason"], spoken & ~kept, strict=True)
        if gone
    )
    return [
        Level("rows of the input", "problems", read, dict(set_aside)),
        Level("problems", "problems", summary.problems, dict(summary.not_searched)),
        Level("searched", "problems", searched),
        Level("solutions", "solutions", len(spoken), dict(lost)),
        Level("with a hard label", "solutions", int(spoken.sum()), dict(dropped)),
        Level("kept", "solutions", int((spoken & kept).sum())),
        *_of_steps(steps),
    ]


def has_label(steps: Steps) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Solutions with a hard label on some step."""
    return steps.layout.last_where(steps.label >= 0) >= 0


def _of_steps(steps: Steps) -> list[Level]:
    """Of kept solutions: steps, and those with a hard label."""
    inside = steps.kept[steps.layout.row]
    none = inside & (steps.label < 0)
    first = steps.first()[steps.layout.row]
    after = none & (first >= 0) & (steps.layout.position > first)
    reasons = {
        "after the first error": int(after.sum()),
        "undecided": int((none & ~after).sum()),
    }
    return [
        Level("steps of kept solutions", "steps", int(inside.sum()), _some(reasons)),
        Level("steps with a hard label", "steps", int((inside & (steps.label >= 0)).sum())),
    ]


def _some(counts: Mapping[str, int]) -> dict[str, int]:
    return {name: count for name, count in counts.items() if count}
