"""The equations with variables that a step states: their sides as trees, and the words around.

A statement is a chain `side = side = ...` inside one formula (`$...$`, `\\[...\\]`, an align
environment, or a plain line between harmless words). Guaranteed: spans are code points into the
step; a side that is not certainly a whole formula is None. An equation that could not be read
still is a statement, with all letters near it, so that callers know what they do not know.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from annotators.algebra.parse import Node, parse, variables
from annotators.algebra.tokens import Piece, Unreadable, tokenize
from annotators.algebra.zones import chunks, unboxed

MAX_STATEMENTS = 40

_EQUALS = re.compile(r"=|≡|\\equiv(?![A-Za-z])")
_LETTER = re.compile(r"\\?[A-Za-z]+")
_SCALES = re.compile(
    r"\s*(?:times|plus|minus|mod|percent|%|\\%|\(\\?p?mod|squared|cubed|degrees?|°|dozen|hundred|"
    r"thousand|million|[-+*/^=<>≤≥]|\\(?:%|pmod|equiv))",
)


@dataclass(frozen=True, slots=True)
class Statement:
    """One chain of sides; `start` and `end` are code points, `before` the words that lead to it."""

    step: int  # -1 is the problem
    start: int
    end: int
    text: str  # without line breaks
    raw: str
    sides: tuple[Node | None, ...]
    spans: tuple[tuple[int, int], ...]  # of the sides
    names: frozenset[str]
    before: str
    after: str
    decimal: bool = field(default=False)


def find_statements(
    text: str, step: int, functions: frozenset[str] = frozenset()
) -> list[Statement]:
    """The equations of a step in the order of the text; at most `MAX_STATEMENTS`."""
    if "=" not in text and "≡" not in text and "\\equiv" not in text:
        return []
    found: list[Statement] = []
    last = 0
    clean = unboxed(text)
    for start, end, whole in chunks(clean):
        chunk = clean[start:end]
        if not _EQUALS.search(chunk):
            continue
        made = _statement(text, chunk, start, step, text[last:start], whole, functions)
        last = end
        found.append(made)
        if len(found) == MAX_STATEMENTS:
            break
    return found


def find_expressions(
    text: str, step: int, functions: frozenset[str] = frozenset()
) -> list[Statement]:
    """The formulas of a step that are no equations, one side each, where they could be read."""
    found: list[Statement] = []
    clean = unboxed(text)
    last = 0
    for start, end, whole in chunks(clean):
        chunk = clean[start:end]
        if whole and not _EQUALS.search(chunk) and len(found) < MAX_STATEMENTS:
            made = _statement(text, chunk, start, step, text[last:start], whole, functions)
            if made.sides[0] is not None:
                found.append(made)
        last = end
    return found


def _statement(
    text: str,
    chunk: str,
    offset: int,
    step: int,
    before: str,
    whole: bool,
    functions: frozenset[str],
) -> Statement:
    end = offset + len(chunk)
    certain = whole and not _SCALES.match(text[end:].lstrip("$)\\]").lstrip())
    chunk = chunk.replace("\\\\", "  ")
    pieces = tokenize(chunk, offset)
    sides: list[Node | None] = []
    spans: list[tuple[int, int]] = []
    for part in _sides(pieces):
        node = None
        if certain:
            try:
                node = parse(part, functions)
            except Unreadable:
                node = None
        sides.append(node)
        spans.append((part[0].start, part[-1].end) if part else (offset, offset))
    if all(side is not None for side in sides):
        names = frozenset().union(*(variables(side) for side in sides if side is not None))
    else:
        names = frozenset(one for word in _LETTER.findall(chunk) for one in _letters(word))
    start, end = (pieces[0].start, pieces[-1].end) if pieces else (offset, end)
    return Statement(
        step,
        start,
        end,
        " ".join(text[start:end].split()),
        text[start:end],
        tuple(sides),
        tuple(spans),
        names,
        before,
        text[end : end + 60],
        any(piece.kind == "num" and "." in piece.text for piece in pieces),
    )


def _sides(pieces: list[Piece]) -> list[list[Piece]]:
    sides: list[list[Piece]] = [[]]
    depth = 0
    for piece in pieces:
        depth += (piece.kind in "({[") - (piece.kind in ")}]")
        if piece.kind == "=" and depth == 0:
            sides.append([])
        else:
            sides[-1].append(piece)
    return sides


def _letters(word: str) -> list[str]:
    """What variables a run of letters may mean: itself, and each of its letters."""
    return [word] if word[0] == "\\" else [word, *word]
