"""The statements of a sentence, and what a question asks for.

"Dan has 6 pens and, compared with Dan, Ann has 4 more pens, so Ann has 6 + 4 = 10 pens." makes
three. Guaranteed: a sentence is read to its last word or not at all; no statement is taken out of
a question, a condition or a denial, because none of their words has a place in the grammar.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from annotators.consistency.finals import without_notes
from annotators.consistency.statements import SENTENCE
from annotators.quantities.clauses import (
    Clause,
    compared_with,
    read_about,
    read_clause,
    subject_of,
)
from annotators.quantities.linear import ONE, Linear, Quantity, equation, just
from annotators.quantities.phrases import AGE, DEEDS, HAVE, Amount, Cursor, total
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
DEED = "|"  # between a thing and what was done with it: "pen|sell"
_BUSY_WORDS = (
    "if when after before later now left then gives gave sells sold buys bought ago next last each "
    "every per average percent half twice more fewer less than rest remaining other others will "
    "would were"
)
_BUSY_QUESTION = frozenset(_BUSY_WORDS.split())
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
    other: str | None = None
    concludes = False
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
        statement = _statement(clause, words[first], words[cursor.at - 1], concludes, item)
        if statement is None:
            return None
        found.append(statement)
        subject, other = subject_of(clause), compared_with(clause)
        item = _only_item([statement]) or item
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
        left, right = left.renamed(_filling(fill)), right.renamed(_filling(fill))
    if clause.deed:
        left, right = left.renamed(_doing(clause.deed)), right.renamed(_doing(clause.deed))
    relation = equation(left, right)
    if not relation.terms and not relation.constant:
        return None  # "Ann has as many pens as Ann"
    return Statement(left, right, relation, clause.amount, first.start, last.end, concludes)


def _filling(item: str) -> Callable[[Quantity], Quantity]:
    """Names what a clause has left open."""
    return lambda quantity: quantity._replace(item=quantity.item or item)


def _doing(deed: str) -> Callable[[Quantity], Quantity]:
    """Keeps what was sold apart from what is had."""
    return lambda quantity: quantity._replace(item=f"{quantity.item}{DEED}{deed}")


def thing(item: str) -> str:
    """The item without what was done with it."""
    return item.split(DEED)[0]


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
        item = _only_item(before) or item
    asked = _asked(cursor, item)
    if asked is not None and cursor.at == len(words):
        return Question(tuple(before), asked)
    cursor.take(",")
    if asked is not None and cursor.low() == "if":
        after = _conditions(cursor, _item_asked(asked) or item)
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
        statement = _statement(clause, cursor.words[first], last, False, item)
        if statement is None:
            return None
        found.append(statement)
    return found


def _only_item(statements: Sequence[Statement]) -> str | None:
    items = {thing(q.item) for one in statements for q in one.relation.quantities}
    return items.pop() if len(items) == 1 else None


def _item_asked(asked: Linear | str) -> str | None:
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
        return asked.renamed(_filling(item)) if item else None
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
        difference = just(Quantity(owners[0], named)).plus(other.renamed(_filling(named)), -ONE)
        return difference if more else difference.times(-ONE)
    return total(owners, named) if len(owners) == 1 or together else None
