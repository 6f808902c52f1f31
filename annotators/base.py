"""The interface of every annotator that reads a step's text and nothing else.

An annotator of this kind says something about *one step* (`step_valid`), never about the prefix
or the final answer, and never writes a label. `check` is pure: same text, same evidence; it may
be slow or die on hostile text, so it runs in a limited worker process (annotators/steps.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from pipeline.verdict import Reason, Verdict

MAX_STEP = 20_000  # characters; what is longer is no step of reasoning


@dataclass(frozen=True, slots=True)
class Detail:
    """What was found where: a span of the step (code points) and a sentence a person can check."""

    rule: str
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class StepEvidence:
    """What one annotator says of one step; `reason` is set exactly when that is unknown."""

    verdict: Verdict
    reason: Reason | None
    details: tuple[Detail, ...] = ()

    def __post_init__(self) -> None:
        if (self.verdict is Verdict.UNKNOWN) != (self.reason is not None):
            raise ValueError(f"a reason belongs to unknown verdicts, and only to them: {self}")


class StepAnnotator(Protocol):
    """One way of judging steps by their text. Instances can be pickled."""

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> int: ...

    def check(self, problem: str, steps: Sequence[str]) -> list[StepEvidence]:
        """Exactly one piece of evidence for each step, in their order."""
        ...
