"""Rules about the final answer: answer_differs, two_boxed, wrong_unit, miracle.

Guaranteed: a rule says that a step is incorrect only where both numbers were read whole and no
reading of `explained.py` (rounding, sign, unit, one operation in the head) makes them
agree. A miracle is a finding that leaves the step unknown: the work may have been done in the head.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from annotators.base import Detail
from annotators.consistency.explained import (
    MAX_NUMBERS,
    alike,
    explained,
    numbers_in,
    one_operation,
)
from annotators.consistency.finals import Derived, Final, last_derivation, read_final
from annotators.consistency.statements import words_of
from annotators.consistency.told import Told
from pipeline.grading.quantity import compare_quantities, read_quantity
from pipeline.verdict import Verdict

# the answer is not simply the derived value, or not the value of this line
_ADJUSTED = re.compile(
    r"\b(?:round\w*|approx\w*|about|nearest|at least|at most|whole|minimum|maximum|cannot|can['’]t|"
    r"remainder|left ?over|mod\w*|need to buy|either|not|actually|mistake|"
    r"wrong|instead|wait|check\w*|verif\w*)\b|≈|\\approx|\\equiv|≡",
    re.IGNORECASE,
)
_TAKEN_BACK = re.compile(
    r"\b(?:wrong|incorrect|mistake|error|wait|actually|instead|correct\w*|however|but|no|not|oops|"
    r"let['’]?s|re-?\w*check\w*|again|alternativ\w*|other|another|second|part|case|if|also|or)\b",
    re.IGNORECASE,
)
# a problem where 5 and 5,000 may be one amount
_THOUSANDS = re.compile(r"thousand|million|kilo|milli|\b(?:k[gm]|m[lg]|k)\b|(?<=\d)k\b|0{3}s", re.I)
_MOSTLY = 0.4  # share of words that a derivation of what is asked has in common with the question
_DULL_WORDS = (
    "the a an of in on to for and or is are was were be been has do did does how many much what "
    "so there it he she they his her their total all altogether if after will would can each "
    "per by with from at that this then thus therefore not find number"
)
_DULL = frozenset(_DULL_WORDS.split())
_UNIT_ASKED = re.compile(
    r"\bhow (?:many|much)(?: more| fewer| less| total| extra| additional)? ([a-z]+)\b"
    r"|\bin ([a-z]+)\?", re.IGNORECASE,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule found at a step; `refutes` says whether that makes the step incorrect."""

    step: int
    refutes: bool
    detail: Detail


def answer_findings(told: Told) -> tuple[list[Finding], set[int]]:
    """What the rules of this file find, and the steps whose final answer was read."""
    finals = [read_final(step) for step in told.steps]
    found: list[Finding] = []
    looked = {index for index, final in enumerate(finals) if final is not None}
    for index in sorted(looked):
        final = finals[index]
        assert final is not None
        rules = [
            _answer_differs(told, index, final),
            _two_boxed(told, index, finals),
            _wrong_unit(told, index, final),
        ]
        hits = [hit for hit in rules if hit is not None]
        if not any(hit.refutes for hit in hits) and (hit := _miracle(told, index, final)):
            hits.append(hit)
        found += hits
    return found, looked


def _derivation_before(
    steps: Sequence[str], index: int, final: Final
) -> tuple[int, Derived] | None:
    """The last equation before the answer, in its own step or else in the step before."""
    own = steps[index][: final.start]
    if "=" in steps[index]:
        derived = last_derivation(own) if "=" in own else None
        return (index, derived) if derived else None
    if index == 0 or _other_words(steps[index], final):
        return None
    derived = last_derivation(steps[index - 1])
    return (index - 1, derived) if derived else None


def _other_words(step: str, final: Final) -> bool:
    """Whether the answer's step says more numbers than the answer."""
    return len(numbers_in(step)) > 1


def _answer_differs(told: Told, index: int, final: Final) -> Finding | None:
    """The final answer is not what the last derivation gave, and that names what is asked.

    The less its words are the question's, the more ways to get the answer in the head are looked
    for. Never where the derivation's own numbers give the answer: that may repair it silently.
    """
    place = _derivation_before(told.steps, index, final)
    if place is None:
        return None
    where, derived = place
    value = final.quantity.value
    steps = told.steps
    line = steps[where] if where < index else steps[index][: final.start]
    text = f"the answer is {final.text}, but the last derivation gives {_shown(line, derived)}"
    finding = Finding(index, True, Detail("answer_differs", final.start, final.end, text))
    if _cut(told.problem, final, derived):
        return finding
    if alike(value, derived.value) or alike(value * final.quantity.factor, derived.value):
        return None
    if _ADJUSTED.search(line, max(0, derived.start - 200)) or _ADJUSTED.search(steps[index]):
        return None
    if derived.value < 0 or explained(value, numbers_in(line)):
        return None
    before = told.numbers_before(index) | numbers_in(line)
    named = _share_asked(told, derived)
    if named < _MOSTLY and explained(value, before):
        return None
    if named < 1 and one_operation(value, derived.value, before):
        return None  # a last step in the head
    return finding


