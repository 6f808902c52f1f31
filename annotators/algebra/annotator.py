"""Formulas with variables: rewriting, transformations, values of functions, derivatives: a veto.

Guaranteed: a step is *incorrect* only if its text makes plain what an equation claims (a rewriting,
a consequence of the equation before, a value, a derivative or antiderivative of a function with
one definition), and the claim is refuted exactly. An equation alone claims nothing here. A true
claim gives unknown (undecided) with what was shown: a true identity does not make a step right.
Equations between numbers are `arithmetic`'s. It never says correct.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from annotators.algebra.follow import follows
from annotators.algebra.function import Finding, function_claims
from annotators.algebra.known import definitions
from annotators.algebra.rewrite import rewrite_claims, rewritten
from annotators.algebra.substitution import substituted
from annotators.algebra.text import (
    MAX_STATEMENTS,
    Statement,
    find_expressions,
    find_statements,
)
from annotators.base import MAX_STEP, Detail, StepEvidence
from pipeline.verdict import Reason, Verdict

MAX_KNOWN = 160  # statements of one solution; after that nothing more is claimed

# algebra that is not the real numbers', or relations that are not written as equations
_OTHER_ALGEBRA = re.compile(
    r"\bmod\b|modul[oa]|\\[pb]?mod|\\equiv|≡|congruent|\bbase[- ]?(?:\d|two|n\b|b\b)|matri(?:x|ces)"
    r"|\\begin\{[pbv]?matrix|\\vec|\\mathbf|\bvectors?\b|roots? of unity|\bprimitive\b|\\(?:star|"
    r"oplus|otimes|odot|diamond|circ|bullet|clubsuit|spadesuit|heartsuit|wedge|vee|neg)(?![A-Za-z])"
    r"|[★☆⊕⊗⊙◇♣♠♥]|\boperation\b|\bboolean\b|right[- ](?:triangle|angle)|hypotenuse",
    re.IGNORECASE,
)
_REFUTATION = re.compile(
    r"\b(?:false|wrong|incorrect|mistake|error|contradict\w*|impossible|invalid|untrue|absurd|"
    r"fails?|oops|actually|instead of|rather than|extraneous|undefined|"
    r"(?:does|do|did|is|was|are|would|will|can)(?:\s*n['’]t|\s+not|not)\b|"
    r"no (?:real )?solutions?|not\s+(?:equal|true|possible|valid|a solution))\b"
    r"|≠|\\neq?\b|!=|✗|✘|❌",
    re.IGNORECASE,
)
_HYPOTHESIS = re.compile(
    r"\b(?:if|suppos\w+|assum\w+|try|trying|guess\w*|check\w*|test\w*|whether|would|want\w*|"
    r"wish\w*|should|must|could|imagine|pretend|hypothe\w+|remainder|rounded|round|approximately|roughly|"
    r"estimat\w+|approx|unless|except|cancel\w*|need|since|because|at the point)\b"
    r"|\blet(?!['’]?s)\b|\?",
    re.IGNORECASE,
)
# letters of which more is known than any equation says
_BOUND_BY_WORDS = re.compile(
    r"(?<!square )(?<!cube )\broots? of\b|\bzero(?:e?s)? of\b|\bsatisf\w+|\bgolden ratio\b|"
    r"\bsolutions? (?:of|to)\b",
    re.IGNORECASE,
)
_DECLARED = re.compile(r"(?<![A-Za-z\\])([A-Za-z])'?\([a-z]\)\s*=")
_SENTENCE_END = re.compile(r"[.?!;](?=\s|$)|\n")
_NEXT_STEP_HEAD = 80


@dataclass(frozen=True, slots=True)
class Algebra:
    """The annotator; it has no parameters."""

    name: str = "algebra"
    version: int = 1

    def check(self, problem: str, steps: Sequence[str]) -> list[StepEvidence]:
        """One piece of evidence for each step; the details name what was refuted or shown."""
        if len(problem) > MAX_STEP:
            return [StepEvidence(Verdict.UNKNOWN, Reason.NOT_COVERED)] * len(steps)
        text = "\n".join([problem, *(step[:MAX_STEP] for step in steps)])
        functions = frozenset(_DECLARED.findall(text))
        known = find_statements(problem, -1, functions)
        # once true, nothing more is called false: unread text, another algebra, unwritten relations
        blind = len(known) >= MAX_STATEMENTS or bool(_OTHER_ALGEBRA.search(problem))
        bound = bool(_BOUND_BY_WORDS.search(problem))
        last: tuple[Statement | None, Statement | None] = (None, None)
        evidence = []
        for index, step in enumerate(steps):
            stated: list[Statement] = []
            expressions: list[Statement] = []
            if len(step) <= MAX_STEP and len(known) < MAX_KNOWN:
                stated = find_statements(step, index, functions)
                expressions = find_expressions(step, index, functions)
            before = steps[index - 1] if index else ""
            found = _findings(known, stated, expressions, last, before, step)
            known += stated
            last = (_last([*stated, *expressions]), _last(stated))
            following = steps[index + 1] if index + 1 < len(steps) else ""
            blind = blind or len(step) > MAX_STEP or len(stated) >= MAX_STATEMENTS
            blind = blind or bool(_OTHER_ALGEBRA.search(step))
            bound = bound or bool(_BOUND_BY_WORDS.search(step))
            if bound:
                found = [one for one in found if one.rule != "false_identity"]
            veto = not (
                blind or _REFUTATION.search(step) or _REFUTATION.search(following[:_NEXT_STEP_HEAD])
            )
            evidence.append(_evidence(step, bool(stated or found), found, veto))
        return evidence


def _findings(
    known: Sequence[Statement],
    stated: Sequence[Statement],
    expressions: Sequence[Statement],
    last: tuple[Statement | None, Statement | None],
    before: str,
    step: str,
) -> list[Finding]:
    """What each formula of a step claims; `last` is the last formula and equation before it."""
    found: list[Finding] = []
    everything = [*known, *stated]
    functions = definitions(everything)
    for statement in stated:
        others = [one for one in everything if one is not statement]
        found += function_claims(statement, functions)
        found += rewrite_claims(statement, others)
    parts = sorted([*stated, *expressions], key=lambda one: one.start)
    found += substituted(parts, step)
    formula, equation = last
    for new in parts:
        old = formula if len(new.sides) == 1 else equation
        if old is not None:
            glue = step[old.end : new.start]
            if old.step != new.step:
                glue = before[old.end :].strip("$ .,\n") + "\n" + step[: new.start]
            if len(new.sides) == 1:
                one = rewritten(old, new, glue, everything)
            else:
                others = [one for one in everything if one is not old and _precedes(one, new)]
                one = follows(old, new, glue, others)
            found += [one] if one else []
        formula, equation = new, equation if len(new.sides) == 1 else new
    return found


def _last(statements: Sequence[Statement]) -> Statement | None:
    return max(statements, key=lambda one: one.start, default=None)


def _precedes(one: Statement, other: Statement) -> bool:
    return (one.step, one.start) < (other.step, other.start)


def _sentence(step: str, start: int, end: int) -> str:
    """The sentence around a span, its closing mark included."""
    first = 0
    for mark in _SENTENCE_END.finditer(step, 0, start):
        first = mark.end()
    mark_after = _SENTENCE_END.search(step, end)
    return step[first : mark_after.end() if mark_after else len(step)]


def _evidence(step: str, any_statement: bool, found: Sequence[Finding], veto: bool) -> StepEvidence:
    false, shown = [], []
    for one in found:
        detail = Detail(one.rule, one.start, one.end, one.text)
        if not one.false:
            shown.append(detail)
        elif veto and not _HYPOTHESIS.search(_sentence(step, one.start, one.end)):
            false.append(detail)
    if false:
        return StepEvidence(Verdict.INCORRECT, None, tuple(false))
    reason = Reason.UNDECIDED if any_statement else Reason.NOT_COVERED
    return StepEvidence(Verdict.UNKNOWN, reason, tuple(shown))
