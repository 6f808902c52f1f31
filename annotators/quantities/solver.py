"""Does an equation follow from linear relations? z3 is asked of it and of its negation.

A premise is a disjunction of equations `linear = 0`; a count is never below zero. Guaranteed:
FOLLOWS and REFUTED are given only where the premises are shown to be satisfiable; numbers are
exact reals; names are made here, so no text reaches z3. Every question has a context of its own
and a limit in z3's own steps, not in time; when the steps of all questions together reach
`steps_in_all`, everything is UNKNOWN from then on. (annotators/logic/solver.py, for equations.)
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from annotators.logic.solver import Answer
from annotators.quantities.linear import Linear, Quantity

STEPS_PER_QUESTION = 300_000
STEPS_IN_ALL = 3_000_000
_STEPS_TO_ASK = 2000  # and one for each character: making a question costs time too

Premise = tuple[Linear, ...]
_HOLDS, _FAILS = "holds", "fails"


class Prover:
    """Questions, and what is left of the limit on them all."""

    def __init__(
        self, steps_per_question: int = STEPS_PER_QUESTION, steps_in_all: int = STEPS_IN_ALL
    ) -> None:
        import z3  # here, because most texts bind no claim and z3 takes long to load

        self._z3: Any = z3
        self._answers: dict[tuple[tuple[Premise, ...], Linear], Answer] = {}
        self._per_question, self._left = steps_per_question, steps_in_all

    def decide(self, premises: Sequence[Premise], goal: Linear) -> Answer:
        """What the premises say of `goal = 0`."""
        key = (tuple(premises), goal)
        if key not in self._answers:
            self._answers[key] = self._decide(*key)
        return self._answers[key]

    def _decide(self, premises: tuple[Premise, ...], goal: Linear) -> Answer:
        if self._left <= 0:
            return Answer.UNKNOWN
        z3 = self._z3
        solver = z3.SimpleSolver(ctx=z3.Context())
        solver.set("rlimit", min(self._per_question, self._left))
        script = _script(premises, goal)
        solver.from_string(script)
        holds, fails = (z3.Bool(name, solver.ctx) for name in (_HOLDS, _FAILS))
        with_goal, without = solver.check(holds), solver.check(fails)
        sides = (with_goal, without)
        # If one side is impossible, that says something only of premises that can hold.
        consistent = z3.sat in sides or (z3.unsat in sides and solver.check() == z3.sat)
        steps = (int(n) for key, n in solver.statistics() if key == "rlimit count")
        self._left -= next(steps, 0) + _STEPS_TO_ASK + len(script)
        if sides == (z3.sat, z3.sat):
            return Answer.NEITHER
        if sides == (z3.unsat, z3.unsat):
            return Answer.CONTRADICTION
        if z3.unsat not in sides or not consistent:
            return Answer.UNKNOWN
        return Answer.FOLLOWS if without == z3.unsat else Answer.REFUTED


def _script(premises: Sequence[Premise], goal: Linear) -> str:
    """SMT-LIB: the premises, and two switches for the goal, so that all is read only once."""
    used = {q for one in (*premises, (goal,)) for linear in one for q in linear.quantities}
    names = {quantity: f"q{index}" for index, quantity in enumerate(sorted(used))}
    lines = [f"(declare-const {name} Real)" for name in names.values()]
    lines += [f"(assert (>= {name} 0.0))" for q, name in names.items() if not q.reading]
    for premise in premises:
        sides = [_smt(linear, names) for linear in premise]
        lines.append(f"(assert (or {' '.join(sides)}))")
    wanted = _smt(goal, names)
    lines.append(f"(declare-const {_HOLDS} Bool)(assert (=> {_HOLDS} {wanted}))")
    lines.append(f"(declare-const {_FAILS} Bool)(assert (=> {_FAILS} (not {wanted})))")
    return "\n".join(lines)


def _smt(linear: Linear, names: dict[Quantity, str]) -> str:
    parts = [f"(* {_number(factor)} {names[quantity]})" for quantity, factor in linear.terms]
    return f"(= (+ {_number(linear.constant)} {' '.join(parts)} 0.0) 0.0)"


def _number(value: Fraction) -> str:
    size = f"(/ {abs(value.numerator)}.0 {value.denominator}.0)"
    return f"(- {size})" if value < 0 else size
