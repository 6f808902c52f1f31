"""What a worker process does for a step annotator.

A file of its own that needs nothing heavy: what a worker imports, each new one imports again, with
the clock of its first check running. A third of a second went into pyarrow and numpy.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from annotators.base import MAX_STEP, StepAnnotator, StepEvidence
from pipeline.verdict import Reason, Verdict


def timed_check(
    annotator: StepAnnotator, problem: str, steps: Sequence[str]
) -> tuple[list[StepEvidence], float]:
    """The evidence of each step, and the seconds it took. Raises ValueError where an annotator
    gives another number of pieces than there are steps."""
    start = time.perf_counter()
    evidence = annotator.check(problem, steps)
    if len(evidence) != len(steps):
        raise ValueError(f"{annotator.name}: {len(evidence)} pieces for {len(steps)} steps")
    evidence = [
        StepEvidence(Verdict.UNKNOWN, Reason.UNREADABLE)
        if one.reason is Reason.NOT_COVERED and not readable(step)
        else one
        for one, step in zip(evidence, steps, strict=True)
    ]
    return evidence, time.perf_counter() - start


def readable(step: str) -> bool:
    """Whether a step can be used at all: not blank, too long, or with what is no character."""
    return (
        0 < len(step) <= MAX_STEP
        and not step.isspace()
        and "\x00" not in step
        and not any("\ud800" <= letter <= "\udfff" for letter in step)
    )
