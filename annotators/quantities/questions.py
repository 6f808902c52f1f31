"""What a question asks for, and what it supposes: "If Ann has 5 pens, how many does Bob have?"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from annotators.consistency.finals import without_notes
from annotators.quantities.clauses import read_clause
from annotators.quantities.linear import ONE, Linear, Quantity, just
from annotators.quantities.phrases import AGE, DEEDS, HAVE, Cursor, total
from annotators.quantities.statements import (
    DEED,
    MAX_CLAUSES,
    Statement,
    filling,
    only_item,
    statement_of,
    thing,
)
from annotators.quantities.words import Word, words_of

_BUSY_WORDS = (
    "if when after before later now left then gives gave sells sold buys bought ago next last each "
    "every per average percent half twice more fewer less than rest remaining other others will "
    "would were"
)
_BUSY_QUESTION = frozenset(_BUSY_WORDS.split())
_ASK_FOR = ("find", "calculate", "determine", "compute", "what is", "what was", "work out")


@dataclass(frozen=True, slots=True)
class Question:
    """What a question supposes ("If Ann has 5 pens, ..."), and what it asks for.

    `asked` is the item alone where "they" or nobody is named, and None where it was not read.
    """

    statements: tuple[Statement, ...]
    asked: Linear | str | None


def read_question(text: str, start: int, end: int, item: str | None = None) -> Question | None:
    """A question with its conditions; None where a condition was not read."""
    words = words_of(without_notes(text[start:end]), start)
    if not words:
        return None
    cursor = Cursor(words)
    before: list[Statement] = []
    if cursor.low() == "if":
        opened = _conditions(cursor, item)
        if not opened:
            return None
        before = opened
        item = only_item(before) or item
    asked = _asked(cursor, item)
    if asked is not None and cursor.at == len(words):
        return Question(tuple(before), asked)
    cursor.take(",")
    if asked is not None and cursor.low() == "if":
        after = _conditions(cursor, only_thing(asked) or item)
        if after and cursor.at == len(words):
            return Question((*before, *after), asked)
        return None
    if before and "if" not in {word.low for word in words[cursor.at :]}:
        rest = words[cursor.at :]
        return Question(tuple(before), None) if _only_asks(rest) else None
    return None


def _conditions(cursor: Cursor, item: str | None) -> list[Statement] | None:
    """ "if Ann has 5 pens and Bob has 3 pens,": the cursor then stands behind the comma."""
    if not cursor.take("if"):
        return None
    found: list[Statement] = []
    while len(found) < MAX_CLAUSES:
        cursor.take("and", ",")
        cursor.take("and")
        first = cursor.at
        clause = read_clause(cursor)
        if clause is None:
            cursor.at = first
            break
        last = cursor.words[cursor.at - 1]
        statement = statement_of(clause, cursor.words[first], last, False, item)
        if statement is None:
            return None
        found.append(statement)
    return found


def only_thing(asked: Linear | str) -> str | None:
    """The one thing that is asked for."""
    if isinstance(asked, str):
        return thing(asked)
    items = {thing(quantity.item) for quantity in asked.quantities}
    return items.pop() if len(items) == 1 else None


def _only_asks(words: Sequence[Word]) -> bool:
    """Whether what is left of a question gives no numbers of its own."""
    return all(word.kind in ("word", "poss", ",") for word in words) and not (
        _BUSY_QUESTION & {word.low for word in words}
    )


def _asked(cursor: Cursor, item: str | None) -> Linear | str | None:
    start = cursor.at
    asked = _how_many(cursor, item)
    if asked is None:
        cursor.at = start
        asked = _find(cursor)
    if asked is None:
        cursor.at = start
    elif isinstance(asked, Linear) and any(not q.item for q in asked.quantities):
        return asked.renamed(filling(item)) if item else None
    return asked


def _find(c: Cursor) -> Linear | None:
    return c.quantity() if c.take(*_ASK_FOR) else None


def _how_many(c: Cursor, item: str | None) -> Linear | str | None:
    if c.take("how old is", "how old was", "how many years old is"):
        owner = c.owner()
        return just(Quantity(owner, AGE)) if owner else None
    if not c.take("how many", "how much"):
        return None
    more = c.take("more")
    fewer = not more and c.take("fewer", "less")
    together = c.together()
    named = c.item() or item
    if named is None:
        return None
    if c.take("are there"):
        c.together()
        return named
    if not c.take("do", "does", "did"):
        return None
    they = c.take("they all", "they both", "they", "the two", "the three", "all three")
    owners = None if they else c.owners()
    if not they and owners is None:
        return None
    together = c.take("all together") or c.together() or together
    deed = ""
    if not c.take(*HAVE):
        deed = c.low() if c.low() in DEEDS.values() else ""
        if not deed:
            return None
        c.at += 1
        named = f"{named}{DEED}{deed}"
    together = c.take("all together") or c.together() or together
    if they or owners is None:
        return named if together else None
    if more or fewer:
        other = c.reference() if c.take("than") else None
        if other is None or len(owners) > 1:
            return None
        difference = just(Quantity(owners[0], named)).plus(other.renamed(filling(named)), -ONE)
        return difference if more else difference.times(-ONE)
    return total(owners, named) if len(owners) == 1 or together else None