def _share_asked(told: Told, derived: Derived) -> float:
    """The share of the words around the equation that the question has too."""
    words = (words_of(derived.before) | words_of(derived.after)) - _DULL
    return len(words & told.asked) / len(words) if len(words) >= 2 else 0.0


def _cut(problem: str, final: Final, derived: Derived) -> bool:
    """Whether the answer is what stands before the first comma of the derived 5,550."""
    head, comma, _ = derived.digits.partition(",")
    return bool(comma) and final.text.strip("$ ") == head and not _THOUSANDS.search(problem)


def _two_boxed(told: Told, index: int, finals: Sequence[Final | None]) -> Finding | None:
    """Two final answers that differ, the earlier not taken back in between."""
    final = finals[index]
    assert final is not None
    earlier = next((i for i in range(index - 1, -1, -1) if finals[i] is not None), None)
    if earlier is None or told.asks_many:
        return None
    steps = told.steps
    other = finals[earlier]
    assert other is not None
    if compare_quantities(other.quantity, final.quantity).verdict is not Verdict.INCORRECT:
        return None
    if alike(other.quantity.value, final.quantity.value):
        return None
    if (other.boxed and not _bare(steps[earlier])) or (final.boxed and not _bare(steps[index])):
        return None  # some box every result on the way
    if any(_TAKEN_BACK.search(step) for step in steps[earlier : index + 1]):
        return None
    text = f"the answer is {final.text} here and {other.text} in step {earlier + 1}"
    return Finding(index, True, Detail("two_boxed", final.start, final.end, text))


def _bare(step: str) -> bool:
    """Whether a step is little more than its box."""
    return len(words_of(step.replace("boxed", "")) - _DULL) <= 1


def _wrong_unit(told: Told, index: int, final: Final) -> Finding | None:
    """The answer's unit is not the one that was asked for, and the number was not converted."""
    asked = _asked_unit(told)
    if asked is None:
        return None
    name, dimension, factor = asked
    quantity = final.quantity
    if quantity.dimension and quantity.dimension != dimension:
        text = f"the answer is {final.text}, but the problem asks for {name}"
        return Finding(index, True, Detail("wrong_unit", final.start, final.end, text))
    place = _derivation_before(told.steps, index, final)
    if place is None or place[1].value != quantity.value:
        return None
    derived = place[1]
    word = re.match(r"[\s$\\]*([a-z]+)(?![a-z])", derived.after)
    read = read_quantity(f"1 {word[1]}") if word else None
    if read is None or read.dimension != dimension or read.factor == factor:
        return None
    if quantity.dimension and quantity.factor == read.factor:
        return None
    assert word is not None
    text = f"the answer is {final.text} {name}, but the last derivation gives it in {word[1]}"
    return Finding(index, True, Detail("wrong_unit", final.start, final.end, text))


def _asked_unit(told: Told) -> tuple[str, str, Fraction] | None:
    """The one known unit that the question asks for."""
    units = set()
    for question in told.questions:
        for match in _UNIT_ASKED.finditer(question):
            name = (match[1] or match[2]).lower()
            read = read_quantity(f"1 {name}")
            if read is None or not read.dimension or len(name) < 3:
                return None
            units.add((name, read.dimension, read.factor))
    return units.pop() if len(units) == 1 else None


def _miracle(told: Told, index: int, final: Final) -> Finding | None:
    """The answer's number stands in no line before, nor in the problem, and nothing computes it."""
    value = abs(final.quantity.value)
    before = told.numbers_before(index) | numbers_in(told.steps[index][: final.start])
    if len(before) > MAX_NUMBERS or any(alike(value, other) for other in before):
        return None
    text = (
        f"no line before gives {final.text}, and neither does the problem; "
        "it may have been worked out in the head"
    )
    return Finding(index, False, Detail("miracle", final.start, final.end, text))


def _shown(line: str, derived: Derived) -> str:
    return " ".join(line[derived.start : derived.end].split())
