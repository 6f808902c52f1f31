"""What quantities may be taken to be once an earlier step has said something else of them.

A step that goes on faithfully from a wrong value is right. So a quantity may be read as its true
value, as what an earlier step said of it, or as what a relation of the problem makes of such
readings of its other quantities; and that twice over, for steps that skip a line. A claim is wrong
only if it is refuted under every one of these readings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

from annotators.quantities.linear import Linear, Quantity, constant, equation, just
from annotators.quantities.solver import Premise

LAST = 3  # 1: said or true; 2 and 3: worked out from readings below


def read_as(linear: Linear) -> Linear:
    """The same with every quantity as it may be read."""
    return linear.renamed(lambda quantity: quantity._replace(reading=LAST))


def readings(
    relations: Sequence[Linear], said: Mapping[Quantity, Sequence[Fraction]], claim: Linear
) -> list[Premise]:
    """Premises on the readings of the claim's quantities; `claim` is about true values."""
    premises: list[Premise] = []
    wanted = {quantity._replace(reading=LAST) for quantity in claim.quantities}
    for level in range(LAST, 0, -1):
        below: set[Quantity] = set()
        for quantity in sorted(wanted):
            lower = quantity._replace(reading=level - 1)
            choices = [equation(just(quantity), just(lower))]
            below.add(lower)
            if level == 1:
                values = said.get(lower, ())
                choices += [equation(just(quantity), constant(value)) for value in values]
            else:
                true = quantity._replace(reading=0)
                for relation in relations:
                    if true not in relation.quantities or len(relation.terms) == 1:
                        continue
                    used = relation.renamed(
                        lambda q, true=true, level=level: q._replace(  # type: ignore[misc]
                            reading=level if q == true else level - 1
                        )
                    )
                    choices.append(used.canonical())
                    below |= {q for q in used.quantities if q != quantity}
            premises.append(tuple(choices))
        wanted = below
    return premises
