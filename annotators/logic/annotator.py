"""Deduction steps, judged by z3: templated English and first-order notation.

Guaranteed: a step is *correct* only if each of its claims is given, was said before, or follows
from consistent premises; it is *incorrect* only if the whole problem and the whole step were read
and a claim contradicts its premises ("refuted"), claims to follow and does not
("does_not_follow"), or states as given what nothing gives ("not_given"). A step that builds
faithfully on an earlier wrong one is correct: the verdict is on this step. All other texts are
unknown: not covered where they are not of these languages, undecided where premises contradict
each other or a ground may stand in a step that was not read, and a time-out where z3's limit was
reached. Nothing is called incorrect after a supposition ("Assume that …").

Not guaranteed: that a correct step helps. docs/verifiers-logic.md has the languages and figures.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from annotators.base import Detail, StepEvidence
from annotators.logic.ledger import Finding, Ledger
from annotators.logic.moves import read_moves
from annotators.logic.problem import read_problem
from annotators.logic.solver import Prover
from pipeline.verdict import Reason, Verdict

_NOT_COVERED = StepEvidence(Verdict.UNKNOWN, Reason.NOT_COVERED)
_SUPPOSITION = re.compile(r"\b(?:suppos|assum|imagin|let\b|contradiction|hypothetical)", re.I)


@dataclass(frozen=True, slots=True)
class Logic:
    """The annotator; it has no parameters."""

    name: str = "logic"
    version: int = 1

    def check(self, problem: str, steps: Sequence[str]) -> list[StepEvidence]:
        """One piece of evidence for each step; every decided claim has a detail."""
        theory = read_problem(problem)
        if theory is None:
            return [_NOT_COVERED] * len(steps)
        ledger: Ledger | None = None
        supposing = False
        evidence = []
        for step in steps:
            ledger = ledger or Ledger(theory, Prover())
            supposing = supposing or _SUPPOSITION.search(step) is not None
            moves = read_moves(step, theory)
            if moves is None:
                ledger.unread(step)
                evidence.append(_NOT_COVERED)
            else:
                findings = [ledger.judge(move) for move in moves]
                evidence.append(_evidence(step, findings, supposing))
        return evidence


def _evidence(step: str, findings: list[Finding], supposing: bool) -> StepEvidence:
    """Incorrect if one claim is, correct if all are."""
    details = tuple(_detail(step, finding) for finding in findings)
    wrong = [finding for finding in findings if finding.verdict is Verdict.INCORRECT]
    if wrong and not supposing:
        return StepEvidence(Verdict.INCORRECT, None, details)
    if wrong:
        return StepEvidence(Verdict.UNKNOWN, Reason.UNDECIDED, details)
    for finding in findings:
        if finding.reason is not None:
            return StepEvidence(Verdict.UNKNOWN, finding.reason, details)
    return StepEvidence(Verdict.CORRECT, None, details)


def _detail(step: str, finding: Finding) -> Detail:
    """The span is the words' last place in the step, or the whole step."""
    start = step.rfind(finding.words) if finding.words else -1
    if start < 0:
        return Detail(finding.rule, 0, len(step), finding.text)
    return Detail(finding.rule, start, start + len(finding.words), finding.text)
