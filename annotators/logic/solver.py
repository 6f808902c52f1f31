"""Does a formula follow from premises? z3 is asked of the goal and of its negation.

Guaranteed: FOLLOWS and REFUTED are given only where the premises are shown to be consistent, so
nothing follows from a contradiction. Every question has a context of its own and a limit counted
in z3's own steps, not in time, so an answer depends on nothing that was asked before it, until
the steps of all questions together reach `steps_in_all`; from then on everything is UNKNOWN, as is
whatever z3 leaves open. The domain is not empty, and that is all that is known of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any

from annotators.logic.formula import Atom, Formula, Joined, Not, Quantified, Term, atoms

# Ordinary questions need under 20,000 of z3's steps; a million take about half a second.
STEPS_PER_QUESTION = 500_000
STEPS_IN_ALL = 3_000_000  # a check must end before its worker is killed: some 300 questions
_STEPS_TO_ASK = 2000  # and one for each character: making a question costs time too

_HOLDS, _FAILS = "goal-holds", "goal-fails"  # no predicate's name ends without its arity


class Answer(StrEnum):
    """What premises say of a goal."""

    FOLLOWS = "follows"
    REFUTED = "refuted"  # its negation follows
    NEITHER = "neither"
    CONTRADICTION = "contradiction"  # the premises cannot all hold
    UNKNOWN = "unknown"  # a limit was reached


class Prover:
    """Questions, and what is left of the limit on them all."""

    def __init__(
        self, steps_per_question: int = STEPS_PER_QUESTION, steps_in_all: int = STEPS_IN_ALL
    ) -> None:
        import z3  # here, because most texts are not logic and z3 takes long to load

        self._z3: Any = z3
        self._answers: dict[tuple[tuple[Formula, ...], Formula], Answer] = {}
        self._per_question, self._left = steps_per_question, steps_in_all

    def decide(self, premises: Sequence[Formula], goal: Formula) -> Answer:
        """What the premises say of the goal."""
        key = (tuple(dict.fromkeys(premises)), goal)
        if key not in self._answers:
            self._answers[key] = self._decide(*key)
        return self._answers[key]

    def _decide(self, premises: tuple[Formula, ...], goal: Formula) -> Answer:
        if self._left <= 0:
            return Answer.UNKNOWN
        z3 = self._z3
        # The plain SMT core: four times as fast as z3's default tactics on these small problems.
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


def _script(premises: Sequence[Formula], goal: Formula) -> str:
    """SMT-LIB: the premises, and two switches for the goal, so that all is read only once."""
    lines = [_declarations((*premises, goal))]
    lines += [f"(assert {_smt(premise)})" for premise in premises]
    lines.append(f"(declare-const {_HOLDS} Bool)(assert (=> {_HOLDS} {_smt(goal)}))")
    lines.append(f"(declare-const {_FAILS} Bool)(assert (=> {_FAILS} {_smt(Not(goal))}))")
    return "\n".join(lines)


def _declarations(formulas: Iterable[Formula]) -> str:
    """The arity is part of a predicate's name: P(a) and P(a, b) are two predicates."""
    found = [atom for formula in formulas for atom in atoms(formula)]
    predicates = {(atom.predicate, len(atom.args)) for atom in found}
    constants = {term for atom in found for term in atom.args if isinstance(term, str)}
    lines = ["(declare-sort Thing 0)"]
    lines += [f"(declare-const {_quoted(name)} Thing)" for name in sorted(constants)]
    lines += [
        f"(declare-fun {_quoted(f'{name}/{arity}')} ({'Thing ' * arity}) Bool)"
        for name, arity in sorted(predicates)
    ]
    return "".join(lines)


def _smt(formula: Formula) -> str:
    match formula:
        case Atom(predicate, args):
            name = _quoted(f"{predicate}/{len(args)}")
            return f"({name} {' '.join(map(_term, args))})" if args else name
        case Not(body):
            return f"(not {_smt(body)})"
        case Quantified(every, level, body):
            quantifier = "forall" if every else "exists"
            return f"({quantifier} (({_term(level)} Thing)) {_smt(body)})"
        case Joined(by, left, right):
            sign = {"and": "and", "or": "or", "implies": "=>", "iff": "="}[by]
            return f"({sign} {_smt(left)} {_smt(right)})"


def _term(term: Term) -> str:
    return f"?{term}" if isinstance(term, int) else _quoted(term)


def _quoted(name: str) -> str:
    """Any name without these two characters can stand between bars."""
    if "|" in name or "\\" in name:
        raise ValueError(f"not a name: {name!r}")
    return f"|{name}|"
