"""The one verdict of Stepsmith: correct, incorrect, unknown; and why something is unknown.

Unknown is never incorrect: no function in this project turns an `UNKNOWN` into an `INCORRECT`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """What a grader, checker, judge or oracle says; stored in tables by its value."""

    CORRECT = "correct"
    INCORRECT = "incorrect"
    UNKNOWN = "unknown"


class Reason(StrEnum):
    """Why a verdict is unknown."""

    UNREADABLE = "unreadable"  # the text itself cannot be used: empty, NUL bytes, too long
    UNPARSABLE = "unparsable"  # text is there, but no answer or claim can be read from it
    TIMEOUT = "timeout"  # a checker ran out of time or memory
    FAILED = "failed"  # the call never gave a completion
    TRUNCATED = "truncated"  # cut by max_tokens before the final answer was complete
    NOT_COVERED = "not_covered"  # the checker does not speak about this kind of text
    UNDECIDED = "undecided"  # looked at, and neither side could be shown


@dataclass(frozen=True, slots=True)
class Grade:
    """A verdict with its reason (set exactly when it is unknown) and the answer that was read."""

    verdict: Verdict
    reason: Reason | None = None
    answer: str | None = None

    def __post_init__(self) -> None:
        if (self.verdict is Verdict.UNKNOWN) != (self.reason is not None):
            raise ValueError(f"a reason belongs to unknown verdicts, and only to them: {self}")
