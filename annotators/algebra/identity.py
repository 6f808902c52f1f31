"""Whether two formulas have one value at all points: shown by algebra, refuted at a point.

Guaranteed: `holds` is exact (equal quotients of polynomials); a refutation of those is an exact
rational point; a refutation with roots, logarithms, trigonometry or powers with a variable
exponent is by disjoint intervals at *every* point tried in the common real domain, at least four.
Everything else is open. Not guaranteed: that the text meant an identity; callers see to that.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import islice, product
from typing import Any

from annotators.algebra.parse import Name, Node, Num, Op, variables
from annotators.algebra.tokens import Unreadable
from annotators.algebra.value import exact, interval, ratio, ring_of

MIN_POINTS = 4

_RATIONAL_VALUES = tuple(Fraction(n) for n in (1, 2, 3, -1, 5, 7))
_REAL_POINTS = tuple(Fraction(n, d) for n, d in ((1, 3), (2, 1), (5, 2), (1, 2), (3, 1), (7, 5)))
_WHOLE_POINTS = tuple(Fraction(n) for n in (1, 2, 3, 4, 5, 6))


@dataclass(frozen=True, slots=True)
class Comparison:
    """`refuted` is None where nothing was decided; `witness` is the sentence's second half."""

    refuted: bool | None
    witness: str = ""


OPEN = Comparison(None)


@lru_cache(maxsize=4096)
def compare(left: Node, right: Node) -> Comparison:
    """Whether left = right at all points where both have a value."""
    names = variables(left) | variables(right)
    if "i" in names or any(name.endswith("()") for name in names):
        return OPEN
    try:
        gap = difference(left, right)
    except Unreadable:
        return _by_intervals(left, right, sorted(names))
    if gap == 0:
        return Comparison(False)
    return _by_points(left, right, sorted(names))


def difference(left: Node, right: Node) -> Any:
    """The numerator of left - right, a polynomial in all their names."""
    names = variables(left) | variables(right) | {"pi"}
    gap, bottom = ratio(Op("-", (left, right)), ring_of(sorted(names)))
    if bottom == 0:
        raise Unreadable("division by zero")
    return gap


def resembles(left: Node, right: Node) -> bool:
    """Whether right can be left with a slip: terms mostly shared, or the leading ones."""
    names = sorted(variables(left) | variables(right) | {"pi"})
    try:
        generators = ring_of(names)
        (a, b), (c, d) = ratio(left, generators), ratio(right, generators)
        if b == d:
            return _shares_terms(a, c)
        return _shares_terms(a * d, c * b) or (a == c and _shares_terms(b, d))
    except Unreadable:
        return True  # no polynomials: intervals at all points decide


def _shares_terms(first: Any, second: Any) -> bool:
    if not first or not second:
        return False
    shared = {term for term, value in second.items() if first.get(term) == value}
    if 2 * len(shared) >= max(len(first), len(second)):
        return True
    degree = max(map(sum, first))
    if degree != max(map(sum, second)):
        return False
    if len(first) == len(second) == 1:
        return True
    leading = {term for term in {*first, *second} if sum(term) == degree}
    nested = set(first) <= set(second) or set(second) <= set(first)
    return leading <= shared or (nested and bool(shared))


def _by_points(left: Node, right: Node, names: list[str]) -> Comparison:
    for values in islice(product(_RATIONAL_VALUES, repeat=len(names)), 60):
        point = dict(zip(names, values, strict=True))
        try:
            one, other = exact(left, point), exact(right, point)
        except Unreadable:
            continue  # a pole, or pi
        if one != other:
            return Comparison(True, f"{_place(point)} it is {one} = {other}")
    return OPEN


def _by_intervals(left: Node, right: Node, names: list[str]) -> Comparison:
    if not names or len(names) > 3 or "e" in names:
        return OPEN
    pool = _WHOLE_POINTS if _broken_power(left) or _broken_power(right) else _REAL_POINTS
    witness, counted = "", 0
    for at in range(len(pool)):
        point = {name: pool[(at + 2 * k) % len(pool)] for k, name in enumerate(names)}
        try:
            one, other = interval(left, point), interval(right, point)
        except Unreadable:
            continue
        if not (one.b < other.a or other.b < one.a):
            return OPEN
        counted += 1
        if not witness:
            values = f"{float(one.mid):.5g} = {float(other.mid):.5g}"
            witness = f"{_place(point)} it is about {values}"
    return Comparison(True, witness) if counted >= MIN_POINTS else OPEN


def _broken_power(node: Node) -> bool:
    """Whether a variable stands in an exponent; such a variable may be a whole number."""
    if not isinstance(node, Op):
        return False
    if node.sign == "^" and variables(node.args[1]):
        return True
    return any(_broken_power(argument) for argument in node.args)


def _place(point: dict[str, Fraction]) -> str:
    return "at " + ", ".join(f"{name} = {value}" for name, value in point.items())


def compound(node: Node) -> bool:
    """Whether a formula computes something: no lone number, name or applied function."""
    return isinstance(node, Op) and not node.sign.endswith("()") and node.sign != "int"


def is_name(node: Node | None) -> bool:
    return isinstance(node, Name)


def is_number(node: Node | None) -> bool:
    """A closed formula: no variables."""
    return isinstance(node, Num) or (node is not None and not variables(node))
