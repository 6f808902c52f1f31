"""The equations with variables that a step states: their sides as trees, and the words around.

A statement is a chain `side = side = ...` inside one formula (`$...$`, `\\[...\\]`, an align
environment, or a plain line between harmless words). Guaranteed: spans are code points into the
step; a side that is not certainly a whole formula is None. An equation that could not be read
still is a statement, with all letters near it, so that callers know what they do not know.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from annotators.algebra_parse import Node, parse, variables
from annotators.algebra_tokens import Piece, Unreadable, tokenize

MAX_LINE = 3000
MAX_STATEMENTS = 40
MAX_BOXES = 20

_ZONE = re.compile(
    r"\$\$(?P<a>.+?)\$\$|\$(?P<b>[^$]+)\$|\\\((?P<c>.+?)\\\)|\\\[(?P<d>.+?)\\\]"
    r"|\\begin\{(?P<env>align|aligned|gather|equation|eqnarray)\*?\}(?P<e>.+?)\\end\{(?P=env)\*?\}",
    re.DOTALL,
)
_TEXT = re.compile(r"\\(?:text|mbox|mathrm|textrm|tag|label)\s*\{[^{}]*\}")
_BREAK = re.compile(
    r"\\\\(?:\[[^\]]*\])?|;|\\q?quad(?![A-Za-z])|,(?=\s|\\ |$)|\.(?=\s|$)|\n\s*\n"
    r"|\\(?:Rightarrow|implies|Longrightarrow|to|iff|Leftrightarrow|therefore)(?![A-Za-z])"
    r"|=>|->|[→⇒]|:(?=\s|$)"
)
_FORBIDDEN = re.compile(r"[A-Za-z]{5,}|\b(?:and|the|for|then|with|that|are|has)\b")
_EQUALS = re.compile(r"=|≡|\\equiv(?![A-Za-z])")
_LETTER = re.compile(r"\\?[A-Za-z]+")
_BOX = re.compile(r"\\boxed\s*\{|\\fbox\s*\{|\*\*(?![\d({ ])|(?<=[\d\w)}])\*\*(?=[\s.,]|$)")
_WORD = re.compile(r"(?<![\\A-Za-z_])(?:[A-Za-z]{3,}|[Ii][fnst]|[Ss]o|or|to|we|is|at|by|as|a|I)(?![A-Za-z])")
_CUT = re.compile(f"{_TEXT.pattern}|{_BREAK.pattern}")
_PLAIN_CUT = re.compile(rf"{_WORD.pattern}|{_BREAK.pattern}|\n(?!\s*=)")
_FUNCTION_WORDS = frozenset(["sin", "cos", "tan", "exp", "sqrt", "abc", "xyz", "abcd"])
_BEFORE = frozenset(
    "so then thus therefore hence get gets have has gives give that is and or but becomes means "
    "yields obtain obtains into equation write as solve equation since if when where let for "
    "simplify simplifies expand expanding factor simplifying know now following expression find "
    "implies because with plug plugging which are to".split()
)
_AFTER = frozenset(
    "so then thus therefore hence and or but which that is for where when if since because gives "
    "we to by as into with has have becomes means yields".split()
)
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
    clean = _unboxed(text)
    for start, end, whole in _chunks(clean):
        chunk = clean[start:end]
        if not _EQUALS.search(chunk):
            continue
        made = _statement(text, chunk, start, step, text[last:start], whole, functions)
        last = end
        found.append(made)
        if len(found) == MAX_STATEMENTS:
            break
    return found


def _unboxed(text: str) -> str:
    """The text with \\boxed{...} and bold marks blanked, of the same length."""
    for match in list(_BOX.finditer(text))[:MAX_BOXES]:
        start, end = match.span()
        blank = " " * (end - start)
        if match.group()[0] == "\\":
            close = _closing(text, end - 1)
            if close:
                text = text[:close] + " " + text[close + 1 :]
        text = text[:start] + blank + text[end:]
    return text


def _closing(text: str, opening: int) -> int:
    depth = 0
    for at in range(opening, min(len(text), opening + MAX_LINE)):
        depth += (text[at] == "{") - (text[at] == "}")
        if depth == 0:
            return at
    return 0


def _chunks(text: str) -> Iterator[tuple[int, int, bool]]:
    """Pieces that may hold one chain each, and whether their edges are certain."""
    last = 0
    zones = list(_ZONE.finditer(text))
    for zone in zones:
        yield from _plain(text, last, zone.start(), bool(zones))
        group = next(name for name in "abcde" if zone.group(name) is not None)
        yield from _split(text, *zone.span(group))
        last = zone.end()
    yield from _plain(text, last, len(text), bool(zones))


def _split(text: str, start: int, end: int) -> Iterator[tuple[int, int, bool]]:
    """A formula cut at breaks outside braces; a line that starts with "=" goes on the one before."""
    cuts = [start]
    inside = text[start:end]
    for mark in _CUT.finditer(inside) if len(inside) <= MAX_LINE else ():
        if inside[: mark.start()].count("{") != inside[: mark.start()].count("}"):
            continue
        goes_on = re.match(r"\s*&?\s*=", inside[mark.end() :]) and mark.group()[:2] == "\\\\"
        if not goes_on:
            cuts += [start + mark.start(), start + mark.end()]
    cuts.append(end)
    for left, right in zip(cuts[::2], cuts[1::2], strict=False):
        chunk = text[left:right]
        yield left, right, len(chunk) <= MAX_LINE and not _FORBIDDEN.search(_formula_words(chunk))


def _formula_words(chunk: str) -> str:
    return re.sub(r"\\[A-Za-z]+", " ", chunk)


def _plain(text: str, start: int, end: int, mixed: bool) -> Iterator[tuple[int, int, bool]]:
    """Text outside of formulas: between words; uncertain where formulas stand beside it."""
    if "=" not in text[start:end]:
        return
    cuts = [start]
    for match in _PLAIN_CUT.finditer(text, start, end):
        if match.group() not in _FUNCTION_WORDS:
            cuts += [match.start(), match.end()]
    cuts.append(end)
    for left, right in zip(cuts[::2], cuts[1::2], strict=False):
        if "=" not in text[left:right]:
            continue
        word_before = re.search(r"([A-Za-z]+)\s*$", text[max(start, left - 20) : left])
        word_after = re.match(r"([A-Za-z]+)", text[right : right + 20])
        certain = (
            not mixed
            and right - left <= MAX_LINE
            and (word_before is None or word_before.group(1).lower() in _BEFORE)
            and (word_after is None or word_after.group(1).lower() in _AFTER)
            and text[left:right].count("$") == 0
            and not re.search(r"[A-Za-z]\s+[A-Za-z]|[\d)]\s+[A-Za-z(]", text[left:right])
        )
        yield left, right, certain


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
