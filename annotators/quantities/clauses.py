"""One clause as a linear equation between quantities.

Read are values ("Ann has 5 pens", "There are 5 pens in Ann's bag"), differences ("Tom has 3 more
pens than Ann", "Tom trails Ann by 3 pens"), ratios ("Compared with Ann, Tom has twice as many
pens", "Half of Ann's pens is what Tom has"), sums ("as many as Ann and Bob together"), contents
and prices ("5 dollars for each of Ann's pens"), and recipes ("Add Ann's pens to Tom's to get what
Bob has").

Guaranteed: every word of a clause that is read has been given a place; an item that is left out
("3 more than Ann") is an open one, for statements.py to fill in.
"""

from __future__ import annotations

from annotators.quantities import contents, having, recipes, verbs
from annotators.quantities.clause import HOLD, Clause, Form
from annotators.quantities.phrases import AGE, Cursor


def read_clause(cursor: Cursor, subject: list[str] | None = None) -> Clause | None:
    """The first form that reads up to a clause's end; the cursor moves only with success.

    `subject`: whose clause it is if it has none ("Ann has 5 pens and twice as many cards as Tom").
    """
    start = cursor.at
    for form in _FORMS:
        clause = form(cursor)
        if clause is not None and cursor.closed:
            return clause
        cursor.at = start
    if subject is not None:
        clause = having.had(cursor, subject)
        if clause is not None and cursor.closed:
            return clause
        cursor.at = start
    return None


def read_about(cursor: Cursor, owner: str) -> Clause | None:
    """What stands behind "who" in "than Bob, who has 5 pens"."""
    if cursor.take(*HOLD):
        return having.had(cursor, [owner])
    return verbs.age(cursor, owner) if cursor.take("is") else None


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


_FORMS: tuple[Form, ...] = (
    having.beside, having.has, having.group_has, contents.gets, contents.sold, contents.brought,
    contents.each_holds, verbs.is_, verbs.trails, verbs.needs, verbs.there, recipes.multiply,
    recipes.add, recipes.transfer, recipes.equation,
)  # fmt: skip
