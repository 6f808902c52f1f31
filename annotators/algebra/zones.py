"""Where formulas stand in a text: in dollar signs, brackets, environments, on plain lines.

Guaranteed: `chunks` covers everything that has an equals sign, each piece once, in linear time;
`certain` is true only where both edges of the piece are a formula's (a delimiter, punctuation, a
harmless word) and no word of English stands inside.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

MAX_LINE = 3000
MAX_BOXES = 20

_ZONE = re.compile(
    r"\$\$(?P<a>[^$]+)\$\$|\$(?P<b>[^$]+)\$|\\\((?P<c>.{1,3000}?)\\\)|\\\[(?P<d>.{1,3000}?)\\\]"
    r"|\\begin\{(?P<env>align|aligned|gather|equation|eqnarray)\*?\}"
    r"(?P<e>.{1,3000}?)\\end\{(?P=env)\*?\}",
    re.DOTALL,
)
_TEXT = re.compile(r"\\(?:text|mbox|mathrm|textrm|tag|label)\s*\{[^{}]*\}")
_BREAK = re.compile(
    r"\\\\(?:\[[^\]]*\])?|;|\\q?quad(?![A-Za-z])|(?<!\\),(?=\s|\\ |$)|\.(?=\s|$)|\n\s*\n"
    r"|\\(?:Rightarrow|implies|Longrightarrow|to|iff|Leftrightarrow|therefore)(?![A-Za-z])"
    r"|=>|->|[→⇒]|:(?=\s|$)"
)
_FORBIDDEN = re.compile(r"[A-Za-z]{5,}|\b(?:and|the|for|then|with|that|are|has)\b")
_BOX = re.compile(r"\\boxed\s*\{|\\fbox\s*\{|\*\*(?![\d({ ])|(?<=[\d\w)}])\*\*(?=[\s.,]|$)")
_WORD = re.compile(
    r"(?<![\\A-Za-z_])(?:[A-Za-z]{3,}|[Ii][fnst]|[Ss]o|or|to|we|is|at|by|as|a|I)(?![A-Za-z])"
)
_CUT = re.compile(f"{_TEXT.pattern}|{_BREAK.pattern}")
_PLAIN_CUT = re.compile(rf"{_WORD.pattern}|{_BREAK.pattern}|\n(?!\s*=)")
_FUNCTION_WORDS = frozenset(["sin", "cos", "tan", "exp", "sqrt", "abc", "xyz", "abcd"])
_LEADING_WORDS = (
    "so then thus therefore hence get gets have has gives give that is and or but becomes means "
    "yields obtain obtains into equation write as solve since if when where let for simplify "
    "simplifies expand expanding factor simplifying know now following expression find implies "
    "because with plug plugging which are to"
)
_BEFORE = frozenset(_LEADING_WORDS.split())
_FOLLOWING_WORDS = (
    "so then thus therefore hence and or which that is for where when if since because gives we to "
    "by as into with has have becomes means yields but"
)
_AFTER = frozenset(_FOLLOWING_WORDS.split())


def unboxed(text: str) -> str:
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


def chunks(text: str) -> Iterator[tuple[int, int, bool]]:
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
    """A formula cut at breaks outside braces; a line that starts with "=" goes on."""
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
