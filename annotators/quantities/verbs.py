"""Other verbs: "Tom is ahead of Ann by 3 pens", "Ann is 5 years old", "There are 5 pens in ..."."""

from __future__ import annotations

from annotators.quantities.clause import FEWER, MORE, Clause, difference, item_of
from annotators.quantities.having import scaled, short
from annotators.quantities.linear import ONE, Quantity, constant, just
from annotators.quantities.phrases import AGE, Cursor

_MATCH = ("to match", "to equal", "to catch up with", "to have as many as", "to draw level with")


def is_(c: Cursor) -> Clause | None:
    owner = c.owner()
    if owner is None or not c.take("is"):
        return None
    if c.low() in ("ahead", "behind"):
        above = c.take("ahead of")
        if not above and not c.take("behind"):
            return None
        return _by(c, owner, above)
    start = c.at
    if (clause := age(c, owner)) is not None and c.closed:
        return clause
    c.at = start
    return short(c, owner, None)


def _by(c: Cursor, owner: str, above: bool) -> Clause | None:
    """ "(trails) Ann by 3 pens"."""
    reference = c.reference()
    amount = c.plain() if reference is not None and c.take("by") else None
    item = item_of(c, amount) if amount else None
    if reference is None or amount is None or item is None:
        return None
    return difference(owner, item, amount, reference, above)


def age(c: Cursor, owner: str) -> Clause | None:
    """ "(is) 5 years old", "5 years older than Ann", "twice as old as Ann"."""
    me = just(Quantity(owner, AGE))
    c.take("currently", "now", "exactly")
    factor = c.factor()
    if factor is not None:
        start = c.at
        if c.take("as old as") and (reference := c.reference()) is not None:
            return Clause(me, reference.renamed(_aged).times(factor))
        c.at = start
        older = c.take("the age of")
        possessor = c.owner() if older else c.possessor()
        if possessor is not None and (older or c.take("age")):
            return Clause(me, just(Quantity(possessor, AGE)).times(factor))
        return None
    amount = c.amount()
    if amount is None:
        return None
    years = c.take("years", "year")
    if amount.money or (not years and owner.startswith("the ")):
        return None  # "The price is $5", "The width is 3 more than the length"
    if c.take("old") or (not years and c.closed):
        return Clause(me, constant(amount.values[-1]), amount)
    above = c.take("older than", "more than")
    if amount.plain is None or (not above and not c.take("younger than", "less than")):
        return None
    reference = scaled(c) or c.reference()
    if reference is None:
        return None
    return difference(owner, AGE, amount, reference.renamed(_aged), above)


def _aged(quantity: Quantity) -> Quantity:
    return quantity._replace(item=quantity.item or AGE)


def trails(c: Cursor) -> Clause | None:
    owner = c.owner()
    if owner is None:
        return None
    above = c.take("leads", "beats", "tops")
    return _by(c, owner, above) if above or c.take("trails") else None


def needs(c: Cursor) -> Clause | None:
    """ "Tom would need 5 more pens to match Ann"."""
    owner = c.owner()
    if owner is None or not c.take("would need", "needs", "would have to get"):
        return None
    amount = c.plain()
    if amount is None or not c.take(*MORE):
        return None
    item = item_of(c, amount)
    reference = c.reference() if item and c.take(*_MATCH) else None
    if item is None or reference is None:
        return None
    return difference(owner, item, amount, reference, above=False)


def there(c: Cursor) -> Clause | None:
    """ "There are 5 pens in Ann's bag", "There are twice as many girls as boys"."""
    if not c.take("there are", "there is", "there were", "there was"):
        return None
    c.take("also")
    start = c.at
    factor = c.factor()
    if factor is not None and c.take("as many"):
        item = c.item()
        other = c.item() if item and c.take("as") else None
        if item is None or other is None:
            return None
        return Clause(just(Quantity("", item)), just(Quantity("", other)).times(factor))
    c.at = start
    amount = c.amount()
    if amount is None:
        return None
    above = c.take(*MORE)
    if above or c.take(*FEWER):
        item = c.item()
        other = c.item() if item and c.take("than") else None
        if item is None or other is None or amount.plain is None:
            return None
        right = just(Quantity("", other)).plus(constant(amount.plain), ONE if above else -ONE)
        return Clause(just(Quantity("", item)), right)
    item = c.item()
    if item is None:
        return None
    owner = ""
    if c.take("in", "inside", "on"):
        possessor = c.possessor()
        if possessor is not None and c.item():
            owner = possessor
        else:
            named = c.owner() if c.low() == "the" else None
            if named is None:
                return None
            owner = named
    return Clause(just(Quantity(owner, item)), constant(amount.values[-1]), amount)
