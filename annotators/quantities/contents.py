"""So many for each: "5 dollars for each of Ann's pens", "Each of Ann's boxes holds 4 pens"."""

from __future__ import annotations

from annotators.quantities.clause import Clause, item_of
from annotators.quantities.linear import Quantity, just
from annotators.quantities.phrases import DOLLARS, Amount, Cursor

_EACH = ("for each of", "in each of", "for every one of", "in every one of", "on each of")
_EACH_ITEM = ("for each", "in each", "for every", "in every", "per")


def each(c: Cursor, owner: str) -> Clause | None:
    """ "has 5 dollars for each of Ann's pens", "keeps 4 pens in each box"."""
    amount = c.plain()
    item = item_of(c, amount) if amount else None
    if amount is None or item is None:
        return None
    if c.take(*_EACH):
        possessor = c.possessor(owner)
        unit = c.item() if possessor else None
    elif c.take(*_EACH_ITEM):
        possessor, unit = owner, c.item()
    else:
        return None
    return contents(owner, item, amount, possessor, unit)


def contents(
    owner: str, item: str, amount: Amount, possessor: str | None, unit: str | None
) -> Clause | None:
    if possessor is None or unit is None or unit == item or amount.plain is None:
        return None
    of = just(Quantity(possessor, unit))
    return Clause(just(Quantity(owner, item)), of.times(amount.plain))


def gets(c: Cursor) -> Clause | None:
    owner = c.owner()
    if owner is None or not c.take("got", "gets", "earns", "earned", "receives", "received"):
        return None
    return each(c, owner)


def sold(c: Cursor) -> Clause | None:
    """ "Ann sold all of Ann's pens at 5 dollars each"."""
    owner = c.owner()
    if owner is None or not c.take("sold all of", "sells all of", "sold all", "sells all"):
        return None
    possessor = c.possessor(owner)
    unit = c.item() if possessor == owner else None
    amount = c.plain() if unit and c.take("at", "for") else None
    item = item_of(c, amount) if amount else None
    if amount is None or item != DOLLARS or not c.take("each", "apiece"):
        return None
    return contents(owner, DOLLARS, amount, possessor, unit)


def brought(c: Cursor) -> Clause | None:
    """ "Ann's pens brought in all of Ann's dollars, 5 for each"."""
    possessor = c.possessor()
    unit = c.item() if possessor else None
    if unit is None or not c.take("brought in all of", "bring in all of", "make up all of"):
        return None
    owner = c.possessor(possessor)
    item = c.item() if owner else None
    c.take(",")
    amount = c.plain() if item else None
    if owner is None or item is None or amount is None or not c.take("for each", "each", "apiece"):
        return None
    return contents(owner, item, amount, possessor, unit)


def each_holds(c: Cursor) -> Clause | None:
    """ "Each of Ann's boxes holds 5 pens"."""
    if not c.take("each of", "every one of"):
        return None
    possessor = c.possessor()
    unit = c.item() if possessor else None
    if possessor is None or unit is None or not c.take("holds", "has", "contains"):
        return None
    amount = c.plain()
    item = item_of(c, amount) if amount else None
    if amount is None or item is None:
        return None
    return contents(possessor, item, amount, possessor, unit)
