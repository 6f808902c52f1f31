"""The shapes shared by both worlds: a problem, its gold solution, and the verdict on a step.

A solution text is its steps joined by one blank line. Steps are kept without the blank line;
`solution_text` puts it back, so that every step but the last ends in two newlines.
"""

from typing import Literal, NamedTuple, TypedDict

Word = Literal["correct", "incorrect", "unknown"]
Kind = Literal["", "arithmetic", "setup"]

STEP_END = "\n\n"


class Problem(TypedDict):
    """One row of data/problems/*.jsonl, as written."""

    problem_id: str
    source: str
    domain: Literal["chains", "deduction"]
    language: str
    text: str
    answer: str
    answer_type: Literal["number", "boolean"]
    meta: dict[str, int | str]


class Made(NamedTuple):
    """A generated problem and the steps of its gold solution."""

    problem: Problem
    steps: list[str]


class Verdict(NamedTuple):
    """What the oracle says of one step; `kind` and `reason` are empty unless it is incorrect."""

    verdict: Word
    kind: Kind = ""
    reason: str = ""


CORRECT = Verdict("correct")
UNKNOWN = Verdict("unknown")


def wrong(kind: Kind, reason: str) -> Verdict:
    """An incorrect step, with the reason a reader is given."""
    return Verdict("incorrect", kind, reason)


def solution_text(steps: list[str]) -> str:
    """The text a policy is trained on."""
    return STEP_END.join(steps)


def split_steps(text: str) -> list[str]:
    """The steps of a solution text, without the blank lines; empty pieces are dropped."""
    return [step.strip() for step in text.split(STEP_END) if step.strip()]
