"""Linear relations for the solver: does an equation follow from others?

A premise is a disjunction of equations `linear = 0`; a count is never below zero. Numbers are exact
reals; names are made here, so no text reaches z3.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from annotators.quantities.linear import Linear, Quantity
from annotators.solver import STEPS_IN_ALL, Solver, switches

STEPS_PER_QUESTION = 300_000

Premise = tuple[Linear, ...]


class Prover(Solver[Premise, Linear]):
    """What premises say of `goal = 0`."""

    def __init__(
        self, steps_per_question: int = STEPS_PER_QUESTION, steps_in_all: int = STEPS_IN_ALL
    ) -> None:
        super().__init__(_script, steps_per_question, steps_in_all)


def _script(premises: Sequence[Premise], goal: Linear) -> str:
    used = {q for one in (*premises, (goal,)) for linear in one for q in linear.quantities}
    names = {quantity: f"q{index}" for index, quantity in enumerate(sorted(used))}
    lines = [f"(declare-const {name} Real)" for name in names.values()]
    lines += [f"(assert (>= {name} 0.0))" for q, name in names.items() if not q.reading]
    for premise in premises:
        sides = [_smt(linear, names) for linear in premise]
        lines.append(f"(assert (or {' '.join(sides)}))")
    wanted = _smt(goal, names)
    lines.append(switches(wanted, f"(not {wanted})"))
    return "\n".join(lines)


def _smt(linear: Linear, names: dict[Quantity, str]) -> str:
    parts = [f"(* {_number(factor)} {names[quantity]})" for quantity, factor in linear.terms]
    return f"(= (+ {_number(linear.constant)} {' '.join(parts)} 0.0) 0.0)"


def _number(value: Fraction) -> str:
    size = f"(/ {abs(value.numerator)}.0 {value.denominator}.0)"
    return f"(- {size})" if value < 0 else size
