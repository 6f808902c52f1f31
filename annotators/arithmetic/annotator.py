"""Plain equations of a step, evaluated exactly: a veto, never a proof.

Guaranteed: a step is *incorrect* only if it states an equation or inequality between numbers that
is false in every reading (claims.py, orders.py), outside hypotheses, refutations, modular, clock
and base-n arithmetic. A true equation gives unknown (undecided): most wrong steps stand behind
true equations. A step without a claim is unknown (not covered). It never says correct.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from annotators.arithmetic.claims import Claim, find_claims
from annotators.base import MAX_STEP, Detail, StepEvidence
from pipeline.verdict import Reason, Verdict

# arithmetic that is not the integers': anywhere in the problem or the step
_OTHER_ARITHMETIC = re.compile(
    r"\bmod\b|modul[oa]|\\[pb]?mod|\\equiv|≡|congruent\s+to|\bbase[- ]?(?:\d|two|eight|ten|n\b|b\b)"
    r"|\b(?:binary|octal|hexadecimal)\b|\bbases?\s+\$?\d|(?<=[\d)}])_\{?(?:[2-9]|1[0-6])\}?(?!\d)"
    r"|\\(?:star|oplus|otimes|odot|diamond|clubsuit|spadesuit|heartsuit)\b|[★☆⊕⊗⊙◇♣♠♥]",
    re.IGNORECASE,
)
_CLOCK = re.compile(
    r"o['’]clock|\d\s*[ap]\.?m\b|\d:\d\d|\b(?:clock|midnight|noon)\b", re.IGNORECASE
)
# said of the equation, in the same step or at the start of the next
_REFUTATION = re.compile(
    r"\b(?:false|wrong|incorrect|mistake|error|contradict\w*|impossible|invalid|untrue|absurd|"
    r"fails?|oops|actually|instead of|rather than|"
    r"(?:does|do|did|is|was|are|would|will|can)(?:\s*n['’]t|\s+not|not)\s+(?:\w+\s+)?"
    r"(?:work|true|equal|possible|right|correct|valid|hold|match|satisfy|fit|the same|a solution)|"
    r"no solutions?|not\s+(?:equal|true|possible|valid|a solution))\b"
    r"|≠|\\neq?\b|!=|✗|✘|❌",
    re.IGNORECASE,
)
_HYPOTHESIS = re.compile(
    r"\b(?:if|suppos\w+|assum\w+|let|try|trying|guess\w*|check\w*|test\w*|whether|would|want\w*|"
    r"wish\w*|should|must|could|imagine|pretend|hypothe\w+|plug\w*|substitut\w+|puzzle|remainder|"
    r"rounded|round|approximately|roughly|estimat\w+|approx|left ?over|unless|except)\b|\?",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"[.?!;](?=\s|$)|\n")
_NEXT_STEP_HEAD = 80


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """The annotator; it has no parameters."""

    name: str = "arithmetic"
    version: int = 2

    def check(self, problem: str, steps: Sequence[str]) -> list[StepEvidence]:
        """One piece of evidence for each step; incorrect carries the false claims."""
        problem = problem[:MAX_STEP]
        evidence = []
        for index, step in enumerate(steps):
            claims = find_claims(step) if len(step) <= MAX_STEP else []
            false = [claim for claim in claims if claim.message is not None]
            if false:
                following = steps[index + 1] if index + 1 < len(steps) else ""
                false = _asserted(problem, step, following, false)
            evidence.append(_evidence(bool(claims), false))
        return evidence


def _asserted(problem: str, step: str, following: str, false: list[Claim]) -> list[Claim]:
    """Those equations that the step states as facts about numbers."""
    if _OTHER_ARITHMETIC.search(problem) or _OTHER_ARITHMETIC.search(step):
        return []
    if _CLOCK.search(step) or _REFUTATION.search(step):
        return []
    if _CLOCK.search(problem):
        false = [claim for claim in false if claim.gap % 12]  # 10 + 5 = 3 in the afternoon
    if _REFUTATION.search(following[:_NEXT_STEP_HEAD]):
        return []
    return [claim for claim in false if not _HYPOTHESIS.search(_sentence(step, claim))]


def _sentence(step: str, claim: Claim) -> str:
    """The sentence around a claim, its closing mark included."""
    start = 0
    for mark in _SENTENCE_END.finditer(step, 0, claim.start):
        start = mark.end()
    mark_after = _SENTENCE_END.search(step, claim.end)
    return step[start : mark_after.end() if mark_after else len(step)]


def _evidence(any_claim: bool, false: list[Claim]) -> StepEvidence:
    if false:
        details = tuple(
            Detail(claim.rule, claim.start, claim.end, claim.message or "") for claim in false
        )
        return StepEvidence(Verdict.INCORRECT, None, details)
    return StepEvidence(Verdict.UNKNOWN, Reason.UNDECIDED if any_claim else Reason.NOT_COVERED)
