"""The exact value of a run of arithmetic tokens.

Guaranteed: values are exact `Fraction`s, nothing is ever handed to `eval` or sympy, and the caps
below bound time and memory whatever the text says. Not guaranteed: that a text means what the
grammar reads: a slash has three readings ("left": 8/2*4 = 16; "wide": 8/(2*4) = 1; "right":
8/2/4 = 8/(2/4) = 16), and callers who say "false" try them all.

    product := power (('*' | '/' | nothing before a bracket) power)*
    power   := primary ('^' (primary | group))?
    primary := number ['%'] | '(' sum ')' ['%'] | \\frac group group
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Literal

from annotators.arithmetic.tokens import NoValue, Token, Unreadable, number

MAX_DEPTH = 20
MAX_TOKENS = 200
MAX_EXPONENT = 64
MAX_BITS = 4096

HUNDREDTH = Fraction(1, 100)

_SUPERSCRIPT = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")

Slash = Literal["left", "wide", "right"]


def evaluate(
    tokens: list[Token],
    *,
    slash: Slash = "left",
    percent: Fraction = HUNDREDTH,
    bump: tuple[int, Fraction] | None = None,
) -> Fraction:
    """The value of all the tokens; `bump` adds to the literal at one index.

    Raises `Unreadable` where they are not one expression, a cap is passed or a divisor is 0.
    """
    if len(tokens) > MAX_TOKENS:
        raise NoValue("too many tokens")
    reader = _Reader(tokens, slash, percent, bump)
    value = reader.sum(0)
    if reader.at != len(tokens):
        raise Unreadable("tokens are left over")
    return value


class _Reader:
    """Recursive descent over the tokens, values computed on the way."""

    def __init__(
        self,
        tokens: list[Token],
        slash: Slash,
        percent: Fraction,
        bump: tuple[int, Fraction] | None,
    ) -> None:
        self.tokens, self.slash, self.percent, self.bump = tokens, slash, percent, bump
        self.at = 0

    def peek(self) -> str:
        return self.tokens[self.at].kind if self.at < len(self.tokens) else ""

    def take(self, kind: str) -> Token:
        if self.peek() != kind:
            raise Unreadable(f"no {kind} here")
        self.at += 1
        return self.tokens[self.at - 1]

    def sum(self, depth: int) -> Fraction:
        if depth > MAX_DEPTH:
            raise NoValue("nested too deep")
        value = self.product(depth)
        while (kind := self.peek()) in ("+", "-"):
            self.at += 1
            term = self.product(depth)
            value = self.bounded(value + term if kind == "+" else value - term)
        return value

    def product(self, depth: int) -> Fraction:
        value = self.signed(depth)
        divisors: list[Fraction] = []  # what stands after a slash, where the reading holds it back
        divided = False
        while True:
            kind = self.peek()
            if kind == "*" or (kind in ("(", "frac", "frac2") and not self.tokens[self.at].spaced):
                if kind == "*":
                    self.at += 1
                elif divided or kind != "(" or self.tokens[self.at - 1].kind == "%":
                    raise Unreadable("6/2(3) and 2\\frac12 have two readings")
                factor = self.signed(depth)
                if divisors and self.slash == "wide":
                    divisors[-1] = self.bounded(divisors[-1] * factor)
                else:
                    value = self.bounded(value * factor)
            elif kind == "/":
                self.at += 1
                divided = True
                divisors.append(self.signed(depth))
                if self.slash == "left":
                    value = self.over(value, divisors.pop())
                elif self.slash == "right" and len(divisors) == 2:
                    value = self.over(value, self.over(divisors[0], divisors[1]))
                    divisors = []
            else:
                for divisor in divisors:
                    value = self.over(value, divisor)
                return value

    def signed(self, depth: int) -> Fraction:
        if self.peek() == "-":
            self.at += 1
            return -self.power(depth)
        return self.power(depth)

    def power(self, depth: int) -> Fraction:
        base = self.primary(depth)
        if self.peek() == "sup":
            exponent = Fraction(self.take("sup").text.translate(_SUPERSCRIPT))
        elif self.peek() == "^":
            self.at += 1
            if self.peek() == "{":
                exponent = self.group(depth)
            else:
                sign = -1 if self.peek() == "-" else 1
                self.at += self.peek() == "-"
                exponent = sign * self.primary(depth)
        else:
            return base
        if self.peek() in ("^", "sup"):
            raise NoValue("a tower of powers")
        return self.raised(base, exponent)

    def raised(self, base: Fraction, exponent: Fraction) -> Fraction:
        if exponent.denominator != 1:
            raise Unreadable("not a whole exponent")
        if abs(exponent) > MAX_EXPONENT:
            raise NoValue("too large an exponent")
        if base == 0 and exponent <= 0:
            raise NoValue("zero to a power that is not positive")
        bits = max(base.numerator.bit_length(), base.denominator.bit_length())
        if bits * abs(exponent) > MAX_BITS:
            raise NoValue("too large a power")
        return Fraction(base ** int(exponent))

    def primary(self, depth: int) -> Fraction:
        kind = self.peek()
        if kind == "num":
            value = number(self.take("num").text)
            if self.bump is not None and self.bump[0] == self.at - 1:
                value += self.bump[1]
        elif kind == "(":
            self.at += 1
            value = self.sum(depth + 1)
            self.take(")")
        elif kind == "frac2":
            top, bottom = re.findall("[0-9]", self.take("frac2").text)
            return self.over(Fraction(top), Fraction(bottom))
        else:
            self.take("frac")
            top_value = self.group(depth)
            return self.over(top_value, self.group(depth))
        if self.peek() == "%":
            self.at += 1
            value *= self.percent
        return value

    def group(self, depth: int) -> Fraction:
        self.take("{")
        value = self.sum(depth + 1)
        self.take("}")
        return value

    def over(self, top: Fraction, bottom: Fraction) -> Fraction:
        if bottom == 0:
            raise NoValue("division by zero")
        return self.bounded(top / bottom)

    def bounded(self, value: Fraction) -> Fraction:
        if max(value.numerator.bit_length(), value.denominator.bit_length()) > MAX_BITS:
            raise NoValue("too large")
        return value
