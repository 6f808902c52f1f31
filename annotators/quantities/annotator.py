"""Quantities of a word problem, judged by z3: values, relations, totals and answers of steps.

Guaranteed: a step is *incorrect* only if the whole problem was read (problem.py), and one of the
step's sentences, read to its last word, gives a quantity a value or states a relation that
contradicts the problem under every admissible reading: what quantities truly are, what earlier
steps said they are, and what follows from either (readings.py). A false equation alone is no
error here. It is *correct* only if every sentence of it was read, its values and relations were
stated, and its conclusions follow from them. All else is unknown: not covered where nothing was
read, a time-out where z3's limit was reached, undecided otherwise.

Not guaranteed: that a value which follows, but was never worked out, was known to the writer; such
steps stay undecided. docs/verifiers-quantities.md has what is read, and the figures.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from annotators.arithmetic.tokens import Unreadable, number, tokenize
from annotators.base import Detail, StepEvidence
from annotators.consistency.explained import NUMBER_WORDS
from annotators.consistency.finals import without_notes
from annotators.quantities.ledger import Finding, Ledger, Standing
from annotators.quantities.linear import Linear
from annotators.quantities.problem import Problem, read_problem
from annotators.quantities.statements import Statement, read_statements, sentences
from pipeline.verdict import Reason, Verdict

MAX_STEP = 10_000
MAX_STEPS = 200
MAX_STATEMENTS = 400  # of a solution

_NOT_COVERED = StepEvidence(Verdict.UNKNOWN, Reason.NOT_COVERED)
_ANSWER = re.compile(
    r"(?:so |thus |therefore |hence )?,? ?(?:the (?:final )?answer(?: is)?|answer|####|a(?=:)):?\s*"
    r"\$?(?P<value>[0-9][0-9,]{0,20}(?:\.[0-9]{1,9})?)(?: [a-z]{1,20})?\.?\s*",
    re.IGNORECASE,
)
# from here on a line may hold of other numbers than the problem's
_SUPPOSES = re.compile(
    r"\b(?:suppos|assum|imagin|pretend|hypothe|what if|if\b|let\b(?!['’]s)|try\b|trying\b|guess|"
    r"would\b|instead|contradict)",
    re.IGNORECASE,
)
_TAKEN_BACK = re.compile(
    r"\b(?:wrong|incorrect|mistake|error|false|wait|actually|instead|correction|oops|not|cannot|"
    r"impossible|however)\b|n['’]t\b",
    re.IGNORECASE,
)
_NEXT_STEP_HEAD = 80


@dataclass(frozen=True, slots=True)
class Quantities:
    """The annotator; it has no parameters."""

    name: str = "quantities"
    version: int = 1

    def check(self, problem: str, steps: Sequence[str]) -> list[StepEvidence]:
        """One piece of evidence for each step; every statement that was judged has a detail."""
        read = read_problem(problem)
        if read is None:
            return [_NOT_COVERED] * len(steps)
        solution = _Solution(read)
        evidence = []
        for index, step in enumerate(steps):
            following = steps[index + 1][:_NEXT_STEP_HEAD] if index + 1 < len(steps) else ""
            evidence.append(solution.check(step, following))
        return evidence


class _Solution:
    """Not frozen: what the steps so far have said."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.ledger = Ledger(problem)
        self.open = True  # until something is supposed, or a limit is passed
        self.steps = self.statements = 0

    def check(self, step: str, following: str) -> StepEvidence:
        self.steps += 1
        if len(step) > MAX_STEP or self.steps > MAX_STEPS:
            self.open = False  # it may have said anything
        if not self.open:
            return _NOT_COVERED
        read, whole = self._read(step)
        if not self.open:
            return _NOT_COVERED
        findings = self._judge(step, read)
        taken_back = _TAKEN_BACK.search(step) or _TAKEN_BACK.search(following)
        return _evidence(findings, whole, taken_back is not None)

    def _read(self, step: str) -> tuple[list[Statement | re.Match[str]], bool]:
        """The statements and answers of a step, and whether they are all of it."""
        found: list[Statement | re.Match[str]] = []
        unread: list[str] = []
        for start, end in sentences(step):
            answer = _ANSWER.fullmatch(step, start, end)
            if answer is not None:
                found.append(answer)
                continue
            statements = read_statements(
                step, start, end, self.problem.item, self.problem.they, self.problem.relations
            )
            if statements is None:
                unread.append(step[start:end])
            else:
                found += statements
            if self.statements + len(found) > MAX_STATEMENTS:
                self.open = False
                return [], False
        self.statements += len(found)
        for sentence in unread:
            self.ledger.foreign |= _results(sentence)
            if _SUPPOSES.search(sentence):
                self.open = False
        return found, not unread

    def _judge(self, step: str, read: list[Statement | re.Match[str]]) -> list[Finding]:
        findings: list[Finding] = []
        quoted: list[Linear] = []
        for one in read:
            if isinstance(one, Statement):
                findings.append(self.ledger.judge(one, step, quoted))
                if one.amount is None and findings[-1].standing is Standing.RIGHT:
                    quoted.append(one.relation)
                continue
            start, end = one.span("value")
            value = Fraction(one["value"].replace(",", ""))
            if self.problem.asked is None:
                findings.append(Finding(Standing.OPEN, "unbound", start, end, "what is asked?"))
            else:
                findings.append(self.ledger.answer(value, start, end))
        return findings


def _evidence(findings: list[Finding], whole: bool, taken_back: bool) -> StepEvidence:
    """Incorrect if one statement is, correct if all of the step is."""
    details = tuple(Detail(one.rule, one.start, one.end, one.text) for one in findings)
    wrong = tuple(
        detail
        for one, detail in zip(findings, details, strict=True)
        if one.standing is Standing.WRONG
    )
    if wrong and not taken_back:
        return StepEvidence(Verdict.INCORRECT, None, wrong)
    if not findings:
        return _NOT_COVERED
    if whole and all(one.standing is Standing.RIGHT for one in findings):
        return StepEvidence(Verdict.CORRECT, None, details)
    limit = any(one.standing is Standing.LIMIT for one in findings)
    return StepEvidence(Verdict.UNKNOWN, Reason.TIMEOUT if limit else Reason.UNDECIDED, details)


def _results(sentence: str) -> set[Fraction]:
    """The numbers that a line which was not read may give to something: what no sign follows."""
    found: set[Fraction] = set()
    for line in sentence.split("\n"):
        tokens = tokenize(without_notes(line))
        for token, after in zip(tokens, [*tokens[1:], None], strict=True):
            if token.kind == "num" and (after is None or after.kind not in "+-*/^="):
                try:
                    found.add(number(token.text))
                except Unreadable:
                    continue
            elif token.text.lower() in NUMBER_WORDS:
                found.add(NUMBER_WORDS[token.text.lower()])
    return found
