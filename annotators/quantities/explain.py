"""Sentences that a person can check: why a statement contradicts the problem.

The problem's own sentences are quoted, with the values of the quantities that they build on.
"""

from __future__ import annotations

from fractions import Fraction

from annotators.quantities.linear import Linear, Quantity
from annotators.quantities.problem import Problem
from annotators.quantities.statements import Statement

MAX_QUOTE = 200
MAX_QUOTES = 4


def refuted(problem: Problem, statement: Statement, words: str, others_said: bool) -> str:
    """Why a value is wrong."""
    text = f"{_cut(words)} contradicts the problem: {worth(problem, statement.left)}"
    if others_said:
        text += "; what earlier lines said does not lead there either"
    return text


def worth(problem: Problem, asked: Linear) -> str:
    """What a quantity is by the problem, and by which sentence."""
    alone = asked.alone
    if alone is not None and alone in problem.causes:
        value, statement = problem.causes[alone]
        quote = f'"{_cut(problem.quote(statement))}"'
        others = [q for q in statement.relation.quantities if q != alone]
        if not others:
            return quote
        return f"{quote}, and {_values(problem, others)}, so {number(value)}"
    if all(quantity in problem.causes for quantity in asked.quantities):
        value = sum((c * problem.causes[q][0] for q, c in asked.terms), asked.constant)
        return f"{_values(problem, list(asked.quantities))}, so {number(value)}"
    about = [
        one for one in problem.statements if set(asked.quantities) & set(one.relation.quantities)
    ]
    quotes = dict.fromkeys(f'"{_cut(problem.quote(one))}"' for one in about)
    return "; ".join(list(quotes)[:MAX_QUOTES])


def relation(problem: Problem, statement: Statement, words: str) -> str:
    """Why a relation does not hold."""
    quantities = statement.relation.quantities
    stated = [
        one
        for one in problem.statements
        if one.amount is None and set(one.relation.quantities) == set(quantities)
    ]
    text = f"{_cut(words)} contradicts the problem: "
    if stated:
        text += f'"{_cut(problem.quote(stated[0]))}"'
    known = [quantity for quantity in quantities if quantity in problem.causes]
    if known and (not stated or len(known) == len(quantities)):
        text += (", where " if stated else "") + _values(problem, known)
    return text


def number(value: Fraction) -> str:
    """A whole number, a short decimal or a fraction."""
    if value.denominator == 1 or 1000 % value.denominator:
        return str(value)
    return f"{float(value):.3f}".rstrip("0")


def named(quantity: Quantity) -> str:
    """ "Ann (pen)"."""
    owner = quantity.owner
    owner = owner if owner.startswith("the ") else owner.title() or "there"
    return f"{owner} ({quantity.item})"


def _values(problem: Problem, quantities: list[Quantity]) -> str:
    return ", ".join(
        f"{named(quantity)}: {number(problem.causes[quantity][0])}"
        for quantity in quantities
        if quantity in problem.causes
    )


def _cut(text: str) -> str:
    return text if len(text) <= MAX_QUOTE else text[: MAX_QUOTE - 3] + "..."
