"""The tokens of plain arithmetic text: numbers, operators, brackets, words, and the rest.

Guaranteed: spans are code points into the step, the time is linear in the text, and a number that
touches a letter, a zero-padded one or a cut one is `bad`, so that nobody computes with it. Dollar
signs, calculator notes `<<...>>` and LaTeX spacing are whitespace. Not guaranteed: that an `x`
between spaced numbers means times.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

MAX_DIGITS = 30

ONE = Fraction(1)


class Unreadable(Exception):
    """These tokens are not an expression of the grammar, or go past a cap."""


class NoValue(Unreadable):
    """An expression that has no value, or none within the limits."""


@dataclass(frozen=True, slots=True)
class Token:
    """One piece of a line; `start` and `end` are code points into the whole step."""

    kind: str  # num word = < + - * / ^ ( ) { } frac frac2 sup % break bad
    text: str
    start: int
    end: int
    spaced: bool  # whitespace (or a dollar sign) stands before it
    unit: str = ""  # of a number: set by units.py


_LEXER = re.compile(
    r"""
    (?P<ws>\s+ | & | <<[^<>\n]*>> | \\?\$ | [€£] | \\[,;:!\ ]
        | \\(?:left|right|[bB]ig[glr]?|displaystyle|q?quad)(?![A-Za-z])
        | \\[()\[\]] | \\boxed\s*\{ | (?<![\d)])\*\* | \*\*(?![\d(]))
  | (?P<break>\\\\ | ->|=> | [→⇒;"“”•—] | \\(?:implies|Rightarrow|to)(?![A-Za-z])
        | \.(?![\d.]) | ,(?!\d) | :(?!\d))
  | (?P<bad>\.{2,} | [=!:~]=+ | [<>]{2,} | <[-/] | =[=/] | =<(?!<) | (?<![0-9])0x)
  | (?P<num>(?:[0-9]{1,3}(?:(?:,|\{,\}|,\\!)[0-9]{3})+(?![0-9]) | [0-9]+)(?:\.[0-9]+)? | \.[0-9]+)
  | (?P<frac2>\\[dt]?frac\s*[0-9]\s*[0-9])
  | (?P<frac>\\[dt]?frac(?![A-Za-z]))
  | (?P<pow>\^ | \*\*)
  | (?P<mul>[*×·∗⋅] | \\(?:times|cdot|ast)(?![A-Za-z])
        | (?<=\d)[xX](?=\d) | (?<=[\d)]\ )[xX](?=\ [\d($.\\]))
  | (?P<div>[/÷⁄] | \\div(?![A-Za-z]))
  | (?P<plus>\+)
  | (?P<minus>[-−–](?![-−–]))
  | (?P<cmp>[<>]=? | [≤≥⩽⩾] | \\(?:leqslant|geqslant|leq?|geq?|lt|gt)(?![A-Za-z]))
  | (?P<eq>=)
  | (?P<pct>\\?%)
  | (?P<open>[(\[]) | (?P<close>[)\]]) | (?P<lbrace>\{) | (?P<rbrace>\})
  | (?P<sup>[⁰¹²³⁴⁵⁶⁷⁸⁹]+)
  | (?P<word>\\(?:text|mathrm|textrm|mbox)\s*\{[^{}]*\} | [^\W\d_][^\W\d_'’]*)
  | (?P<other>\\[A-Za-z]+ | .)
    """,
    re.VERBOSE | re.DOTALL,
)

_KINDS = {
    "pow": "^", "mul": "*", "div": "/", "plus": "+", "minus": "-", "eq": "=", "cmp": "<",
    "pct": "%", "open": "(", "close": ")", "lbrace": "{", "rbrace": "}", "other": "bad",
}  # fmt: skip


def tokenize(text: str, offset: int = 0) -> list[Token]:
    """Tokens of one line. A number that touches a letter is `bad`: `3x`, `5m`, `x2`, `2nd`."""
    tokens: list[Token] = []
    spaced = True
    for match in _LEXER.finditer(text):
        group = match.lastgroup or "other"
        if group == "ws":
            spaced = True
            continue
        kind = _KINDS.get(group, group)
        start, end = match.span()
        if kind == "num":
            before = text[start - 1] if start else " "
            after = text[end] if end < len(text) else " "
            digits = match.group()
            glued = after.isalpha() and not (after in "xX" and text[end + 1 : end + 2].isdigit())
            padded = len(digits) > 1 and digits[0] == "0" and digits[1] != "."
            if (before.isalpha() and before not in "xX") or before in "_'" or glued or padded:
                kind = "bad"
            elif digits[0] == "." and (before.isalnum() or before == ")"):
                kind = "bad"  # "No.3", "x.5": a full stop, not a decimal
            elif before in "xX" and not (tokens and tokens[-1].kind == "*"):
                kind = "bad"
        tokens.append(Token(kind, match.group(), start + offset, end + offset, spaced))
        spaced = False
    return tokens


def number(text: str) -> Fraction:
    """`1,234.50` or `.5` or `1{,}000` as an exact number."""
    plain = text.replace("{", "").replace("}", "").replace("\\!", "").replace(",", "")
    if len(plain) > MAX_DIGITS:
        raise NoValue("too many digits")
    return Fraction(plain) if plain[0] != "." else Fraction("0" + plain)


def shown_unit(text: str) -> Fraction:
    """The value of one in the last place that is written: 1 for `26`, 1/100 for `2.50`."""
    _, dot, decimals = text.partition(".")
    return Fraction(1, 10 ** len(decimals)) if dot else ONE
