"""What a formula is: a quotient of polynomials (exact), or an interval at a point (rigorous).

Guaranteed: sizes are checked before every product and power, so that time and memory are bounded
whatever the formula says. `ratio` is exact over the rationals; `interval` encloses the true real
value. Not guaranteed: a value off the formula's real domain, or of functions not listed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from mpmath import iv  # type: ignore[import-untyped]
from mpmath.libmp import ComplexResult  # type: ignore[import-untyped]
from sympy import QQ
from sympy.polys.rings import ring

from annotators.algebra.parse import Name, Node, Num, Op
from annotators.algebra.tokens import Unreadable

MAX_NAMES = 8
MAX_TERMS = 600
MAX_PRODUCT = 20_000
MAX_EXPONENT = 24
MAX_BITS = 2048

Ratio = tuple[Any, Any]  # numerator and denominator, elements of one polynomial ring


def ring_of(names: Sequence[str]) -> dict[str, Any]:
    """Each name's generator in the ring of polynomials over the rationals; "" is the one."""
    if len(names) > MAX_NAMES:
        raise Unreadable("too many variables")
    made = ring([f"v{i}" for i in range(max(1, len(names)))], QQ)
    return {"": made[0].one, **dict(zip(sorted(names), made[1:], strict=False))}


def ratio(node: Node, generators: Mapping[str, Any]) -> Ratio:
    """Numerator and denominator, not reduced. Raises Unreadable past a cap or off the rationals."""
    one = generators[""]
    if isinstance(node, Num):
        return one * QQ(node.value.numerator, node.value.denominator), one
    if isinstance(node, Name):
        if node.text not in generators:
            raise Unreadable(f"{node.text} is no variable here")
        return generators[node.text], one
    values = [ratio(argument, generators) for argument in node.args]
    match node.sign, values:
        case "neg", [(top, bottom)]:
            return -top, bottom
        case "+" | "-", [(a, b), (c, d)]:
            left, right = _times(a, d), _times(c, b)
            return (left + right if node.sign == "+" else left - right), _times(b, d)
        case "*", [(a, b), (c, d)]:
            return _times(a, c), _times(b, d)
        case "/", [(a, b), (c, d)]:
            if c == 0:
                raise Unreadable("division by zero")
            return _times(a, d), _times(b, c)
        case "^", [(a, b), (c, d)]:
            exponent = _whole(c, d)
            if exponent < 0:
                a, b, exponent = b, a, -exponent
            if b == 0:
                raise Unreadable("division by zero")
            if exponent == 0 and a == 0:
                raise Unreadable("0^0")
            return _power(a, exponent, one), _power(b, exponent, one)
    raise Unreadable(f"{node.sign} is not rational")


def _whole(top: Any, bottom: Any) -> int:
    if not (top.is_ground and bottom.is_ground):
        raise Unreadable("a variable in an exponent")
    value = as_fraction(top) / as_fraction(bottom)
    if value.denominator != 1 or abs(value) > MAX_EXPONENT:
        raise Unreadable("an exponent that is broken or too large")
    return value.numerator


def _times(a: Any, b: Any) -> Any:
    if len(a) * len(b) > MAX_PRODUCT:
        raise Unreadable("too many terms")
    made = a * b
    if len(made) > MAX_TERMS or any(
        max(value.numerator.bit_length(), value.denominator.bit_length()) > MAX_BITS
        for value in made.values()
    ):
        raise Unreadable("too large")
    return made


def _power(base: Any, exponent: int, one: Any) -> Any:
    made = one
    for _ in range(exponent):
        made = _times(made, base)
    return made


def substitute(node: Node, point: Mapping[str, Fraction]) -> Node:
    """The tree with these names as numbers."""
    if isinstance(node, Num):
        return node
    if isinstance(node, Name):
        return Num(point[node.text]) if node.text in point else node
    return Op(node.sign, tuple(substitute(argument, point) for argument in node.args))


def exact(node: Node, point: Mapping[str, Fraction]) -> Fraction:
    """The rational value at a point. Raises Unreadable where there is none."""
    top, bottom = ratio(substitute(node, point), ring_of([]))
    return as_fraction(top) / as_fraction(bottom)


def as_fraction(ground: Any) -> Fraction:
    """A polynomial without variables as a number."""
    value = ground.LC if ground else QQ(0)
    return Fraction(int(value.numerator), int(value.denominator))


def interval(node: Node, point: Mapping[str, Fraction]) -> Any:
    """An interval around the real value at a point. Raises Unreadable off the domain."""
    try:
        return _interval(node, point)
    except (ComplexResult, ZeroDivisionError, ValueError, OverflowError) as error:
        raise Unreadable(str(error)) from error


def _interval(node: Node, point: Mapping[str, Fraction]) -> Any:
    if isinstance(node, Num):
        return iv.mpf(node.value.numerator) / node.value.denominator
    if isinstance(node, Name):
        if node.text == "pi":
            return iv.pi
        if node.text not in point:
            raise Unreadable(f"{node.text} has no value")
        return iv.mpf(point[node.text].numerator) / point[node.text].denominator
    values = [_interval(argument, point) for argument in node.args]
    match node.sign, values:
        case "neg", [a]:
            return -a
        case "+", [a, b]:
            return a + b
        case "-", [a, b]:
            return a - b
        case "*", [a, b]:
            return a * b
        case "/", [a, b]:
            if 0 in b:
                raise Unreadable("division by what may be zero")
            return a / b
        case "^", [a, b]:
            return _interval_power(a, b)
        case "root", [a, b]:
            if a.a < 0 or b.a != b.b or not 2 <= b.a <= 9:
                raise Unreadable("a root off the positive numbers")
            return iv.sqrt(a) if b.a == 2 else iv.mpf(0) if a == 0 else iv.exp(iv.log(a) / b)
        case "abs", [a]:
            return abs(a)
        case "ln", [a]:
            if a.a <= 0:
                raise Unreadable("the logarithm of what may be no positive number")
            return iv.log(a)
        case "exp", [a]:
            return _bounded(iv.exp, a)
        case "sin" | "cos" | "tan", [a]:
            return _bounded({"sin": iv.sin, "cos": iv.cos, "tan": iv.tan}[node.sign], a)
    raise Unreadable(f"{node.sign} has no value")


def _bounded(function: Any, argument: Any) -> Any:
    if abs(argument).b > 100:
        raise Unreadable("an argument that is too large")
    return function(argument)


def _interval_power(base: Any, exponent: Any) -> Any:
    if abs(exponent).b > 40 or abs(base).b > 10**12:
        raise Unreadable("too large")
    if exponent.a == exponent.b and int(exponent.a) == exponent.a:
        if exponent.a <= 0 and 0 in base:
            raise Unreadable("a power of zero")
        return base ** int(exponent.a)
    if base.a <= 0:
        raise Unreadable("a broken power off the positive numbers")
    return iv.exp(exponent * iv.log(base))
