"""What a person may mean by one side of an equation or inequality, and how exactly."""

from __future__ import annotations

from fractions import Fraction

from annotators.arithmetic.expression import HUNDREDTH, Slash, evaluate
from annotators.arithmetic.tokens import ONE, Token, Unreadable, shown_unit

_SLASHES: tuple[Slash, ...] = ("left", "wide", "right")


def literal(side: list[Token]) -> Token | None:
    """The number that stands alone on a side, with or without a sign or `%`."""
    bare = [token for token in side if token.kind not in ("-", "%")]
    if len(bare) == 1 and bare[0].kind == "num" and len(side) < 4 and side[-1].kind != "-":
        return bare[0]
    return None


def readings(side: list[Token], percents: tuple[Fraction, ...]) -> set[Fraction]:
    """Every value that a person could mean by this side."""
    sides = [side]
    if side[0].kind == "-":
        sides.append(side[1:])  # the dash may be a bullet
    values = set()
    for tokens in sides:
        for slash in _SLASHES:
            for percent in percents:
                try:
                    values.add(evaluate(tokens, slash=slash, percent=percent))
                except Unreadable:
                    continue
    return values


def slack(side: list[Token]) -> Fraction:
    """How far the value moves if each decimal with two or more places was a rounded number."""
    if literal(side) is not None:
        return Fraction(0)
    value = evaluate(side)
    total = Fraction(0)
    for index, token in enumerate(side):
        if token.kind == "num" and (unit := shown_unit(token.text)) <= HUNDREDTH:
            for bump in (unit, -unit):
                try:
                    moved = abs(evaluate(side, bump=(index, bump)) - value)
                except Unreadable:
                    continue
                total = total + moved / 2
    return total


def float_noise(side: list[Token], value: Fraction) -> Fraction:
    """What binary floating point may have done to a printed number: `99.00000000000001`."""
    if any(token.kind == "num" and shown_unit(token.text) < Fraction(1, 10**9) for token in side):
        return max(abs(value), ONE) / 10**9
    return Fraction(0)


def shown(value: Fraction) -> str:
    """A whole number, a short decimal, or a fraction."""
    if value.denominator == 1:
        return str(value.numerator)
    for places in range(1, 7):
        if (value * 10**places).denominator == 1:
            digits = str(abs(value.numerator) * 10**places // value.denominator).zfill(places + 1)
            sign = "-" if value < 0 else ""
            return f"{sign}{digits[:-places]}.{digits[-places:]}"
    return f"{value.numerator}/{value.denominator}"
