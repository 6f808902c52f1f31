"""The moves of a step: what it quotes or cites, and what it claims.

Covered: bare statements; "S. S. So C."; "S, and S, so C."; "Since S and S, C."; "C because S.";
citations by label ("because fact 3 and rule 2, C", "C [1, 2]") and FoVer's "fact1 & int2 -> int3:
C;"; "The answer is True." A step is read as a whole or not at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from annotators.logic.formula import Formula, Joined, negation
from annotators.logic.problem import LABEL, Statement, Theory, plain_label, read_statement

MAX_STEP = 5000
MAX_SENTENCES = 60

_SO = (
    r"(?:and )?(?:so|therefore|thus|hence|consequently|it follows that|this means|this implies|"
    r"which means|we (?:can )?(?:conclude|deduce|infer|get))(?:\s*,)?(?: that)?"
)
_SO_START = re.compile(rf"(?:{_SO}|then,?)\s+", re.IGNORECASE)
_SO_INSIDE = re.compile(rf"\s*[,;]\s*{_SO}\s+|\s+(?:so|therefore|thus|hence)\s+", re.IGNORECASE)
_SINCE = re.compile(r"(?:since|because|as|given(?: that)?|from|by|using)\s+", re.IGNORECASE)
_THEN = re.compile(rf"(?:{_SO}|then|we have|we know)(?: that)?\s+", re.IGNORECASE)
_BECAUSE = re.compile(r",?\s+(?:because|since|as|by|from)\s+", re.IGNORECASE)
_BRACKETS = re.compile(
    rf"\s*[(\[](?:by |from |using )?(?P<labels>{LABEL}(?:\s*(?:,|&|and)\s*{LABEL})*)[)\]]\.?$",
    re.IGNORECASE,
)
_AND = re.compile(r"\s*,\s*and\s+|\s*,\s*|\s+and\s+|\s*&\s*")
_LABEL = re.compile(rf"[(\[]?({LABEL})[)\]]?", re.IGNORECASE)
_FOVER = re.compile(
    r"(?P<labels>[a-z]+\d{1,3}(?:\s*&\s*[a-z]+\d{1,3})*)\s*->\s*(?:(?P<label>int\d{1,3})\s*:\s*)?"
    r"(?P<claim>\S.*?)\s*;?",
)
_GIVEN = re.compile(r"(?:it is (?:given|known|stated) that|we are (?:given|told) that) ", re.I)
_ANSWER = re.compile(
    r"(?:(?:so|therefore|thus|hence),? )?(?:(?:the |final |correct )*answer(?: is|:)+|"
    r"(?:the|this) statement is|\$?proof_label\$?:)\s*\W{0,2}"
    r"(?P<value>true|false|unknown|uncertain|proved|disproved)\W{0,3}",
    re.IGNORECASE,
)
_BULLET = re.compile(r"(?:[-*•]|step \d{1,3}[:.])\s+", re.IGNORECASE)
_SENTENCE = re.compile(r"[^.?!;]+[.?!;]*")
_VALUES = {"true": True, "proved": True, "false": False, "disproved": False}


@dataclass(frozen=True, slots=True)
class Move:
    """One claim of a step; of an answer, `statement` is None and `answer` what it says.

    `derived`: the words say that it follows. `given`: they say that the problem gives it.
    """

    statement: Statement | None
    quotes: tuple[Statement, ...] = ()
    labels: tuple[str, ...] = ()
    derived: bool = False
    given: bool = False
    answer: bool | None = None


@dataclass(frozen=True, slots=True)
class _Grounds:
    quotes: tuple[Statement, ...]
    labels: tuple[str, ...]


def read_moves(step: str, theory: Theory) -> list[Move] | None:
    """The moves in their order; None if any part of the step is not read."""
    if len(step) > MAX_STEP:
        return None
    moves: list[Move] = []
    waiting: list[Statement] = []  # statements since the last conclusion: it may rest on them
    for text in _sentences(step):
        move = _move(text, theory, tuple(waiting)) if text is not None else None
        if move is None:
            return None
        if move.statement is not None and not move.derived and not move.given:
            waiting.append(move.statement)
            continue
        if move.quotes != tuple(waiting):  # it has grounds of its own, or none
            moves += map(Move, waiting)
        waiting = []
        moves.append(move)
    moves += map(Move, waiting)
    return moves or None


def _sentences(step: str) -> Iterator[str | None]:
    """Lines that are one move, or else their sentences; None for a line that is too long."""
    for line in step.split("\n"):
        line = " ".join(line.split())
        if bullet := _BULLET.match(line):
            line = line[bullet.end() :]
        if not line:
            continue
        if _FOVER.fullmatch(line) or _ANSWER.fullmatch(line) or read_statement(line):
            yield line
            continue
        sentences = [found.strip() for found in _SENTENCE.findall(line)]
        yield from sentences if len(sentences) <= MAX_SENTENCES else [None]


def _move(text: str, theory: Theory, before: tuple[Statement, ...]) -> Move | None:
    if text.endswith("?"):
        return None
    if match := _ANSWER.fullmatch(text):
        return Move(None, derived=True, answer=_VALUES.get(match["value"].lower()))
    if match := _FOVER.fullmatch(text):
        return _fover(match, theory)
    if match := _BRACKETS.search(text):
        claim, grounds = read_statement(text[: match.start()]), _grounds(match["labels"])
        return _derived(claim, grounds) if grounds else None
    if match := _GIVEN.match(text):
        claim = read_statement(text[match.end() :])
        return Move(claim, given=True) if claim else None
    if match := _SO_START.match(text):
        claim = read_statement(text[match.end() :])
        return Move(claim, before, derived=True) if claim else None
    if claim := read_statement(text):
        return Move(claim)
    return _inferred(text)


def _fover(match: re.Match[str], theory: Theory) -> Move | None:
    grounds = _Grounds((), tuple(map(plain_label, match["labels"].split("&"))))
    words, label = match["claim"], match["label"]
    if words.lstrip("¬~ ") == "hypothesis":
        if theory.asked is None or len(words) > len("¬hypothesis"):
            return None
        asked: Formula = theory.asked if words == "hypothesis" else negation(theory.asked)
        return _derived(Statement(asked, words, label), grounds)
    claim = read_statement(words)
    return _derived(Statement(claim.formula, words, label) if claim else None, grounds)


def _derived(claim: Statement | None, grounds: _Grounds) -> Move | None:
    return Move(claim, grounds.quotes, grounds.labels, derived=True) if claim else None


def _inferred(text: str) -> Move | None:
    """One sentence with both grounds and claim: the first cut at which both can be read."""
    if since := _SINCE.match(text):
        for comma in reversed(list(re.finditer(r",\s*", text))):
            rest = text[comma.end() :]
            if then := _THEN.match(rest):
                rest = rest[then.end() :]
            if move := _cut(text[since.end() : comma.start()], rest):
                return move
    for mark in _SO_INSIDE.finditer(text):
        if move := _cut(text[: mark.start()], text[mark.end() :]):
            return move
    for mark in _BECAUSE.finditer(text):
        if move := _cut(text[mark.end() :], text[: mark.start()]):
            return move
    return None


def _cut(grounds_text: str, claim_text: str) -> Move | None:
    claim = read_statement(claim_text)
    grounds = _grounds(grounds_text) if claim else None
    return _derived(claim, grounds) if grounds else None


def _grounds(text: str) -> _Grounds | None:
    """A list of statements and labels; None also where it could be one formula with another sense
    ("A and B -> C")."""
    text = text.strip().rstrip(".;,")
    whole = read_statement(text)
    parts = [_ground(part) for part in _AND.split(text)]
    if len(parts) > 1 and all(parts):
        formula = whole.formula if whole else None
        if formula is not None and not (isinstance(formula, Joined) and formula.by == "and"):
            return None
        found = [part for part in parts if part is not None]
    elif whole is not None:
        found = [whole]
    elif (only := _ground(text)) is not None:
        found = [only]
    else:
        return None
    quotes = tuple(part for part in found if isinstance(part, Statement))
    return _Grounds(quotes, tuple(part for part in found if isinstance(part, str)))


def _ground(text: str) -> Statement | str | None:
    if match := _LABEL.fullmatch(text.strip()):
        return plain_label(match[1])
    return read_statement(text)
