"""Rules about statements made twice: given_changed, contradiction.

Guaranteed: the two statements have every word in common and differ in their number; the later one
computes and concludes nothing. Not guaranteed: that every changed number is found.
"""

from __future__ import annotations

import re
from fractions import Fraction

from annotators.arithmetic.claims import find_claims
from annotators.base import Detail
from annotators.consistency.answer_rules import Finding
from annotators.consistency.explained import explained, numbers_in
from annotators.consistency.statements import Statement, statements, words_of
from annotators.consistency.told import Told

MAX_STATEMENTS = 2000
MAX_CONFLICTS = 50  # looked at in one solution, each over the whole of it


def restated_findings(told: Told) -> tuple[list[Finding], set[int]]:
    """What the rules of this file find, and the steps with a statement that was made before."""
    found: list[Finding] = []
    looked: set[int] = set()
    given: dict[str, set[Fraction]] = {}
    for one in statements(told.problem):
        given.setdefault(one.key, set()).add(one.value)
    bound: dict[str, tuple[int, Statement]] = {}
    count = conflicts = 0
    for index, step in enumerate(told.steps):
        for one in statements(step):
            count += 1
            if count > MAX_STATEMENTS or conflicts > MAX_CONFLICTS:
                return found, looked
            finding = None
            if one.key in given:
                looked.add(index)
                if one.value not in given[one.key]:
                    conflicts += 1
                    finding = _given_changed(told, index, one, given[one.key])
            if finding is None and one.key in bound:
                looked.add(index)
                if bound[one.key][1].value != one.value:
                    conflicts += 1
                    finding = _contradiction(told, index, one, bound[one.key])
            if finding is not None:
                found.append(finding)
            else:
                bound[one.key] = (index, one)
    return found, looked


def _given_changed(told: Told, index: int, one: Statement, values: set[Fraction]) -> Finding | None:
    """The step states a given of the problem in the same words with another number."""
    if one.computed or one.concludes or len(values) > 1 or words_of(one.key) <= told.asked:
        return None
    if not told.static and explained(one.value, _others(told, index, one)):
        return None  # something happened in between, perhaps
    (value,) = values
    text = f'the problem gives {_plain(value)} in "{one.key}", not {_plain(one.value)}'
    return Finding(index, True, Detail("given_changed", one.start, one.end, text))


def _contradiction(
    told: Told, index: int, one: Statement, bound: tuple[int, Statement]
) -> Finding | None:
    """The step states what an earlier step gave, in the same words with another number.

    Never where the earlier line's equation is false, or the new number can come of the numbers
    there: then it may be the earlier line that is wrong.
    """
    where, earlier = bound
    if one.computed or one.concludes:
        return None
    steps = told.steps
    if told.static:
        before = [*told.sentences, *steps[:where]]
        about = [text for text in before if _names(text) & _names(steps[where])]
        others = frozenset(numbers_in(" ".join([*about, *steps[where:index]]))) - {one.value}
    else:
        others = _others(told, index, one)
    if explained(one.value, others) or any(claim.message for claim in find_claims(steps[where])):
        return None
    text = f'step {where + 1} gives {_plain(earlier.value)} in "{one.key}", not {_plain(one.value)}'
    return Finding(index, True, Detail("contradiction", one.start, one.end, text))


def _names(text: str) -> set[str]:
    """The capitalised words of a text, openers of sentences among them."""
    return set(re.findall(r"\b[A-Z][a-z]+\b", text)) - {"So", "The", "Compared", "Next", "There"}


def _others(told: Told, index: int, one: Statement) -> frozenset[Fraction]:
    """Every number of the problem and the steps but the statement's own."""
    step = told.steps[index]
    return told.numbers_before(index) | numbers_in(step[: one.start] + " " + step[one.end :])


def _plain(value: Fraction) -> str:
    return str(value) if value.denominator == 1 else str(float(value))
