"""What a clause says: a linear equation between quantities; and words that the forms share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from annotators.quantities.linear import ONE, Linear, Quantity, constant, just
from annotators.quantities.phrases import DOLLARS, HAVE, Amount, Cursor

HOLD = (*HAVE, "keeps", "keep", "starts with", "starts out with", "started with", "begins with")
MORE = ("more", "extra", "additional")
FEWER = ("fewer", "less")


@dataclass(frozen=True, slots=True)
class Clause:
    """`left = right`; `amount` is set where the clause gives `left` a number, and nothing else."""

    left: Linear
    right: Linear
    amount: Amount | None = None
    deed: str = ""  # what was done with the things, where they are not simply had


Form = Callable[[Cursor], Clause | None]


def difference(
    owner: str, item: str, amount: Amount, reference: Linear, above: bool
) -> Clause | None:
    if amount.plain is None:
        return None
    left = just(Quantity(owner, item))
    return Clause(left, reference.plus(constant(amount.plain), ONE if above else -ONE))


def item_of(c: Cursor, amount: Amount) -> str | None:
    """The item behind an amount; a bare "$5" is dollars, a bare "5" is nothing."""
    item = c.item()
    if amount.unit:
        return item if item and item.split()[-1].rstrip("s") == amount.unit else None
    if amount.money:
        return DOLLARS if item in (None, DOLLARS) else None
    return item
