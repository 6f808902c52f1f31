"""Plain equations of one operation, `a op b = c`, and the numbers of a text.

Guaranteed: an equation that is handed out is true in exact arithmetic, stands alone (no further
operator, percent sign, unit or digit touches it), and can be rewritten with the calculator note
(`48/2 = <<48/2=24>>24`) that may stand in it. Time is linear in the text. Not guaranteed: that
every equation is found; long sums, brackets and LaTeX give nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from annotators.arithmetic.readings import shown

_NUMBER = r"(?:\d{1,3}(?:,\d{3}){1,3}|\d{1,9})(?:\.\d{1,6})?"
_SIGNS = r"[-+*/×÷−·]"
_EQUATION = re.compile(
    rf"(?P<a>{_NUMBER})(?P<left> ?)(?P<op>{_SIGNS}|(?<= )x(?= ))(?P<right> ?\$?)(?P<b>{_NUMBER})"
    rf"(?P<equals> ?= ?\$?)(?:<<(?P<note>[^<>\n]{{1,80}})>>\$?)?(?P<c>{_NUMBER})"
)
_TOUCHED_BEFORE = re.compile(r"(?:[-+*/×÷−·^%=<>\d)\]}\\]|\d[.,])[ $(]*\Z|[\w.,:]\$?\Z")
_TOUCHED_AFTER = re.compile(r"\s*(?:[-+*/×÷−·^%=<>(\\]|x \d)|[.,:]?\d|\w")
_ALONE = re.compile(rf"(?<![\w./,:^\\-])(?<!\d [/-] )\$?({_NUMBER})(?![\w/^%-]|[.,:]\d)")
_ANY = re.compile(_NUMBER)
_OPERAND = re.compile(
    rf"(?P<first>{_NUMBER}) ?(?={_SIGNS}|x )|(?:{_SIGNS}|(?<= )x) ?\$?(?P<second>{_NUMBER})"
)
_NOTE = re.compile(r"<<[^<>\n]{1,80}>>")
_PLAIN = {"×": "*", "·": "*", "x": "*", "÷": "/", "−": "-"}


@dataclass(frozen=True, slots=True)
class Equation:
    """`a op b = c` at a place of a step; `op` is one of + - * /."""

    start: int
    end: int
    a: str
    op: str
    b: str
    c: str
    match: re.Match[str]

    def rewritten(self, step: str, a: str, op: str, b: str, c: str) -> str:
        """The step with another equation at the same place, in the same notation."""
        m = self.match
        sign = m["op"] if op == self.op else op
        note = f"<<{a}{op}{b}={c}>>" if m["note"] else ""
        new = f"{a}{m['left']}{sign}{m['right']}{b}{m['equals']}{note}{c}"
        return step[: self.start] + new + step[self.end :]

    def around(self, step: str) -> str:
        """The step without the equation."""
        return step[: self.start] + " " + step[self.end :]

    def __str__(self) -> str:
        return f"{self.a} {self.op} {self.b} = {self.c}"


def equations(step: str) -> list[Equation]:
    """The equations of a step, in the order of the text."""
    found = []
    for match in _EQUATION.finditer(step):
        start, end = match.span()
        if _TOUCHED_BEFORE.search(step[max(0, start - 8) : start]):
            continue
        if _TOUCHED_AFTER.match(step, end):
            continue
        op = _PLAIN.get(match["op"], match["op"])
        equation = Equation(start, end, match["a"], op, match["b"], match["c"], match)
        left = f"{value(equation.a)}{op}{value(equation.b)}={value(equation.c)}"
        if match["note"] and _note(match["note"]) != left:
            continue
        if compute(value(equation.a), op, value(equation.b)) == value(equation.c):
            found.append(equation)
    return found


def _note(text: str) -> str:
    """A calculator note with its numbers written as `value` has them; "" if it is of another
    form."""
    match = _EQUATION.fullmatch(text)
    if match is None:
        return ""
    return f"{value(match['a'])}{match['op']}{value(match['b'])}={value(match['c'])}"


def value(text: str) -> Fraction:
    """`1,234.50` as an exact number."""
    return Fraction(text.replace(",", ""))


def compute(a: Fraction, op: str, b: Fraction) -> Fraction | None:
    """None for a division by zero."""
    if op == "/":
        return a / b if b else None
    return a + b if op == "+" else a - b if op == "-" else a * b


def written(number: Fraction, like: str) -> str | None:
    """A positive number as people write it, with commas where `like` has them, or None where
    people would not write it."""
    text = shown(number)
    if number <= 0 or "/" in text:
        return None
    return f"{number.numerator:,}" if "," in like and number.denominator == 1 else text


def numbers(text: str) -> set[Fraction]:
    """Every number that occurs anywhere in a text."""
    return {value(match[0]) for match in _ANY.finditer(text)}


def operands(step: str) -> set[Fraction]:
    """The numbers of a step that stand beside an operator."""
    step = _NOTE.sub("", step)
    return {value(match["first"] or match["second"]) for match in _OPERAND.finditer(step)}


def lone_numbers(text: str) -> list[re.Match[str]]:
    """The numbers of a text that are words of their own; group 1 is the number."""
    return list(_ALONE.finditer(text))
