"""Lines that contradict one another, the problem or the final answer: a veto, never a proof.

Guaranteed: a step is *incorrect* only if two lines were read whole and cannot both stand: the
final answer and the derivation right before it, two final answers, a given and its restatement,
a value and its restatement, the unit asked for and the unit given (rules in
answer_rules.py and restated.py). The later line is blamed. It never says
correct. Not guaranteed: that contradictions are found that need more than words that agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from annotators.base import StepEvidence
from annotators.consistency.answer_rules import Finding, answer_findings
from annotators.consistency.restated import restated_findings
from annotators.consistency.told import Told
from pipeline.verdict import Reason, Verdict

MAX_PROBLEM = 20_000


@dataclass(frozen=True, slots=True)
class Consistency:
    """The annotator; it has no parameters."""

    name: str = "consistency"
    version: int = 1

    def check(self, problem: str, steps: Sequence[str]) -> list[StepEvidence]:
        """One piece of evidence for each step; incorrect carries what contradicts it."""
        told = Told(problem[:MAX_PROBLEM], steps)
        answers, answered = answer_findings(told)
        restatements, restated = restated_findings(told)
        by_step: dict[int, list[Finding]] = {}
        for one in [*answers, *restatements]:
            by_step.setdefault(one.step, []).append(one)
        evidence = []
        for index in range(len(steps)):
            found = by_step.get(index, [])
            refuting = tuple(one.detail for one in found if one.refutes)
            if refuting:
                evidence.append(StepEvidence(Verdict.INCORRECT, None, refuting))
                continue
            looked = index in answered or index in restated
            reason = Reason.UNDECIDED if looked else Reason.NOT_COVERED
            details = tuple(one.detail for one in found)
            evidence.append(StepEvidence(Verdict.UNKNOWN, reason, details))
        return evidence
