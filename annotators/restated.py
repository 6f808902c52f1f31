"""Rules about statements made twice: given_changed, contradiction.

Guaranteed: the two statements have every word in common and differ in their number; the later one
computes and concludes nothing. Not guaranteed: that every changed number is found.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction

from annotators.answer_rules import Finding, asked_words
from annotators.base import Detail
from annotators.claims import find_claims
from annotators.explained import explained, numbers_in
from annotators.statements import Statement, statements, words_of

MAX_STATEMENTS = 2000

_STATIC_WORDS = (
    "has have had is are owns own keeps holds costs cost weighs lives starts measures contains"
)
_STATIC = frozenset(_STATIC_WORDS.split())
_NOT_PAST_WORDS = "need compared measured combined called named red bed shed seed hundred"
_NOT_PAST = frozenset(_NOT_PAST_WORDS.split())
_EVENTS_WORDS = (
    "gave sold bought ate got took lost found won left spent made went came put threw broke "
    "drank gives give sells sell buys buy eats eat gets get takes take loses lose finds find "
    "wins win leaves spends spend makes goes comes puts throws breaks drinks adds add removes "
    "remove receives uses use picks sends earns earn pays pay read reads now later after before "
    "day days week weeks month months year monday tuesday wednesday thursday friday saturday "
    "sunday yesterday tomorrow today initially originally first second"
)
_EVENTS = frozenset(_EVENTS_WORDS.split())
_SENTENCES = re.compile(r"(?<=[.!?])\s+|\n")


def restated_findings(problem: str, steps: Sequence[str]) -> tuple[list[Finding], set[int]]:
    """What the rules of this file find, and the steps with a statement that was made before."""
    found: list[Finding] = []
    looked: set[int] = set()
    given: dict[str, set[Fraction]] = {}
    for one in statements(problem):
        given.setdefault(one.key, set()).add(one.value)
    asked = asked_words(problem)
    bound: dict[str, tuple[int, Statement]] = {}
    count = 0
    for index, step in enumerate(steps):
        for one in statements(step):
            count += 1
            if count > MAX_STATEMENTS:
                return found, looked
            finding = None
            if one.key in given:
                looked.add(index)
                if one.value not in given[one.key]:
                    finding = _given_changed(problem, steps, index, one, given[one.key], asked)
            if finding is None and one.key in bound:
                looked.add(index)
                if bound[one.key][1].value != one.value:
                    finding = _contradiction(problem, steps, index, one, bound[one.key])
            if finding is not None:
                found.append(finding)
            else:
                bound[one.key] = (index, one)
    return found, looked


def is_static(problem: str) -> bool:
    """Whether nothing happens in a problem: each sentence says what somebody has or is."""
    for sentence in _SENTENCES.split(problem):
        words = re.findall(r"[a-z]+", sentence.lower())
        if not words or "?" in sentence or words[0] in ("find", "what", "how"):
            continue
        past = {w for w in words if w.endswith("ed") and w not in _NOT_PAST}
        if not _STATIC & set(words) or _EVENTS & set(words) or past:
            return False
    return True


def _given_changed(
    problem: str,
    steps: Sequence[str],
    index: int,
    one: Statement,
    values: set[Fraction],
    asked: frozenset[str],
) -> Finding | None:
    """The step states a given of the problem in the same words with another number."""
    if one.computed or one.concludes or len(values) > 1 or words_of(one.key) <= asked:
        return None
    if not is_static(problem) and explained(one.value, _others(problem, steps[: index + 1], one)):
        return None  # something happened in between, perhaps
    (value,) = values
    text = f'the problem gives {_plain(value)} in "{one.key}", not {_plain(one.value)}'
    return Finding(index, True, Detail("given_changed", one.start, one.end, text))


def _contradiction(
    problem: str, steps: Sequence[str], index: int, one: Statement, bound: tuple[int, Statement]
) -> Finding | None:
    """The step states what an earlier step gave, in the same words with another number.

    Never where the earlier line's equation is false, or the new number can come of the numbers
    there: then it may be the earlier line that is wrong.
    """
    where, earlier = bound
    if one.computed or one.concludes:
        return None
    if any(claim.message for claim in find_claims(steps[where])):
        return None
    static = is_static(problem)
    if static:
        before = [*_SENTENCES.split(problem), *steps[:where]]
        about = [text for text in before if _names(text) & _names(steps[where])]
        others = numbers_in(" ".join([*about, *steps[where:index]])) - {one.value}
    else:
        others = _others(problem, steps[: index + 1], one)
    if explained(one.value, others):
        return None
    text = f'step {where + 1} gives {_plain(earlier.value)} in "{one.key}", not {_plain(one.value)}'
    return Finding(index, True, Detail("contradiction", one.start, one.end, text))


def _names(text: str) -> set[str]:
    """The capitalised words of a text, openers of sentences among them."""
    return set(re.findall(r"\b[A-Z][a-z]+\b", text)) - {"So", "The", "Compared", "Next", "There"}


def _others(problem: str, steps: Sequence[str], one: Statement) -> set[Fraction]:
    """Every number of the problem and the steps but the statement's own."""
    *before, last = steps
    rest = last[: one.start] + " " + last[one.end :]
    return numbers_in(problem).union(numbers_in(rest), *(numbers_in(step) for step in before))


def _plain(value: Fraction) -> str:
    return str(value) if value.denominator == 1 else str(float(value))
