"""What a problem gives: its premises with their labels, and the statement that is asked about.

A problem is covered only if every sentence of it is read, but for lines above the first heading or
label of a problem that has such ("Based on the provided facts, prove …"): then `complete` is
false, and nothing may be called unfounded because it was not found.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from annotators.logic.english import read_english
from annotators.logic.formula import Formula
from annotators.logic.notation import NotNotation, read_notation

MAX_PROBLEM = 20_000
MAX_GIVENS = 300

LABEL = r"(?:(?:fact|rule|premise|axiom|sent|int|step|line|assumption|given)s?\s*#?)?\d{1,3}"
_LABELLED = re.compile(
    rf"[(\[]?(?P<label>{LABEL})[)\]]?\s*(?::|\.|(?<=[)\]]))\s+(?P<rest>.+)",
    re.IGNORECASE | re.DOTALL,
)
# several on one line: "fact1: … fact2: …"
_NEXT_LABEL = re.compile(r"\s+(?=(?:fact|rule|premise|axiom|sent)\s*\d{1,3}\s*:)", re.IGNORECASE)
_HEADING = re.compile(
    r"\W{0,3}(?:(?P<asks>hypothesis|goal|query|question|prove|to prove|conclusion|statement|claim)|"
    r"context|premises|facts|rules|givens?|axioms|assumptions|problem)\W{0,3}:\s*\**\s*",
    re.IGNORECASE,
)
_ASK = re.compile(
    r"(?:(?:decide|determine|say|judge) (?:if|whether) (?:this|(?:the following|this) statement) "
    r"is true or false|true or false|is (?:the following|this) statement true or false|"
    r"is it true(?: or false)? that|prove(?: or disprove)?(?: that)?)\s*[:?]?\s*",
    re.IGNORECASE,
)
_IGNORED = re.compile(
    r"(?:options?\s*:\s*)?(?:\(?[AB]\)\s*(?:true|false)\s*)+|"
    r"\W{0,3}(?:options?|answer|proof|solution)\W{0,3}:?\W{0,3}",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"[^.?!]+[.?!]?")


@dataclass(frozen=True, slots=True)
class Statement:
    """A formula and the words that state it."""

    formula: Formula
    text: str
    label: str | None = None


@dataclass(frozen=True, slots=True)
class Theory:
    """A problem as read; `complete` says that there is nothing else in it."""

    givens: tuple[Statement, ...]
    asked: Formula | None
    complete: bool


def read_statement(text: str) -> Statement | None:
    """One statement in either language, with its label if it has one."""
    text, label = text.strip(), None
    if match := _LABELLED.fullmatch(text):
        label, text = plain_label(match["label"]), match["rest"].strip()
    try:
        formula: Formula | None = read_notation(text)
    except NotNotation:
        formula = read_english(text)
    return None if formula is None else Statement(formula, text, label)


def plain_label(label: str) -> str:
    """ "Fact 3" -> "fact3", "rules #2" -> "rule2", "(4)" -> "4" """
    return re.sub(r"s(?=\d)", "", re.sub(r"[^a-z0-9]", "", label.lower()))


def read_problem(text: str) -> Theory | None:
    """The theory; None if the text is not a problem of this kind."""
    if len(text) > MAX_PROBLEM:
        return None
    reader = _Reader()
    for line in text.split("\n"):
        if not reader.line(line.strip()):
            return None
    return reader.theory()


class _Reader:
    def __init__(self) -> None:
        self._givens: list[Statement] = []
        self._asked: Formula | None = None
        self._asks = False  # the next statement is the one that is asked about
        self._above = self._structured = False

    def theory(self) -> Theory | None:
        if not self._givens or len(self._givens) > MAX_GIVENS or self._asks:
            return None
        if self._above and not self._structured:
            return None
        return Theory(tuple(self._givens), self._asked, complete=not self._above)

    def line(self, line: str) -> bool:
        """Takes one line in; false if the problem is not covered."""
        if heading := _HEADING.match(line):
            self._structured = True
            self._asks = bool(heading["asks"])
            line = line[heading.end() :]
        if not line or _IGNORED.fullmatch(line):
            return True
        for part in _NEXT_LABEL.split(line):
            if self._take(part) or all(map(self._sentence, _SENTENCE.findall(part))):
                continue
            if self._structured or self._givens:
                return False
            self._above = True
        return True

    def _sentence(self, sentence: str) -> bool:
        sentence = sentence.strip()
        if not sentence or _IGNORED.fullmatch(sentence):
            return True
        if ask := _ASK.match(sentence):
            self._asks = True
            sentence = sentence[ask.end() :]
        return not sentence or self._take(sentence.rstrip("?"))

    def _take(self, text: str) -> bool:
        statement = read_statement(text)
        if statement is None:
            return False
        if self._asks:
            if self._asked is not None:
                return False
            self._asked, self._asks = statement.formula, False
        else:
            self._structured |= statement.label is not None
            self._givens.append(statement)
        return True
