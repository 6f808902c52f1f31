"""Another operation, or another operand, in an equation that stays true.

Guaranteed: the old equation was true, the new one is true and has another result, so the step says
something else than the faultless one; and the step has words enough to say what the result is of,
so that what it says is wrong. A new operand occurs nowhere in the problem or the solution, so
nothing can have stated it.
"""

from __future__ import annotations

import random
import re
from fractions import Fraction

from annotators.judge.probes.base import Base
from annotators.judge.probes.equations import (
    Equation,
    compute,
    equations,
    numbers,
    value,
    written,
)
from annotators.judge.probes.probe import Change

_OTHER = {"+": "*", "-": "+", "*": "+", "/": "*"}
_LARGEST = 10**9
_WORD = re.compile(r"[^\W\d_]{2,}")
_FEWEST_WORDS = 3


def other_operations(base: Base) -> list[Change]:
    """At most one for each equation."""
    changes = []
    for place, step, equation in _meant(base):
        op = _OTHER[equation.op]
        change = _changed(base, place, step, equation, equation.a, op, equation.b)
        if change is not None:
            changes.append(change)
    return changes


def other_operands(base: Base, rng: random.Random) -> list[Change]:
    """At most one for each equation."""
    known = numbers(base.text).union(*(numbers(step) for step in base.steps))
    changes = []
    for place, step, equation in _meant(base):
        first = rng.random() < 0.5 or equation.op == "/"
        new = _unheard_of(equation, first, known, rng)
        if new is None:
            continue
        a, b = (new, equation.b) if first else (equation.a, new)
        change = _changed(base, place, step, equation, a, equation.op, b)
        if change is not None:
            changes.append(change)
    return changes


def _meant(base: Base) -> list[tuple[int, str, Equation]]:
    """The equations of steps that say in words what they compute."""
    return [
        (place, step, equation)
        for place, step in enumerate(base.steps)
        for equation in equations(step)
        if len(_WORD.findall(equation.around(step))) >= _FEWEST_WORDS
    ]


def _changed(
    base: Base, place: int, step: str, equation: Equation, a: str, op: str, b: str
) -> Change | None:
    result = compute(value(a), op, value(b))
    if result is None or result == value(equation.c) or result > _LARGEST:
        return None
    c = written(result, equation.c)
    if c is None:
        return None
    new = equation.rewritten(step, a, op, b, c)
    detail = f"The equation {equation} was changed to {a} {op} {b} = {c}, true in itself."
    steps = (*base.steps[:place], new, *base.steps[place + 1 :])
    return Change(steps, place, (place,), detail)


def _unheard_of(
    equation: Equation, first: bool, known: set[Fraction], rng: random.Random
) -> str | None:
    """A number near the operand that nothing has mentioned; of a dividend, one that divides."""
    text = equation.a if first else equation.b
    old = value(text)
    stride = value(equation.b) if equation.op == "/" else Fraction(1)
    options = [old + sign * n * stride for n in range(1, 20) for sign in (1, -1)]
    fresh = [w for new in options if new not in known and (w := written(new, text))]
    return rng.choice(fresh[:6]) if fresh else None
