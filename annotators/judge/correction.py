"""The correction that a judge gives for the first wrong step: what can be tried, what is confirmed.

Guarantees: what is tried is one step by the rule that cut the solution, in text that models and
tables can hold, and not the wrong step again. Not guaranteed: that a confirmed correction is right.
It leads to right answers about as often as the steps before the error did; a judge that was told
the answer, or guesses it, can write a step that gives it away.
"""

from __future__ import annotations

from dataclasses import dataclass

from annotators.check import readable
from pipeline.segment import Rule, segment

_ROUNDING = 1e-9  # 3 of 5 is 0.8 * 0.75


@dataclass(frozen=True, slots=True)
class Tried:
    """Rollouts from a corrected prefix: `known` outcomes, `success` of them right. `tokens`: what
    was generated for them and for nothing that was counted before."""

    success: int
    known: int
    tokens: int


def corrected_step(step: str, correction: str | None, rule: Rule) -> str | None:
    """The correction with the delimiter of the step that it stands for; None: none to try."""
    text = (correction or "").strip()
    if not readable(text) or "\ufffd" in text or text == step.strip():
        return None
    if len(segment(text, rule)) != 1:
        return None
    return text + step[len(step.rstrip()) :]


def is_confirmed(tried: Tried, before: float, threshold: float) -> bool:
    """`before`: the value of the steps before the error. What nobody could grade is not counted."""
    return tried.success > 0 and tried.success >= threshold * before * tried.known - _ROUNDING
