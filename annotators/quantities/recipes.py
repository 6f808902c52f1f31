"""What to do with numbers to get another: "Multiply Ann's number of pens by 3 to get Tom's"."""

from __future__ import annotations

from annotators.quantities.clause import MORE, Clause, item_of
from annotators.quantities.linear import ONE, Linear, Quantity, constant, just
from annotators.quantities.phrases import Cursor

_GIVES = (
    "to get", "to find", "gives", "equals", "is", "makes", "yields", "results in", "and you get",
)  # fmt: skip


def multiply(c: Cursor) -> Clause | None:
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


def add(c: Cursor) -> Clause | None:
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


def transfer(c: Cursor) -> Clause | None:
    """ "Give Ann 3 more pens and Ann has what Tom has", "Take 3 pens from Ann and Ann has ..."."""
    above = c.take("give")
    if not above and not c.take("take"):
        return None
    owner = c.owner() if above else None
    amount = c.plain()
    c.take(*MORE)
    item = item_of(c, amount) if amount else None
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


def equation(c: Cursor) -> Clause | None:
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
    if (item := item_of(c, amount)) is not None:
        left = left.renamed(lambda quantity: quantity._replace(item=quantity.item or item))
    return Clause(left, constant(amount.values[-1]), amount)
