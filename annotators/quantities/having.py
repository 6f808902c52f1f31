"""Somebody has so many: "Ann has 5 pens", "Compared with Ann, Tom has twice as many".

Not read, because they have two meanings: "3 times more", "Ann and Bob have 5 pens" (each?), "5
more pens" without "than".
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from annotators.quantities.clause import FEWER, HOLD, MORE, Clause, difference, item_of
from annotators.quantities.contents import each
from annotators.quantities.linear import ONE, Linear, Quantity, constant, just
from annotators.quantities.phrases import DEEDS, Cursor, total

_BESIDE = (
    "compared with", "compared to", "in comparison with", "in comparison to", "next to",
    "set beside", "beside", "measured against", "set against", "relative to", "put next to",
)  # fmt: skip
_AS_MANY = (
    "as many", "just as many", "exactly as many", "as much", "the same number of",
    "the same amount of",
)  # fmt: skip


def beside(c: Cursor) -> Clause | None:
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
        return short(c, owner, reference)
    return _compared(c, owner, reference) if c.take(*HOLD) else None


def short(c: Cursor, owner: str, reference: Linear | None) -> Clause | None:
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
    return difference(owner, item, amount, reference, above) if reference else None


def has(c: Cursor) -> Clause | None:
    marked = c.together()
    c.take(",")
    owners = c.owners()
    if owners is None:
        return None
    if c.low() in DEEDS:
        c.at += 1
        deed = DEEDS[c.low(-1)]
        clause = had(c, owners, marked)
        return replace(clause, deed=deed) if clause is not None else None
    return had(c, owners, marked) if c.take(*HOLD) else None


def had(c: Cursor, owners: list[str], marked: bool = False) -> Clause | None:
    """What stands behind "Ann has", "Ann and Bob have"."""
    if len(owners) == 1 and not marked:
        start = c.at
        clause = _compared(c, owners[0], None)
        if clause is not None and c.closed:
            return clause
        c.at = start
        clause = each(c, owners[0])
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
    item = item_of(c, amount)
    marked = c.together() or marked
    if len(owners) > 1 and not marked:
        return None
    return Clause(total(owners, item or ""), constant(amount.values[-1]), amount)


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
    if c.low(1) in (*MORE, *FEWER):
        item = c.item() or item  # "8 paintings more than Kim"
    above = c.take(*MORE)
    if not above and not c.take(*FEWER):
        return None
    item = c.item() or item
    if c.take("than"):
        if reference is not None:
            return None
        reference = scaled(c) or c.reference()
    return difference(owner, item, amount, reference, above) if reference else None


def scaled(c: Cursor) -> Linear | None:
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


def group_has(c: Cursor) -> Clause | None:
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
