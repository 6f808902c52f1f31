"""Final answers of steps, and the derivation that stands right before one.

Guaranteed: a final answer is what pipeline/grading reads as one (a box, "####", "The answer is",
"Answer:", a last line "A:"; also PRM800K's "# Answer" heading), and a plain number with at most a
unit. A derivation is the last equation of its text: something computed on the left, one number
with nothing that changes it on the right, and no equation there that is false in every reading.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from annotators.arithmetic.claims import find_claims
from annotators.arithmetic.sides import OPERATORS
from annotators.arithmetic.tokens import Token, Unreadable, number, tokenize
from annotators.arithmetic.units import AFTER, without_units
from annotators.base import MAX_STEP
from pipeline.grading.extract import find_answer
from pipeline.grading.normal import normalise
from pipeline.grading.quantity import Quantity, read_quantity

MAX_LINE = 2000
MAX_ANSWER = 80

_NOTE = re.compile(r"<<[^<>\n]*>>")
_MAYBE = re.compile(r"answer|####|\\f?boxed|\\fbox|^A:", re.IGNORECASE | re.MULTILINE)
_HEADING = re.compile(r"^#+[ \t]*(?:final )?answer:?[ \t]*\n+(?P<answer>[^\n]+)", re.I | re.M)


@dataclass(frozen=True, slots=True)
class Final:
    """A step's final answer; `boxed`: nothing but a box says that it is one."""

    quantity: Quantity
    text: str
    start: int
    end: int
    boxed: bool


@dataclass(frozen=True, slots=True)
class Derived:
    """The last equation of a text: its value, the words around it on its line, and its span."""

    value: Fraction
    before: str
    digits: str
    after: str
    start: int
    end: int


def read_final(step: str) -> Final | None:
    """The final answer that a step states, if it is a plain number."""
    if len(step) > MAX_STEP or not _MAYBE.search(step):
        return None
    heading = _HEADING.search(step)
    if heading:
        text = heading["answer"].strip()
    else:
        found = find_answer(step, "number")
        text = found.text if found else ""
    if not text or len(text) > MAX_ANSWER:
        return None
    quantity = read_quantity(normalise(text))
    if quantity is None:
        return None
    start = max(step.rfind(text), 0)
    boxed = heading is None and "boxed" in step and "answer" not in step.lower()
    return Final(quantity, text, start, start + len(text), boxed)


def last_derivation(text: str) -> Derived | None:
    """The last equation of a text, where it is plain; None where the text may say more."""
    mark = text.rfind("=")
    if mark < 0 or len(text) > MAX_STEP:
        return None
    start = text.rfind("\n", 0, mark) + 1
    end = text.find("\n", mark)
    line = text[start : end if end >= 0 else len(text)]
    if len(line) > MAX_LINE or any(claim.message for claim in find_claims(line)):
        return None
    tokens = without_units(tokenize(without_notes(line), start))
    marks = [i for i, token in enumerate(tokens) if token.kind == "="]
    if not marks:
        return None
    # what the left side begins with does not matter here: "half of 3 + 5 = 4" derives 4
    left, right = _before(tokens, marks[-1]), _after(tokens, marks[-1])
    literal = _literal(right)
    if literal is None or not any(token.kind in OPERATORS for token in left):
        return None
    try:
        value = number(literal.text)
    except Unreadable:
        return None
    value = -value if right[0].kind == "-" else value
    before, after = text[start : left[0].start], text[literal.end : start + len(line)]
    return Derived(value, before, literal.text, after, left[0].start, literal.end)


def without_notes(text: str) -> str:
    """Blanks where calculator notes were, so that spans stay: "3*4=<<3*4=12>>12"."""
    return _NOTE.sub(lambda note: " " * len(note[0]), text)


def _before(tokens: list[Token], mark: int) -> list[Token]:
    """The run of numbers and operators that ends at the equals sign."""
    at = mark
    while at and tokens[at - 1].kind in OPERATORS | {"num", "(", ")", "{", "}", "%"}:
        at -= 1
    return tokens[at:mark]


def _after(tokens: list[Token], mark: int) -> list[Token]:
    """The run after the equals sign, where no word or number behind it can change its value."""
    at = mark + 1
    while at < len(tokens) and tokens[at].kind in ("num", "-", "%"):
        at += 1
    behind = tokens[at : at + 3]
    if behind and behind[0].kind not in ("word", "break", ")", "}"):
        return []
    if any(token.kind in ("num", "frac", "frac2") for token in behind):
        return []  # "= 1 hour 28 minutes", "= 15, 000"
    if behind and behind[0].kind == "word":
        words = [token.text.lower() for token in behind if token.kind == "word"]
        if words[0] in AFTER or len(words[0]) < 2 or "remainder" in words:
            return []
    return tokens[mark + 1 : at]


def _literal(side: list[Token]) -> Token | None:
    bare = [token for token in side if token.kind not in ("-", "%")]
    return bare[0] if len(bare) == 1 and bare[0].kind == "num" and len(side) < 3 else None
