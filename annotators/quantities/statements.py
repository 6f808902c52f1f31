"""The statements of a sentence, and what a question asks for.

"Dan has 6 pens and, compared with Dan, Ann has 4 more pens, so Ann has 6 + 4 = 10 pens." makes
three. Guaranteed: a sentence is read to its last word or not at all; no statement is taken out of
a question, a condition or a denial, because none of their words has a place in the grammar.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from annotators.consistency.finals import without_notes
from annotators.consistency.statements import SENTENCE
from annotators.quantities.clauses import Clause, read_clause, subject_of
from annotators.quantities.linear import ONE, Linear, Quantity, equation, just
from annotators.quantities.phrases import AGE, DOLLARS, HAVE, Amount, Cursor, total
from annotators.quantities.words import Word, words_of

MAX_CLAUSES = 12

_BULLET = re.compile(r"[ \t]*(?:[-*•]|\(?\d{1,2}[.)]|step \d{1,2}[:.])[ \t]+", re.IGNORECASE)
_OPENERS = (
    "so that means", "this means that", "this means", "that means that", "that means",
    "which means that", "which means", "we know that", "we know", "it follows that", "we get that",
    "the problem says that", "so", "thus", "therefore", "hence", "then", "and", "but", "while",
    "whereas", "since", "because", "finally", "now", "also", ",",
)  # fmt: skip
_CONCLUSIONS = "so thus therefore hence then means finally follows"
_CONCLUDING = frozenset(_CONCLUSIONS.split())
_ASK_FOR = ("find", "calculate", "determine", "compute", "what is", "what was", "work out")


@dataclass(frozen=True, slots=True)
class Statement:
    """`left = right`, its canonical form, its span, and how it is said.

    `amount` is set where `left` is given a number; `concludes` where "so" or its like is before it.
    """

    left: Linear
    right: Linear
    relation: Linear
    amount: Amount | None
    start: int
    end: int
    concludes: bool


def sentences(text: str) -> Iterator[tuple[int, int]]:
    """The spans of the sentences of a text, list marks left out."""
    for match in SENTENCE.finditer(text):
        start = match.start()
        if bullet := _BULLET.match(text, start, match.end()):
            start = bullet.end()
        start += len(text[start : match.end()]) - len(text[start : match.end()].lstrip())
        if start < match.end():
            yield start, match.end()


def read_statements(text: str, start: int, end: int, item: str | None) -> list[Statement] | None:
    """The statements of one sentence; `item` stands in where a clause names none."""
    words = words_of(without_notes(text[start:end]), start)
    if not words or text[start:end].rstrip().endswith("?"):
        return None
    cursor = Cursor(words)
    found: list[Statement] = []
    subject: list[str] | None = None
    concludes = False
    while cursor.at < len(words):
        if len(found) >= MAX_CLAUSES:
            return None
        concludes = _skip_openers(cursor) or concludes
        if cursor.at >= len(words):
            return None
        first = cursor.at
        clause = read_clause(cursor, subject)
        if clause is None or cursor.at == first:
            return None
        statement = _statement(clause, words[first], words[cursor.at - 1], concludes, item)
        if statement is None:
            return None
        found.append(statement)
        subject = subject_of(clause)
        items = {quantity.item for quantity in statement.relation.quantities}
        item = items.pop() if len(items) == 1 else item
    return found


def _skip_openers(cursor: Cursor) -> bool:
    """Step over the words that join; whether one of them draws a conclusion."""
    first = cursor.at
    while cursor.take(*_OPENERS):
        continue
    return any(word.low in _CONCLUDING for word in cursor.words[first : cursor.at])


def _statement(
    clause: Clause, first: Word, last: Word, concludes: bool, item: str | None
) -> Statement | None:
    named = {q.item for side in (clause.left, clause.right) for q in side.quantities if q.item}
    left, right = clause.left, clause.right
    if any(not q.item for side in (left, right) for q in side.quantities):
        if len(named) > 1 or (not named and item is None):
            return None
        fill = named.pop() if named else item or ""

        def filled(quantity: Quantity) -> Quantity:
            return quantity._replace(item=quantity.item or fill)

        left, right = left.renamed(filled), right.renamed(filled)
    relation = equation(left, right)
    if not relation.terms and not relation.constant:
        return None  # "Ann has as many pens as Ann"
    return Statement(left, right, relation, clause.amount, first.start, last.end, concludes)


def read_question(text: str, start: int, end: int) -> Linear | str | None:
    """What a question asks for; the item alone where "they" or nobody is named."""
    words = words_of(without_notes(text[start:end]), start)
    if not words:
        return None
    cursor = Cursor(words)
    asked = _how_many(cursor) or _find(cursor)
    return asked if cursor.at == len(words) else None


def _find(c: Cursor) -> Linear | None:
    if not c.take(*_ASK_FOR):
        return None
    return c.quantity()


def _how_many(c: Cursor) -> Linear | str | None:
    c.take(",")
    if c.take("how old is"):
        owner = c.owner()
        return just(Quantity(owner, AGE)) if owner else None
    if not c.take("how many", "how much"):
        return None
    more = c.take("more")
    fewer = not more and c.take("fewer", "less")
    item = c.item()
    if item is None:
        return None
    if c.take("are there"):
        c.together()
        return item
    if not c.take("do", "does", "did"):
        return None
    they = c.take("they", "they all", "the two", "the three")
    owners = None if they else c.owners()
    if not they and owners is None:
        return None
    together = c.together()
    if not c.take(*HAVE):
        return None
    together = c.together() or together
    if they:
        return item if together else None
    assert owners is not None
    if more or fewer:
        other = c.reference() if c.take("than") else None
        if other is None or len(owners) > 1:
            return None
        other = other.renamed(lambda quantity: quantity._replace(item=quantity.item or item))
        difference = just(Quantity(owners[0], item)).plus(other, -ONE)
        return difference if more else difference.times(-ONE)
    if len(owners) > 1 and not together:
        return None
    return total(owners, item)


__all__ = ["DOLLARS", "Statement", "read_question", "read_statements", "sentences"]
