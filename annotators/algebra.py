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

from annotators.algebra_follow import follows
from annotators.algebra_function import Finding, function_claims
from annotators.algebra_known import definitions
from annotators.algebra_rewrite import rewrite_claims
from annotators.algebra_text import Statement, find_statements
from annotators.base import Detail, StepEvidence
from pipeline.verdict import Reason, Verdict

MAX_STEP = 20_000
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
        problem = problem[:MAX_STEP]
        text = "\n".join([problem, *(step[:MAX_STEP] for step in steps)])
        functions = frozenset(_DECLARED.findall(text))
        known = find_statements(problem, -1, functions)
        foreign = bool(_OTHER_ALGEBRA.search(problem))
        evidence = []
        for index, step in enumerate(steps):
            stated: list[Statement] = []
            if len(step) <= MAX_STEP and len(known) < MAX_KNOWN:
                stated = find_statements(step, index, functions)
            before = steps[index - 1] if index else ""
            found = _findings(known, stated, before, step)
            known += stated
            following = steps[index + 1] if index + 1 < len(steps) else ""
            foreign = foreign or bool(_OTHER_ALGEBRA.search(step))
            veto = not (
                foreign
                or _REFUTATION.search(step)
                or _REFUTATION.search(following[:_NEXT_STEP_HEAD])
            )
            evidence.append(_evidence(step, bool(stated), found, veto))
        return evidence


def _findings(
    known: Sequence[Statement], stated: Sequence[Statement], before: str, step: str
) -> list[Finding]:
    found: list[Finding] = []
    everything = [*known, *stated]
    functions = definitions(everything)
    for at, statement in enumerate(stated):
        others = [one for one in everything if one is not statement]
        found += function_claims(statement, functions)
        found += rewrite_claims(statement, others)
        if at:
            old = stated[at - 1]
            glue = step[old.end : statement.start]
        elif known and known[-1].step == statement.step - 1 and known[-1].step >= 0:
            old = known[-1]
            glue = before[old.end :].strip("$ .,\n") + "\n" + step[: statement.start]
        else:
            continue
        earlier = [one for one in [*known, *stated[:at]] if one is not old]
        one = follows(old, statement, glue, earlier)
        found += [one] if one else []
    return found


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
