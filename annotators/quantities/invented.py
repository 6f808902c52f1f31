"""Whether a relation that a step states may be a given one after all, in other words.

A solution may call pens items, or write another name than the problem's. So before a relation is
called invented, it is compared with the given ones under every such renaming; not where neither
an owner nor a thing in it is of the problem.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from fractions import Fraction
from itertools import islice, permutations, product

from annotators.quantities.linear import Linear, Quantity

MAX_CHOICES = 32
MAX_TERMS = 4


def given_by_another_name(
    relation: Linear, given: Sequence[Linear], known: AbstractSet[Quantity]
) -> bool:
    """Whether a renaming of its items, and of owners who are not in the problem, is given."""
    wanted = relation.quantities
    owners = {quantity.owner for quantity in known}
    items = {quantity.item for quantity in known}
    if not any(quantity.owner in owners or quantity.item in items for quantity in wanted):
        return False
    if len(wanted) > MAX_TERMS:
        return True
    for other in given:
        if len(other.terms) != len(wanted):
            continue
        for order in permutations(other.quantities):
            names = dict(zip(wanted, order, strict=True))
            kept = all(new.owner == q.owner for q, new in names.items() if q.owner in owners)
            if kept and relation.renamed(names.__getitem__).canonical() == other:
                return True
    return False


def other_items(relation: Linear, known: AbstractSet[Quantity]) -> Iterator[Linear]:
    """The relation about other things of the same owners, where the problem knows such."""
    choices = [
        sorted(one for one in known if one.owner == quantity.owner)
        for quantity in relation.quantities
    ]
    for chosen in islice(product(*choices), MAX_CHOICES):
        names = dict(zip(relation.quantities, chosen, strict=True))
        renamed = relation.renamed(names.__getitem__).canonical()
        if renamed.terms and renamed != relation:
            yield renamed


def holds_between(relation: Linear, known: Callable[[Quantity], Sequence[Fraction]]) -> bool:
    """Whether the relation is true of values that its quantities were said to have."""
    choices = [known(quantity) for quantity in relation.quantities]
    for values in islice(product(*choices), MAX_CHOICES):
        terms = zip(relation.terms, values, strict=True)
        if sum((factor * value for (_, factor), value in terms), relation.constant) == 0:
            return True
    return False
