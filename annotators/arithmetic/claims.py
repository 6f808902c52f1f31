"""Plain claims of one step: where they stand, and whether they can be true.

A claim is `left = right` (inequalities: orders.py) where both sides are whole expressions of
`expression`, stand between harmless neighbours (a line's end, punctuation, an ordinary word), and
at least one side computes something. Guaranteed: a claim is called false only if *every* reading
of it is false: slash precedence, a leading dash as bullet, percent as number or hundredth,
rounding or truncation to the digits shown, rounded decimals on either side, a run-on total
(`5 + 3 = 8 + 2 = 10`), a unit change by a known factor, the calculator's note that stands in it.
Not guaranteed: that every false equation is found; whatever is bounded by a variable or a word
that may compute is left out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from fractions import Fraction

from annotators.arithmetic.expression import HUNDREDTH, evaluate
from annotators.arithmetic.orders import false_order
from annotators.arithmetic.readings import float_noise, literal, readings, shown, slack
from annotators.arithmetic.sides import left_side, right_side
from annotators.arithmetic.tokens import (
    ONE,
    NoValue,
    Token,
    Unreadable,
    number,
    shown_unit,
    tokenize,
)
from annotators.arithmetic.units import unlike_units, without_units

MAX_LINE = 2000

_RELATION = re.compile(r"[=<>≤≥⩽⩾]|\\[lg](?:e|t)")
_CALCULATOR = re.compile(r"<<([^<>\n]*=[^<>\n]*)>>")
_LEFT_OVER = re.compile(r"\b(?:left|remain\w*|spare|extra|over)\b", re.IGNORECASE)
_RATIOS = frozenset(
    ratio
    for factor in (7, 10, 12, 16, 24, 30, 36, 52, 60, 100, 365, 1000, 1440, 3600, 5280)
    for ratio in (Fraction(factor), Fraction(1, factor))
)


@dataclass(frozen=True, slots=True)
class Claim:
    """One claim that was read; `message` says why it is false, and is None if it may be true."""

    start: int
    end: int
    message: str | None
    gap: Fraction = Fraction(0)  # left minus right
    stated: Fraction | None = None  # the value of the right side
    rule: str = "false_equation"


def find_claims(step: str) -> list[Claim]:
    """All claims of a step, in the order of the text."""
    if not _RELATION.search(step):
        return []
    claims: list[Claim] = []
    at = 0
    for line in step.split("\n"):
        if len(line) <= MAX_LINE and _RELATION.search(line):
            notes = [
                claim
                for match in _CALCULATOR.finditer(line)
                for claim in _line_claims(step, match.group(1), at + match.start(1))
            ]
            claims += _one_of_two(notes, _line_claims(step, line, at))
        at += len(line) + 1
    return claims


def _line_claims(step: str, line: str, offset: int) -> list[Claim]:
    tokens = without_units(tokenize(line, offset))
    marks = [i for i, token in enumerate(tokens) if token.kind == "="]
    claims = []
    for mark in marks:
        left = left_side(tokens, mark)
        right = right_side(tokens, mark)
        if left and right and (claim := _judge(step, tokens, mark, left, right)) is not None:
            claims.append(claim)
    for at, token in enumerate(tokens):
        if token.kind == "<" and (false := false_order(step, tokens, at)) is not None:
            claims.append(Claim(*false, rule="false_inequality"))
    return claims


def _one_of_two(notes: list[Claim], written: list[Claim]) -> list[Claim]:
    """A calculator's note inside an equation is the same claim, written twice. Where the equation
    holds, the note is a slip of the pen; where the note holds and comes to the same number
    (`50-8 = <<52-8=44>>44`), the equation's left side is."""
    found = []
    for note in notes:
        outer = [claim for claim in written if _within(note, claim)]
        holds = any(claim.message is None for claim in outer)
        found.append(replace(note, message=None) if holds else note)
    for claim in written:
        inner = [note for note in notes if _within(note, claim)]
        holds = any(note.message is None and note.stated == claim.stated for note in inner)
        found.append(replace(claim, message=None) if holds else claim)
    return found


def _within(inner: Claim, outer: Claim) -> bool:
    return outer.start <= inner.start and inner.end <= outer.end


def _judge(
    step: str, tokens: list[Token], mark: int, left: list[Token], right: list[Token]
) -> Claim | None:
    """The claim `left = right`, or None where it is no equation of this grammar."""
    if literal(left) is not None:
        chained = mark > len(left) and tokens[mark - len(left) - 1].kind == "="
        if not chained or literal(right) is not None:
            return None  # "Day 1 = 5 * 3", "5 choose 2 = 5 * 4 / 2", "1 = 100 %"
    if unlike_units(left) or unlike_units(right):
        return None  # "1 hour + 30 minutes = 90 minutes"
    start, end = left[0].start, right[-1].end
    try:
        value, claimed = evaluate(left), evaluate(right)
    except NoValue:
        return Claim(start, end, None)
    except Unreadable:
        return None
    if step.startswith("}", end) and "\\boxed" in step[start:end]:
        end += 1  # the bracket that the lexer took off
    if value == claimed or _excused(step, left, right, value):
        return Claim(start, end, None, stated=claimed)
    left_text = step[left[0].start : left[-1].end]
    message = f"{step[start:end]} is false: {left_text} = {shown(value)}"
    if literal(right) is None:
        message += f", {step[right[0].start : right[-1].end]} = {shown(claimed)}"
    return Claim(start, end, message, value - claimed, claimed)


def _excused(step: str, left: list[Token], right: list[Token], value: Fraction) -> bool:
    """Whether some reading makes the equation true, or nothing can be said about it."""
    if _reversed_operands(left) or (right[0].kind == "num" and number(right[0].text) == value):
        return True  # the second: a run-on total, "5 + 3 = 8 + 2"
    if any(token.kind == "/" for token in left) and _LEFT_OVER.search(
        step, right[-1].end, right[-1].end + 40
    ):
        return True  # "17 / 5 = 2 left"
    if sum(token.kind == "/" for token in left) > 2:
        return True  # "7/12 / 1/12 / 2": as many readings as there are people
    percents = sum(token.kind == "%" for token in left + right)
    sums = any(token.kind in ("+", "-") for token in left + right)
    if percents and sums and percents != sum(token.kind == "num" for token in left + right):
        return True  # "50 + 10% = 55": the percentage is of something
    slack_of_both = slack(left) + slack(right) + float_noise(left + right, value)
    alone = literal(right) or literal(left)
    last = shown_unit(alone.text) if alone is not None else Fraction(0)
    units = any(token.unit for token in left + right) or any(sign in step for sign in "$%¢°")
    units = units or step[right[-1].end :].lstrip("\\) ")[:1].isalpha()
    for percent in (HUNDREDTH, ONE):
        near = slack_of_both + last * (percent if percents else ONE)
        for right_value in readings(right, (percent,)):
            for left_value in readings(left, (HUNDREDTH, ONE)):
                if abs(left_value - right_value) < near or left_value == right_value:
                    return True
                if units and right_value and left_value / right_value in _RATIOS:
                    return True
    return False


def _reversed_operands(left: list[Token]) -> bool:
    """`1/3 = 4` (a third of 12), `5 - 20 = 15`, `pages 5-10 = 6`: smaller number first."""
    if [token.kind for token in left] not in (["num", "/", "num"], ["num", "-", "num"]):
        return False
    return number(left[0].text) < number(left[2].text)
