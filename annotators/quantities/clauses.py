"""One clause as a linear equation between quantities.

Read are values ("Ann has 5 pens", "There are 5 pens in Ann's bag"), differences ("Tom has 3 more
pens than Ann", "Tom trails Ann by 3 pens"), ratios ("Compared with Ann, Tom has twice as many
pens", "Half of Ann's pens is what Tom has"), sums ("as many as Ann and Bob together"), contents
and prices ("5 dollars for each of Ann's pens"), and recipes ("Add Ann's pens to Tom's to get what
Bob has").

Guaranteed: every word of a clause that is read has been given a place; an item that is left out
("3 more than Ann") is an open one, for `statements.py` to fill in. Not read, because they have two
meanings: "3 times more", "Ann and Bob have 5 pens" (each?), "5 more pens" without "than".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction

from annotators.quantities.linear import ONE, Linear, Quantity, constant, just
from annotators.quantities.phrases import AGE, DEEDS, DOLLARS, HAVE, Amount, Cursor, total

_BESIDE = (
    "compared with", "compared to", "in comparison with", "in comparison to", "next to",
    "set beside", "beside", "measured against", "set against", "relative to", "put next to",
)  # fmt: skip
_HOLD = (*HAVE, "keeps", "keep", "starts with", "starts out with", "started with", "begins with")
_MORE = ("more", "extra", "additional")
_FEWER = ("fewer", "less")
_AS_MANY = (
    "as many", "just as many", "exactly as many", "as much", "the same number of",
    "the same amount of",
)  # fmt: skip
_EACH = ("for each of", "in each of", "for every one of", "in every one of", "on each of")
_EACH_ITEM = ("for each", "in each", "for every", "in every", "per")
_GIVES = (
    "to get", "to find", "gives", "equals", "is", "makes", "yields", "results in", "and you get",
)  # fmt: skip
_MATCH = ("to match", "to equal", "to catch up with", "to have as many as", "to draw level with")


@dataclass(frozen=True, slots=True)
class Clause:
    """`left = right`; `amount` is set where the clause gives `left` a number, and nothing else."""

    left: Linear
    right: Linear
    amount: Amount | None = None
    deed: str = ""  # what was done with the things, where they are not simply had


Form = Callable[[Cursor], Clause | None]


def read_clause(cursor: Cursor, subject: list[str] | None = None) -> Clause | None:
    """The first form that reads up to a clause's end; the cursor moves only with success.

    `subject`: whose clause it is if it starts with a number ("Ann has 5 pens and 3 cards").
    """
    start = cursor.at
    for form in _FORMS:
        clause = form(cursor)
        if clause is not None and cursor.closed:
            return clause
        cursor.at = start
    if subject is not None:
        clause = _had(cursor, subject)
        if clause is not None and cursor.closed:
            return clause
        cursor.at = start
    return None


def read_about(cursor: Cursor, owner: str) -> Clause | None:
    """What stands behind "who" in "than Bob, who has 5 pens"."""
    if cursor.take(*_HOLD):
        return _had(cursor, [owner])
    return _age(cursor, owner) if cursor.take("is") else None


def compared_with(clause: Clause) -> str | None:
    """The one owner that a clause compares with."""
    owners = {quantity.owner for quantity in clause.right.quantities}
    return owners.pop() if len(owners) == 1 else None


def subject_of(clause: Clause) -> list[str] | None:
    """Whose it is what a clause tells, where that is one owner who has something."""
    alone = clause.left.alone
    if alone is None or clause.deed or not alone.owner or alone.item == AGE:
        return None
    return [alone.owner]


def _open(owners: list[str]) -> Linear:
    return total(owners, "")


# -- somebody has so many ---------------------------------------------------------------------


def _beside(c: Cursor) -> Clause | None:
    if not c.take(*_BESIDE):
        return None
    reference = c.reference()
    if reference is None:
        return None
    c.take(",")
    owner = c.owner()
    if owner is None:
        return None
    if c.take("is"):
        return _short(c, owner, reference)
    return _compared(c, owner, reference) if c.take(*_HOLD) else None


def _short(c: Cursor, owner: str, reference: Linear | None) -> Clause | None:
    """ "is 5 pens short (of Ann)", "is 5 pens ahead (of Ann)", "is 5 pens behind (Ann)"."""
    amount = c.plain()
    item = c.item() if amount else None
    if amount is None or item is None:
        return None
    above = c.take("ahead")
    if not above and not c.take("short", "behind"):
        return None
    if reference is None:
        c.take("of")
        reference = c.reference()
    return _difference(owner, item, amount, reference, above) if reference else None


def _difference(
    owner: str, item: str, amount: Amount, reference: Linear, above: bool
) -> Clause | None:
    if amount.plain is None:
        return None
    left = just(Quantity(owner, item))
    return Clause(left, reference.plus(constant(amount.plain), ONE if above else -ONE))


def _has(c: Cursor) -> Clause | None:
    marked = c.together()
    c.take(",")
    owners = c.owners()
    if owners is None:
        return None
    if c.low() in DEEDS:
        c.at += 1
        deed = DEEDS[c.low(-1)]
        clause = _had(c, owners, marked)
        return replace(clause, deed=deed) if clause is not None else None
    return _had(c, owners, marked) if c.take(*_HOLD) else None


def _had(c: Cursor, owners: list[str], marked: bool = False) -> Clause | None:
    """What stands behind "Ann has", "Ann and Bob have"."""
    if len(owners) == 1 and not marked:
        start = c.at
        clause = _compared(c, owners[0], None)
        if clause is not None and c.closed:
            return clause
        c.at = start
        clause = _each(c, owners[0])
        if clause is not None and c.closed:
            return clause
        c.at = start
    return _value(c, owners, marked)


def _value(c: Cursor, owners: list[str], marked: bool = False) -> Clause | None:
    marked = c.together() or marked
    marked = c.take("a total of", "a combined total of", "a combined") or marked
    amount = c.amount()
    if amount is None:
        return None
    item = _item_of(c, amount)
    marked = c.together() or marked
    if len(owners) > 1 and not marked:
        return None
    return Clause(total(owners, item or ""), constant(amount.values[-1]), amount)


def _item_of(c: Cursor, amount: Amount) -> str | None:
    """The item behind an amount; a bare "$5" is dollars, a bare "5" is nothing."""
    item = c.item()
    if amount.money:
        return DOLLARS if item in (None, DOLLARS) else None
    return item


def _compared(c: Cursor, owner: str, reference: Linear | None) -> Clause | None:
    """What stands behind "Tom has": "3 more pens than Ann", "twice as many", "as many as ..."."""
    c.take("only", "exactly")
    factor = c.factor()
    if factor is None and c.take("one part in"):
        parts = c.plain()
        if parts is None or not parts.plain or not c.take("of the"):
            return None
        item = c.item()
        return _ratio(c, owner, item, 1 / parts.plain, reference) if item else None
    if factor is not None:
        if c.take("as many", "as much"):
            return _ratio(c, owner, c.item() or "", factor, reference, "as")
        if c.take("fewer", "less"):
            if factor <= 1:
                return None
            return _ratio(c, owner, c.item() or "", 1 / factor, reference, "than")
        if c.take("the number of", "the amount of", "the"):
            item = c.item()
            if item is None:
                return None
            if c.take("that"):
                reference = c.reference()
            return _ratio(c, owner, item, factor, reference, "of", "as", "than")
        return None
    if c.take(*_AS_MANY):
        return _ratio(c, owner, c.item() or "", ONE, reference, "as")
    if c.low() == "what":
        quantity = c.quantity()
        return Clause(just(Quantity(owner, "")), quantity) if quantity is not None else None
    amount = c.plain()
    if amount is None:
        return None
    item = "dollar" if amount.money else ""
    if c.low(1) in (*_MORE, *_FEWER):
        item = c.item() or item  # "8 paintings more than Kim"
    above = c.take(*_MORE)
    if not above and not c.take(*_FEWER):
        return None
    item = c.item() or item
    if c.take("than"):
        if reference is not None:
            return None
        reference = _scaled(c) or c.reference()
    return _difference(owner, item, amount, reference, above) if reference else None


def _scaled(c: Cursor) -> Linear | None:
    """ "(3 more than) twice as many pens as Ann", "half the number of pens Ann has"."""
    start = c.at
    factor = c.factor()
    if factor is not None:
        if c.take("as many", "as much"):
            item = c.item() or ""
            reference = c.reference() if c.take("as") else None
        elif c.low() == "the":
            item, reference = "", c.quantity()
            if reference is None and c.take("the number of", "the amount of", "the"):
                item = c.item() or ""
                reference = c.reference() if item and c.take("as", "of", "that") else None
        else:
            item, reference = "", c.quantity()
        if reference is not None:
            named = reference.renamed(lambda q: q._replace(item=q.item or item))
            return named.times(factor)
    c.at = start
    return None


def _ratio(
    c: Cursor, owner: str, item: str, factor: Fraction, reference: Linear | None, *links: str
) -> Clause | None:
    if links and c.take(*links):
        if reference is not None:
            return None
        reference = c.reference()
    if reference is None:
        return None
    return Clause(just(Quantity(owner, item)), reference.times(factor))


def _group_has(c: Cursor) -> Clause | None:
    """ "Ann and Bob combined have the same number of pens as Tom", "... have 15 pens"."""
    owners = c.owners()
    if owners is None or len(owners) < 2 or not c.together() or not c.take("have", "has", "own"):
        return None
    start = c.at
    if c.take(*_AS_MANY):
        item = c.item() or ""
        reference = c.reference() if c.take("as") else None
        return Clause(total(owners, item), reference) if reference is not None else None
    c.at = start
    return _value(c, owners, marked=True)


# -- so many for each -------------------------------------------------------------------------


def _each(c: Cursor, owner: str) -> Clause | None:
    """ "has 5 dollars for each of Ann's pens", "keeps 4 pens in each box"."""
    amount = c.plain()
    item = _item_of(c, amount) if amount else None
    if amount is None or item is None:
        return None
    if c.take(*_EACH):
        possessor = c.possessor(owner)
        unit = c.item() if possessor else None
    elif c.take(*_EACH_ITEM):
        possessor, unit = owner, c.item()
    else:
        return None
    return _contents(owner, item, amount, possessor, unit)


def _contents(
    owner: str, item: str, amount: Amount, possessor: str | None, unit: str | None
) -> Clause | None:
    if possessor is None or unit is None or unit == item or amount.plain is None:
        return None
    of = just(Quantity(possessor, unit))
    return Clause(just(Quantity(owner, item)), of.times(amount.plain))


def _gets(c: Cursor) -> Clause | None:
    owner = c.owner()
    if owner is None or not c.take("got", "gets", "earns", "earned", "receives", "received"):
        return None
    return _each(c, owner)


def _sold(c: Cursor) -> Clause | None:
    """ "Ann sold all of Ann's pens at 5 dollars each"."""
    owner = c.owner()
    if owner is None or not c.take("sold all of", "sells all of", "sold all", "sells all"):
        return None
    possessor = c.possessor(owner)
    unit = c.item() if possessor == owner else None
    amount = c.plain() if unit and c.take("at", "for") else None
    item = _item_of(c, amount) if amount else None
    if amount is None or item != DOLLARS or not c.take("each", "apiece"):
        return None
    return _contents(owner, DOLLARS, amount, possessor, unit)


def _brought(c: Cursor) -> Clause | None:
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
    return _contents(owner, item, amount, possessor, unit)


def _each_holds(c: Cursor) -> Clause | None:
    """ "Each of Ann's boxes holds 5 pens"."""
    if not c.take("each of", "every one of"):
        return None
    possessor = c.possessor()
    unit = c.item() if possessor else None
    if possessor is None or unit is None or not c.take("holds", "has", "contains"):
        return None
    amount = c.plain()
    item = _item_of(c, amount) if amount else None
    if amount is None or item is None:
        return None
    return _contents(possessor, item, amount, possessor, unit)


# -- other verbs ------------------------------------------------------------------------------


def _is(c: Cursor) -> Clause | None:
    owner = c.owner()
    if owner is None or not c.take("is"):
        return None
    if c.low() in ("ahead", "behind"):
        above = c.take("ahead of")
        if not above and not c.take("behind"):
            return None
        return _by(c, owner, above)
    start = c.at
    if (clause := _age(c, owner)) is not None and c.closed:
        return clause
    c.at = start
    return _short(c, owner, None)


def _by(c: Cursor, owner: str, above: bool) -> Clause | None:
    """ "(trails) Ann by 3 pens"."""
    reference = c.reference()
    amount = c.plain() if reference is not None and c.take("by") else None
    item = _item_of(c, amount) if amount else None
    if reference is None or amount is None or item is None:
        return None
    return _difference(owner, item, amount, reference, above)


def _age(c: Cursor, owner: str) -> Clause | None:
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
    if c.take("old") or (not years and c.closed):
        return Clause(me, constant(amount.values[-1]), amount)
    above = c.take("older than", "more than")
    if amount.plain is None or (not above and not c.take("younger than", "less than")):
        return None
    reference = _scaled(c) or c.reference()
    if reference is None:
        return None
    return _difference(owner, AGE, amount, reference.renamed(_aged), above)


def _aged(quantity: Quantity) -> Quantity:
    return quantity._replace(item=quantity.item or AGE)


def _trails(c: Cursor) -> Clause | None:
    owner = c.owner()
    if owner is None:
        return None
    above = c.take("leads", "beats", "tops")
    return _by(c, owner, above) if above or c.take("trails") else None


def _needs(c: Cursor) -> Clause | None:
    """ "Tom would need 5 more pens to match Ann"."""
    owner = c.owner()
    if owner is None or not c.take("would need", "needs", "would have to get"):
        return None
    amount = c.plain()
    if amount is None or not c.take(*_MORE):
        return None
    item = _item_of(c, amount)
    reference = c.reference() if item and c.take(*_MATCH) else None
    if item is None or reference is None:
        return None
    return _difference(owner, item, amount, reference, above=False)


def _there(c: Cursor) -> Clause | None:
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
    above = c.take(*_MORE)
    if above or c.take(*_FEWER):
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


# -- recipes ----------------------------------------------------------------------------------


def _multiply(c: Cursor) -> Clause | None:
    """ "Multiply Ann's number of pens by 3 to get Tom's", "Dividing Ann's pens by 3 gives ..."."""
    by = c.take("multiply", "multiplying")
    if not by and not c.take("divide", "dividing", "split", "splitting", "share", "sharing"):
        return None
    start = c.quantity()
    if start is None:
        return None
    if by:
        amount = c.plain() if c.take("by") else None
        factor = amount.plain if amount else None
        return _gives(c, start.times(factor)) if factor else None
    c.take("equally", "evenly")
    if c.take("among", "between", "by"):
        amount = c.plain()
        c.item()
    elif c.take("into"):
        amount = c.plain()
        c.take("equal")
        if not c.take("parts", "shares"):
            return None
    else:
        return None
    if amount is None or not amount.plain:
        return None
    quotient = start.times(1 / amount.plain)
    c.take("and")
    if c.take("one part is", "each part is", "one share is", "each share is"):
        end = c.quantity()
        return Clause(end, quotient) if end is not None else None
    return _gives(c, quotient)


def _gives(c: Cursor, result: Linear) -> Clause | None:
    end = c.quantity() if c.take(*_GIVES) else None
    return Clause(end, result) if end is not None else None


def _add(c: Cursor) -> Clause | None:
    """ "Add Ann's pens to Tom's to get what Bob has", "Subtract 3 from Ann's pens to get Tom's"."""
    above = c.take("add", "adding")
    if not above and not c.take("subtract", "subtracting"):
        return None
    amount = c.plain()
    value = amount.plain if amount else None
    first = constant(value) if value is not None else c.quantity()
    if first is None or not c.take("to" if above else "from"):
        return None
    second = c.quantity()
    if second is None:
        return None
    return _gives(c, second.plus(first, ONE if above else -ONE))


def _transfer(c: Cursor) -> Clause | None:
    """ "Give Ann 3 more pens and Ann has what Tom has", "Take 3 pens from Ann and Ann has ..."."""
    above = c.take("give")
    if not above and not c.take("take"):
        return None
    owner = c.owner() if above else None
    amount = c.plain()
    c.take(*_MORE)
    item = _item_of(c, amount) if amount else None
    if not above:
        owner = c.owner() if c.take("from", "away from") else None
    c.take(",")
    c.take("and")
    if owner is None or item is None or amount is None or amount.plain is None:
        return None
    if c.owner() != owner or not (c.take("has", "will have", "would have")):
        return None
    other = c.reference() if c.take("as many as", "the same as") else c.quantity()
    if other is None:
        return None
    changed = just(Quantity(owner, item)).plus(constant(amount.plain), ONE if above else -ONE)
    return Clause(other, changed)


def _equation(c: Cursor) -> Clause | None:
    """ "Half of Ann's pens is what Tom has", "The number of pens Ann has is twice that of Bob"."""
    factor = c.factor()
    if factor is not None:
        c.take("of")
    left = c.quantity()
    if left is None or not c.take("is", "equals", "are"):
        return None
    left = left.times(factor) if factor is not None else left
    start = c.at
    right_factor = c.factor()
    if right_factor is not None:
        c.take("of")
    right = c.quantity()
    if right is not None:
        return Clause(left, right.times(right_factor) if right_factor is not None else right)
    c.at = start
    amount = c.amount()
    if amount is None or factor is not None:
        return None
    above = c.take("more than")
    if above or c.take("less than", "fewer than"):
        right = c.quantity()
        if right is None or amount.plain is None:
            return None
        return Clause(left, right.plus(constant(amount.plain), ONE if above else -ONE))
    if (item := _item_of(c, amount)) is not None:
        left = left.renamed(lambda quantity: quantity._replace(item=quantity.item or item))
    return Clause(left, constant(amount.values[-1]), amount)


_FORMS: tuple[Form, ...] = (
    _beside, _has, _group_has, _gets, _sold, _brought, _each_holds, _is, _trails, _needs, _there,
    _multiply, _add, _transfer, _equation,
)  # fmt: skip
