"""Whether an expression is what a relation asks for: "3 * 12" where Tom has 3 times as many.

Guaranteed: grounds are given only where the numbers of the expression are, in their places, the
relation's own numbers and values that its other quantities are known to have.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from itertools import combinations, islice, product

from annotators.arithmetic.tokens import Unreadable, number
from annotators.quantities.linear import ZERO, Linear, Quantity, constant, equation, just
from annotators.quantities.problem import Problem
from annotators.quantities.solver import Premise
from annotators.quantities.statements import Statement

MAX_CHOICES = 32
MAX_PARTS = 5

Expression = tuple[Fraction, str, Fraction]


def grounds(
    statement: Statement,
    target: Quantity,
    relations: Sequence[Linear],
    known: Callable[[Quantity], Sequence[Fraction]],
) -> Iterator[list[Premise]]:
    """A relation and values of its other quantities that make the expression of the statement."""
    assert statement.amount is not None
    concluded = statement.amount.plain
    said = None if concluded is not None else _expression(statement)
    if concluded is None and said is None:
        return
    for relation in relations:
        if target not in relation.quantities or len(relation.terms) < 2:
            continue
        rest = relation.solved(target)
        choices = [known(quantity) for quantity in rest.quantities]
        for values in islice(product(*choices), MAX_CHOICES):
            if said is None:
                value = sum(
                    (c * v for (_, c), v in zip(rest.terms, values, strict=True)), rest.constant
                )
                fits = value == concluded
            else:
                fits = said in _plans(rest, values)
            if fits:
                yield [
                    (relation,),
                    *(
                        (equation(just(q), constant(v)),)
                        for q, v in zip(rest.quantities, values, strict=True)
                    ),
                ]


def adds_up(statement: Statement, known: Callable[[Quantity], Sequence[Fraction]]) -> bool:
    """Whether a total is a true sum of values that its quantities are known to have."""
    amount = statement.amount
    assert amount is not None
    kinds = [token.kind for token in amount.tokens]
    marks = [kind for kind in kinds[1::2] if kind != "+"]
    if len(set(amount.values)) > 1 or kinds[::2] != ["num"] * len(kinds[::2]) or marks != ["="]:
        return False
    if kinds[-2] != "=" or any(factor != 1 for _, factor in statement.left.terms):
        return False
    try:
        summands = sorted(number(token.text) for token in amount.tokens[:-1:2])
    except Unreadable:
        return False
    choices = [known(quantity) for quantity in statement.left.quantities]
    return any(sorted(chosen) == summands for chosen in islice(product(*choices), MAX_CHOICES))


def halfway_values(problem: Problem, left: Linear) -> set[Fraction]:
    """Values on the way through a relation of two operations, near these quantities.

    Where Tom has 3 more than twice as many pens as Ann, people write "Tom has 2 * 5 = 10 pens",
    even "Ann has 2 * 5 = 10 pens", on the way to 13.
    """
    found: set[Fraction] = set()
    for relation in problem.relations:
        steps = len(relation.terms) - 2 + (relation.constant != 0)
        steps += any(abs(factor) != 1 for _, factor in relation.terms)
        if steps < 2 or not set(left.quantities) & set(relation.quantities):
            continue
        for target in relation.quantities:
            rest = relation.solved(target)
            parts = [rest.constant] if rest.constant else []
            for quantity, factor in rest.terms:
                if quantity in problem.causes:
                    parts.append(factor * problem.causes[quantity][0])
            for size in range(1, min(len(parts), MAX_PARTS)):
                found |= {sum(chosen, ZERO) for chosen in combinations(parts, size)}
            if target in problem.causes:
                found |= {problem.causes[target][0] - part for part in parts}
    return found


def _expression(statement: Statement) -> Expression | None:
    """`a op b` of `a op b = c`."""
    assert statement.amount is not None
    tokens = statement.amount.tokens
    if [token.kind for token in tokens[::2]] != ["num"] * 3 or len(tokens) != 5:
        return None
    if tokens[1].kind not in "+-*/" or tokens[3].kind != "=":
        return None
    try:
        return number(tokens[0].text), tokens[1].kind, number(tokens[2].text)
    except Unreadable:
        return None


def _plans(rest: Linear, values: Sequence[Fraction]) -> list[Expression]:
    """The expressions of two numbers that compute `rest` from these values."""
    factors = [factor for _, factor in rest.terms]
    if len(factors) == 1:
        (factor,), (value,) = factors, values
        if factor == 1 and rest.constant > 0:
            return [(value, "+", rest.constant), (rest.constant, "+", value)]
        if factor == 1 and rest.constant < 0:
            return [(value, "-", -rest.constant)]
        if rest.constant:
            return []
        ratio = [(value, "*", factor), (factor, "*", value)]
        return [*ratio, (value, "/", 1 / factor)] if factor.numerator == 1 else ratio
    if len(factors) == 2 and not rest.constant:
        (a, b), (x, y) = factors, values
        if a == b == 1:
            return [(x, "+", y), (y, "+", x)]
        if a == 1 and b == -1:
            return [(x, "-", y)]
        if a == -1 and b == 1:
            return [(y, "-", x)]
    return []
