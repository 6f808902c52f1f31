"""Whether an equation follows from the one just before it: solution sets compared exactly.

Guaranteed: "does not follow" is said only of two equations that a connective joins, and that are
inconsistent (one variable, no common root over the complex numbers) or, in several variables,
have no common factor, a rational solution of the old that the new misses, and nothing else known
of these variables. Lost and gained solutions are told, and false only where the text claims
equivalence. Not guaranteed: anything of equations with decimals, roots or functions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from sympy import Poly

from annotators.algebra.function import Finding
from annotators.algebra.glue import EQUIVALENT, REWRITE, TEST, joins
from annotators.algebra.identity import difference, is_number
from annotators.algebra.known import free, pairs
from annotators.algebra.parse import Name, Node, variables
from annotators.algebra.text import Statement
from annotators.algebra.tokens import Unreadable
from annotators.algebra.value import exact

MAX_TERMS = 60
MAX_DEGREE = 16


@dataclass(frozen=True, slots=True)
class _Pair:
    old: Statement
    new: Statement
    glue: str


def follows(
    old: Statement, new: Statement, glue: str, known: Sequence[Statement]
) -> Finding | None:
    """What can be said of new after old; `glue` is all text between them."""
    if not joins(old.text, new.text, glue) or TEST.search(old.before[-60:]):
        return None
    if len(old.sides) != 2 or len(new.sides) != 2 or not pairs(old) or not pairs(new):
        return None
    names = old.names & new.names
    if not names or old.names != new.names or old.decimal or new.decimal:
        return None
    if "i" in names or any(name.endswith("()") for name in names):
        return None
    ((a, b),), ((c, d),) = pairs(old), pairs(new)
    try:
        first, second = difference(a, b), difference(c, d)
    except Unreadable:
        return None
    if first.ring != second.ring or first.is_ground or second.is_ground:
        return None
    if b == c or (len(first) == 1 and variables(a) and variables(b)):
        return None  # A = B, then B = C, goes on computing; x + 4x = 8x was no equation
    if max(len(first), len(second)) > MAX_TERMS:
        return None
    if max(max(map(sum, first)), max(map(sum, second))) > MAX_DEGREE:
        return None
    pair = _Pair(old, new, glue)
    if len(names) == 1:
        if _stated((a, b)) and _stated((c, d)):
            return None  # x = 2, x = 3: cases
        return _one_variable(pair, (c, d), first, second, known)
    return _many_variables(pair, (a, b), (c, d), first, second, known)


def _one_variable(
    pair: _Pair,
    new_sides: tuple[Node, Node],
    first: Any,
    second: Any,
    known: Sequence[Statement],
) -> Finding | None:
    root, other = first.sqf_part(), second.sqf_part()
    common = root.gcd(other)
    lost, gained = root.exquo(common), other.exquo(common)
    what = f"{pair.new.text} after {pair.old.text}"
    value = _solved(new_sides)
    if common.is_ground:
        if _cases(known, other):
            return None
        if value is not None and (_near(first, value) or _rounded(pair, value)):
            return None
        rule = "not_a_solution" if value is not None else "does_not_follow"
        return _finding(pair, rule, f"{what} is false: {_shown(pair, value)}", True)
    if lost.is_ground and gained.is_ground:
        return _finding(pair, "equation_follows", f"{what}: the same solutions", False)
    if not lost.is_ground and not gained.is_ground:
        others = [one for one in known if not _same_equation(one, first)]
        false = bool(REWRITE.search(pair.glue)) and value is None
        false = false and free(pair.old.names, None, others)
        text = f"{what} is false: neither has all solutions of the other"
        text = text if false else text.replace(" is false", "")
        return _finding(pair, "does_not_follow" if false else "solutions_changed", text, false)
    real = [_real_roots(one) for one in (lost, gained)]
    rule = "solutions_lost" if not lost.is_ground else "solutions_gained"
    false = any(real) and bool(EQUIVALENT.search(pair.glue))
    return _finding(pair, rule, f"{what}: {rule.replace('_', ' ')}", false)


def _many_variables(
    pair: _Pair,
    old_sides: tuple[Node, Node],
    new_sides: tuple[Node, Node],
    first: Any,
    second: Any,
    known: Sequence[Statement],
) -> Finding | None:
    common = first.gcd(second)
    what = f"{pair.new.text} after {pair.old.text}"
    if not common.is_ground:
        if first.exquo(common).is_ground and second.exquo(common).is_ground:
            return _finding(pair, "equation_follows", f"{what}: the same solutions", False)
        return None
    if not REWRITE.search(pair.glue) or _solved(new_sides) is not None:
        return None
    others = [one for one in known if not _same_equation(one, first)]
    if not free(pair.old.names, None, others):
        return None
    point = _missed(old_sides, new_sides, sorted(pair.old.names))
    if not point:
        return None
    return _finding(pair, "does_not_follow", f"{what} is false: {point}", True)


def _same_equation(statement: Statement, gap: Any) -> bool:
    """Whether a statement is this equation in another dress."""
    try:
        gaps = [difference(a, b) for a, b in pairs(statement)]
    except Unreadable:
        return False
    return bool(gaps) and all(
        one.ring == gap.ring and one != 0 and one.monic() == gap.monic() for one in gaps
    )


def _missed(old: tuple[Node, Node], new: tuple[Node, Node], names: list[str]) -> str:
    """A rational solution of the old equation that the new one misses, in words, or ""."""
    for name in names:
        for shift in range(4):
            point = {
                other: Fraction(2 + 3 * at + shift)
                for at, other in enumerate(names)
                if other != name
            }
            try:
                at_zero, at_one, at_two = (
                    exact(old[0], {**point, name: Fraction(v)})
                    - exact(old[1], {**point, name: Fraction(v)})
                    for v in (0, 1, 2)
                )
                slope = at_one - at_zero
                if slope == 0 or at_two - at_one != slope:
                    continue  # not linear in this variable
                point[name] = -at_zero / slope
                if exact(old[0], point) != exact(old[1], point):
                    continue
                one, other = exact(new[0], point), exact(new[1], point)
            except Unreadable:
                continue
            if one != other:
                place = ", ".join(f"{key} = {value}" for key, value in sorted(point.items()))
                return f"{place} solves the first, and in the second it is {one} = {other}"
    return ""


def _solved(sides: tuple[Node, Node]) -> Fraction | None:
    """The value if the equation is `x = number`."""
    for side, other in (sides, sides[::-1]):
        if isinstance(side, Name) and is_number(other):
            try:
                return exact(other, {})
            except Unreadable:
                return None
    return None


def _stated(sides: tuple[Node, Node]) -> bool:
    """Whether the equation is `x = number`, with pi and roots for numbers too."""
    return any(
        isinstance(one, Name) and variables(one) and not variables(other)
        for one, other in (sides, sides[::-1])
    )


def _cases(known: Sequence[Statement], gap: Any) -> bool:
    """Whether an earlier equation has all solutions of the new one: the next case of it."""
    for statement in known:
        if "|" in statement.text:
            return True
        for a, b in pairs(statement):
            try:
                earlier = difference(a, b)
            except Unreadable:
                continue
            same_ring = earlier.ring == gap.ring and not earlier.is_ground
            if same_ring and max(map(sum, earlier)) > 1 and earlier.rem(gap) == 0:
                return True
    return False


def _near(first: Any, value: Fraction) -> bool:
    """Whether a whole number may be a rounded root: a broken one lies within one of it."""
    if value.denominator != 1:
        return False
    poly = Poly(first.as_expr(), first.ring.symbols[_position(first)])
    low, middle, high = value.numerator - 1, value.numerator, value.numerator + 1
    whole = sum(poly.eval(at) == 0 for at in (low, middle, high))
    return bool(poly.sqf_part().count_roots(low, high) > whole)


def _rounded(pair: _Pair, value: Fraction) -> bool:
    return "round" in pair.new.after.lower() or value.denominator > 10**6


def _real_roots(gap: Any) -> int:
    if gap.is_ground:
        return 0
    return int(Poly(gap.as_expr(), gap.ring.symbols[_position(gap)]).count_roots())


def _position(gap: Any) -> int:
    return next(at for at, degree in enumerate(gap.degrees()) if degree > 0)


def _shown(pair: _Pair, value: Fraction | None) -> str:
    (a, b) = pairs(pair.old)[0]
    if value is not None:
        (name,) = pair.old.names
        try:
            left, right = exact(a, {name: value}), exact(b, {name: value})
        except Unreadable:
            return "the old equation has no value there"
        return f"at {name} = {value} the old equation is {left} = {right}"
    return "no solution of the old equation solves the new one"


def _finding(pair: _Pair, rule: str, text: str, false: bool) -> Finding:
    return Finding(rule, pair.new.start, pair.new.end, text, false)
