"""The statements of a sentence.

"Dan has 6 pens and, compared with Dan, Ann has 4 more pens, so Ann has 6 + 4 = 10 pens." makes
three. Guaranteed: a sentence is read to its last word or not at all; no statement is taken out of
a question, a condition or a denial, because none of their words has a place in the grammar.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

from annotators.consistency.finals import without_notes
from annotators.consistency.statements import SENTENCE
from annotators.quantities.clause import Clause
from annotators.quantities.clauses import compared_with, read_about, read_clause, subject_of
from annotators.quantities.linear import Linear, Quantity, equation
from annotators.quantities.phrases import Amount, Cursor
from annotators.quantities.words import Word, words_of

MAX_CLAUSES = 12

_BULLET = re.compile(
    r"[ \t]*(?:\*\*)?(?:[-*•]|\(?\d{1,2}[.)]|step \d{1,2}[:.])(?:\*\*)?[ \t]+", re.IGNORECASE
)
_NUMBERING = re.compile(r"\s*\(?\d{1,2}[.)]\s*")
_OPENERS = (
    "so that means", "this means that", "this means", "that means that", "that means",
    "which means that", "which means", "meaning that", "meaning", "we know that", "we know",
    "it follows that", "we get that",
    "the problem says that", "so", "thus", "therefore", "hence", "then", "and", "but", "while",
    "whereas", "since", "because", "finally", "now", "also", ",",
)  # fmt: skip
_CONCLUSIONS = "meaning so thus therefore hence then means finally follows"
_CONCLUDING = frozenset(_CONCLUSIONS.split())
DEED = "|"  # between a thing and what was done with it: "pen|sell"


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
        if _NUMBERING.fullmatch(match[0]):
            continue
        if bullet := _BULLET.match(text, start, match.end()):
            start = bullet.end()
        start += len(text[start : match.end()]) - len(text[start : match.end()].lstrip())
        if start < match.end():
            yield start, match.end()


def read_statements(
    text: str,
    start: int,
    end: int,
    item: str | None,
    they: Sequence[str] = (),
    given: Collection[Linear] = (),
) -> list[Statement] | None:
    """The statements of one sentence; `item` stands in where a clause names none.

    "If Ann has 5 pens, then ..." is read where that she has them is one of the given relations.
    """
    words = words_of(without_notes(text[start:end]), start)
    if not words or text[start:end].rstrip().endswith("?"):
        return None
    cursor = Cursor(words, they)
    found: list[Statement] = []
    subject: list[str] | None = None
    other: str | None = None
    concludes = False
    supposed = cursor.take("if")
    while cursor.at < len(words):
        if len(found) >= MAX_CLAUSES:
            return None
        concludes = _skip_openers(cursor) or concludes
        if cursor.at >= len(words):
            return None
        first = cursor.at
        # "Ann has 24 pens, twice the number that Tom has" says that of 24, perhaps not of Ann
        joined = first and words[first - 1].low in ("and", "but", "while")
        if other is not None and cursor.take("who"):
            clause = read_about(cursor, other)
            if not cursor.closed:
                return None
        else:
            clause = read_clause(cursor, subject if joined else None)
        if clause is None or cursor.at == first:
            return None
        statement = statement_of(clause, words[first], words[cursor.at - 1], concludes, item)
        if statement is None:
            return None
        if supposed and not found and statement.relation not in given:
            return None
        found.append(statement)
        subject, other = subject_of(clause), compared_with(clause)
        item = only_item([statement]) or item
    return found


def _skip_openers(cursor: Cursor) -> bool:
    """Step over the words that join; whether one of them draws a conclusion."""
    first = cursor.at
    while cursor.take(*_OPENERS):
        continue
    return any(word.low in _CONCLUDING for word in cursor.words[first : cursor.at])


def statement_of(
    clause: Clause, first: Word, last: Word, concludes: bool, item: str | None
) -> Statement | None:
    named = {q.item for side in (clause.left, clause.right) for q in side.quantities if q.item}
    left, right = clause.left, clause.right
    if any(not q.item for side in (left, right) for q in side.quantities):
        if len(named) > 1 or (not named and item is None):
            return None
        fill = named.pop() if named else item or ""
        left, right = left.renamed(filling(fill)), right.renamed(filling(fill))
    if clause.deed:
        left, right = left.renamed(_doing(clause.deed)), right.renamed(_doing(clause.deed))
    relation = equation(left, right)
    if not relation.terms and not relation.constant:
        return None  # "Ann has as many pens as Ann"
    return Statement(left, right, relation, clause.amount, first.start, last.end, concludes)


def filling(item: str) -> Callable[[Quantity], Quantity]:
    """Names what a clause has left open."""
    return lambda quantity: quantity._replace(item=quantity.item or item)


def _doing(deed: str) -> Callable[[Quantity], Quantity]:
    """Keeps what was sold apart from what is had."""
    return lambda quantity: quantity._replace(item=f"{quantity.item}{DEED}{deed}")


def thing(item: str) -> str:
    """The item without what was done with it."""
    return item.split(DEED)[0]


def only_item(statements: Sequence[Statement]) -> str | None:
    items = {thing(q.item) for one in statements for q in one.relation.quantities}
    return items.pop() if len(items) == 1 else None
