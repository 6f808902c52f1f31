"""Where the two sides of an equation begin and end.

Guaranteed: a side is the whole run of arithmetic up to a harmless neighbour: the line's end,
punctuation, another equals sign, an ordinary word. Where the neighbour may belong to the
expression (a variable, an inequality, "half of", "million", "remainder"), there is no side.
"""

from __future__ import annotations

import re

from annotators.arithmetic.tokens import Token
from annotators.arithmetic.units import AFTER, BEFORE

_MATH = frozenset(["num", "+", "-", "*", "/", "^", "(", ")", "{", "}", "frac", "frac2", "sup", "%"])
OPERATORS = frozenset(["+", "-", "*", "/", "^", "frac", "frac2", "sup"])
_AMOUNT_WORDS = (
    "total cost price profit amount capacity distance volume area length time income salary speed "
    "rate score weight"
)
_AMOUNTS = frozenset(_AMOUNT_WORDS.split())
_MEASURES = re.compile(
    r"(hours?|hrs?|minutes?|mins?|seconds?|secs?|days?|weeks?|months?|years?|feet|foot|ft|inch|"
    r"inches|yards?|miles?|pounds?|lbs?|ounces?|oz|dollars?|cents?|gallons?|quarts?|cups?|"
    r"kilograms?|kg|grams?|meters?|metres?|boxes|packs?|whole|full)"
)


def left_side(tokens: list[Token], mark: int) -> list[Token]:
    """The expression that ends before the equals sign, or [] where its start is not certain."""
    at, open_brackets = mark, 0
    while at and tokens[at - 1].kind in _MATH:
        kind = tokens[at - 1].kind
        if kind in (")", "}"):
            if not _opened(tokens, at - 1):
                break  # "(in total) 3 + 4 = 7": a bracket around words ends the expression
            open_brackets += 1
        elif kind in ("(", "{"):
            if not open_brackets:
                break  # "(3 + 4 = 7)"
            open_brackets -= 1
        at -= 1
    side = tokens[at:mark]
    if at and side and tokens[at - 1].kind != "=":
        before = tokens[at - 1]
        if before.kind == "word":
            word = before.text.lower()
            glued = not side[0].spaced
            if word == "of" and at > 1 and tokens[at - 2].text.lower() in _AMOUNTS:
                word = "amount"  # "a total of 5 + 10 = 15", unlike "half of 5 + 10"
            if len(word) < 2 or word in BEFORE or word[0] == "\\" or glued:
                return []
            signed = side[0].kind == "-" and len(side) > 1 and not side[1].spaced  # "is -3 - 4"
            if side[0].kind in OPERATORS - {"frac", "frac2"} and not signed:
                return []
        elif before.kind not in ("break", "(", ")") or not (side[0].spaced or before.kind == "("):
            return []
        if before.kind == ")" and side[0].kind in OPERATORS:
            return []
        if at > 1 and _cut_number(tokens[at - 2], before, side[0]):
            return []
    if at == 0 and side and side[0].kind in ("*", "+") and len(side) > 1 and side[1].spaced:
        side = side[1:]  # a bullet
    return side


def _cut_number(previous: Token, mark: Token, first: Token) -> bool:
    """Whether the left edge stands inside a number or bracket: `14, 400`, `. 84`, `+ (100 * 3`."""
    if mark.kind == "(":
        return previous.kind in _MATH
    if mark.text == ".":
        return mark.spaced
    return mark.text == "," and previous.kind == "num" and len(first.text) == 3


def right_side(tokens: list[Token], mark: int) -> list[Token]:
    """The expression that starts after the equals sign, or [] where its end is not certain."""
    at, open_brackets = mark + 1, 0
    while at < len(tokens) and tokens[at].kind in _MATH:
        kind = tokens[at].kind
        if kind in ("(", "{"):
            if kind == "(" and tokens[at].spaced and not _closed(tokens, at):
                break  # "= 24 (since ...)"
            open_brackets += 1
        elif kind in (")", "}"):
            if not open_brackets:
                break
            open_brackets -= 1
        at += 1
    side = tokens[mark + 1 : at]
    if at < len(tokens) and side and tokens[at].kind != "=":
        after = tokens[at]
        if after.kind == "word":
            if not _harmless_unit(tokens, at):
                return []
        elif after.kind == "(":
            if not after.spaced:
                return []
        elif after.kind in (")", "}"):
            if at + 1 < len(tokens) and tokens[at + 1].kind in (
                *_MATH - {")", "}", "("},
                "bad",
                "<",
            ):
                return []  # "(3 + 4 = 7) * 2", "\frac{3 = 3}{2}"
        elif after.kind != "break":
            return []
    return side


def _harmless_unit(tokens: list[Token], at: int) -> bool:
    """Whether the words after a number leave its value alone."""
    words: list[str] = []
    while at < len(tokens) and tokens[at].kind == "word" and len(words) < 4:
        words.append(tokens[at].text.lower().removeprefix("\\text").strip("{} "))
        at += 1
    if any(word in AFTER for word in words[:2]) or len(words[0]) < 2:
        return False
    following = tokens[at].kind if at < len(tokens) else "break"
    if following in ("num", "frac", "frac2", "bad", "<") and (
        _MEASURES.fullmatch(words[0]) or words[-1] in ("and", "a", "an")
    ):
        return False  # "= 1 hour 30 minutes", "= 2 and 1/2"
    return not (following in OPERATORS and len(words) < 4)  # "= 12 apples + 3"


def _opened(tokens: list[Token], close: int) -> bool:
    """Whether the bracket that closes here was opened with nothing but math between."""
    depth = 0
    for token in reversed(tokens[: close + 1]):
        if token.kind not in _MATH:
            return False
        depth += (token.kind in (")", "}")) - (token.kind in ("(", "{"))
        if depth == 0:
            return True
    return False


def _closed(tokens: list[Token], opening: int) -> bool:
    """Whether the bracket that opens here is closed with nothing but math between."""
    depth = 0
    for token in tokens[opening:]:
        if token.kind not in _MATH:
            return False
        depth += (token.kind in ("(", "{")) - (token.kind in (")", "}"))
        if depth == 0:
            return True
    return False
