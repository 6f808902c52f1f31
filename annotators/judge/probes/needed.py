"""What a step gives to the next one, and nothing before it gives.

Guaranteed: where a need is found, the next step makes use of a number or a sentence that the step
works out, that is in neither the problem nor an earlier step, and that the next step does not work
out itself. So without the step, the next one stands on nothing. Numbers that people know without
being told (small ones, 60, 365) are never a need. Not guaranteed: that every need is found.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from annotators.judge.probes.base import Base
from annotators.judge.probes.equations import equations, numbers, operands, value

_RESULT = re.compile(r"= ?\$?(\d{1,9}(?:,\d{3}){0,3}(?:\.\d{1,6})?)")
# Known to everybody, or told in a word ("twice", "a dozen", "half an hour").
EVERYDAY = frozenset(map(Fraction, (*range(11), 12, 20, 24, 30, 31, 50, 52, 60, 90, 100)))
EVERYDAY |= frozenset(map(Fraction, (180, 360, 365, 366, 1000, 1440, 3600, 5280)))

_CONCLUSION = re.compile(
    r"(?:^|[.;,] )(?:so|therefore,?|thus,?|hence,?|it follows that) ([^.,;:=\n]{8,120})\.?\s*\Z",
    re.IGNORECASE,
)
_SPACES = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Need:
    """What is needed, as the steps say it, and the places of the steps that make use of it."""

    what: str
    users: tuple[int, ...]  # in order; the first is the next step


def needs(base: Base) -> dict[int, Need]:
    """For each step that is needed, what it gives to the next one alone."""
    found = {at: _number(base, at) or _sentence(base, at) for at in range(len(base.steps) - 1)}
    return {at: need for at, need in found.items() if need is not None}


def _number(base: Base, place: int) -> Need | None:
    before = numbers(base.text).union(*(numbers(step) for step in base.steps[:place]))
    for equation in reversed(equations(base.steps[place])):
        result = value(equation.c)
        if result in before or result in EVERYDAY:
            continue
        users = tuple(
            at for at in range(place + 1, len(base.steps)) if result in operands(base.steps[at])
        )
        if users[:1] == (place + 1,) and not _works_out(base.steps[place + 1], result):
            return Need(equation.c, users)
    return None


def _works_out(step: str, number: Fraction) -> bool:
    """Whether some equation of the step has the number as its result, or may have."""
    return any(value(match[1]) == number for match in _RESULT.finditer(step))


def _sentence(base: Base, place: int) -> Need | None:
    match = _CONCLUSION.search(base.steps[place])
    if match is None or len(match[1].split()) < 3:
        return None
    said = match[1].strip()
    if any(_says(text, said) for text in (base.text, *base.steps[:place])):
        return None
    users = tuple(
        at for at in range(place + 1, len(base.steps)) if _says(_premises(base.steps[at]), said)
    )
    return Need(said, users) if users[:1] == (place + 1,) else None


def _premises(step: str) -> str:
    """A step without the conclusion that it draws."""
    match = _CONCLUSION.search(step)
    return step[: match.start()] if match else step


def _says(text: str, sentence: str) -> bool:
    words = _SPACES.sub(" ", text).casefold()
    return re.search(rf"(?<!\w){re.escape(sentence.casefold())}(?!\w)", words) is not None
