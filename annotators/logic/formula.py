"""First-order formulas over constants, without functions or equality: what `logic` reads text into.

A bound variable is its level, the number of quantifiers around its own (0 for the outermost), so
two closed formulas that differ in the names of variables are equal. Formulas can be hashed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Term = str | int  # a constant's name, or a variable's level
Connective = Literal["and", "or", "implies", "iff"]


@dataclass(frozen=True, slots=True)
class Atom:
    """A predicate of its arguments; without arguments a proposition."""

    predicate: str
    args: tuple[Term, ...] = ()


@dataclass(frozen=True, slots=True)
class Not:
    body: Formula


@dataclass(frozen=True, slots=True)
class Joined:
    """Two formulas under one connective."""

    by: Connective
    left: Formula
    right: Formula


@dataclass(frozen=True, slots=True)
class Quantified:
    """For all, or for some, values of the variable `level`."""

    every: bool
    level: int
    body: Formula


Formula = Atom | Not | Joined | Quantified


def negation(formula: Formula) -> Formula:
    """The formula without its negation sign, or with one."""
    return formula.body if isinstance(formula, Not) else Not(formula)


def atoms(formula: Formula) -> Iterator[Atom]:
    """Every atom, from left to right, repeated ones too."""
    match formula:
        case Atom():
            yield formula
        case Not(body) | Quantified(body=body):
            yield from atoms(body)
        case Joined(_, left, right):
            yield from atoms(left)
            yield from atoms(right)


def is_general(formula: Formula) -> bool:
    """Whether it speaks of all things (a rule), rather than of named ones (a fact)."""
    match formula:
        case Quantified(every, _, body):
            return every or is_general(body)
        case Not(body):
            return is_general(body)
        case Joined(_, left, right):
            return is_general(left) or is_general(right)
    return False


def words_of(formula: Formula) -> frozenset[str]:
    """The names in it, in lower case, articles left out: what a text must have to speak of it."""
    names = set[str]()
    for atom in atoms(formula):
        names.add(re.sub(r"^an? ", "", atom.predicate).lower())
        names.update(term.lower() for term in atom.args if isinstance(term, str))
    return frozenset(names)
