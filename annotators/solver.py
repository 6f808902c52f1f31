"""Does a goal follow from premises? z3 is asked of the goal and of its negation.

Guaranteed: FOLLOWS and REFUTED are given only where the premises are shown to be consistent, so
nothing follows from a contradiction. Every question has a context of its own and a limit counted
in z3's own steps, not in time, so an answer depends on nothing that was asked before it, until
the steps of all questions together reach `steps_in_all`; from then on everything is UNKNOWN, as is
whatever z3 leaves open.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from enum import StrEnum
from typing import Any, Generic, TypeVar

# Ordinary questions need under 20,000 of z3's steps; a million take about half a second.
STEPS_IN_ALL = 3_000_000  # a check must end before its worker is killed: some 300 questions
_STEPS_TO_ASK = 2000  # and one for each character: making a question costs time too

P = TypeVar("P", bound=Hashable)  # a premise
G = TypeVar("G", bound=Hashable)  # a goal

HOLDS, FAILS = "goal-holds", "goal-fails"  # no name that a script declares may be one of these


class Answer(StrEnum):
    """What premises say of a goal."""

    FOLLOWS = "follows"
    REFUTED = "refuted"  # its negation follows
    NEITHER = "neither"
    CONTRADICTION = "contradiction"  # the premises cannot all hold
    UNKNOWN = "unknown"  # a limit was reached


class Solver(Generic[P, G]):
    """Questions, and what is left of the limit on them all."""

    def __init__(
        self,
        script: Callable[[Sequence[P], G], str],
        steps_per_question: int,
        steps_in_all: int = STEPS_IN_ALL,
    ) -> None:
        """`script`: premises and a goal as SMT-LIB that asserts the premises and ends with
        `switches` of the goal."""
        import z3  # here, because most texts are not for z3, and it takes long to load

        self._z3: Any = z3
        self._script = script
        self._answers: dict[tuple[tuple[P, ...], G], Answer] = {}
        self._per_question, self._left = steps_per_question, steps_in_all

    def decide(self, premises: Sequence[P], goal: G) -> Answer:
        """What the premises say of the goal."""
        key = (tuple(dict.fromkeys(premises)), goal)
        if key not in self._answers:
            self._answers[key] = self._decide(*key)
        return self._answers[key]

    def _decide(self, premises: tuple[P, ...], goal: G) -> Answer:
        if self._left <= 0:
            return Answer.UNKNOWN
        z3 = self._z3
        # The plain SMT core: four times as fast as z3's default tactics on these small problems.
        solver = z3.SimpleSolver(ctx=z3.Context())
        solver.set("rlimit", min(self._per_question, self._left))
        script = self._script(premises, goal)
        solver.from_string(script)
        holds, fails = (z3.Bool(name, solver.ctx) for name in (HOLDS, FAILS))
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


def switches(goal: str, negation: str) -> str:
    """SMT-LIB of a goal and of its negation that the solver turns on one at a time, so that the
    premises are read only once."""
    return (
        f"(declare-const {HOLDS} Bool)(assert (=> {HOLDS} {goal}))"
        f"(declare-const {FAILS} Bool)(assert (=> {FAILS} {negation}))"
    )
