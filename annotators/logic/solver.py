"""Formulas for the solver: does one follow from others?

The domain is not empty, and that is all that is known of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from annotators.logic.formula import Atom, Formula, Joined, Not, Quantified, Term, atoms
from annotators.solver import STEPS_IN_ALL, Solver, switches

STEPS_PER_QUESTION = 500_000


class Prover(Solver[Formula, Formula]):
    """What formulas say of another."""

    def __init__(
        self, steps_per_question: int = STEPS_PER_QUESTION, steps_in_all: int = STEPS_IN_ALL
    ) -> None:
        super().__init__(_script, steps_per_question, steps_in_all)


def _script(premises: Sequence[Formula], goal: Formula) -> str:
    lines = [_declarations((*premises, goal))]
    lines += [f"(assert {_smt(premise)})" for premise in premises]
    lines.append(switches(_smt(goal), _smt(Not(goal))))
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
