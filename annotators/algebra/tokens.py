"""The tokens of formulas in LaTeX and plain text: numbers, names, functions, operators, the rest.

Guaranteed: spans are code points, the time is linear in the text, and whatever is not certainly
part of a formula (a word, a unit, a dot series, an inequality) is `bad`, so that nobody computes
with it. Not guaranteed: that a run of letters is a product; only well-known runs are read so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

MAX_DIGITS = 30

FUNCTIONS = frozenset(["sin", "cos", "tan", "ln", "exp"])
_GREEK = (
    "alpha|beta|gamma|delta|epsilon|varepsilon|zeta|eta|theta|vartheta|kappa|lambda|mu|nu|xi|rho|"
    "sigma|tau|phi|varphi|chi|psi|omega"
)
_RUNS = ("abcd", "wxyz", "pqrs", "mnk", "rst", "uvw")  # letters that are written side by side
_SHORT_WORDS = (
    "mi km cm mm ft kg lb hr in of is to or if so we at be by do it no my an as am pm go he me on "
    "up us ml oz"
)
_NO_PRODUCTS = frozenset(_SHORT_WORDS.split())


class Unreadable(Exception):
    """These tokens are not a formula of the grammar, or go past a cap."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One token; `spaced` says that whitespace stands before it."""

    kind: str  # num name fn frac sqrt int pi prime + - * / ^ ( ) { } [ ] | = bad
    text: str
    start: int
    end: int
    spaced: bool


_LEXER = re.compile(
    rf"""
    (?P<ws>\s+ | & | ~ | \\[,;:!\ ] | \\(?:left|right|[bB]ig[glr]?|displaystyle)(?![A-Za-z]))
  | (?P<num>(?:[0-9]{{1,3}}(?:(?:,|\{{,\}}|,\\!)[0-9]{{3}})+(?![0-9]) | [0-9]+)(?:\.[0-9]+)?
        | \.[0-9]+)
  | (?P<frac>\\[dt]?frac(?![A-Za-z]))
  | (?P<sqrt>\\?sqrt(?![A-Za-z]))
  | (?P<int>\\int(?![A-Za-z]))
  | (?P<pi>\\pi(?![A-Za-z]) | π)
  | (?P<fn>\\(?:sin|cos|tan|ln|exp)(?![A-Za-z]) | (?:sin|cos|tan|ln|exp)(?![A-Za-z]))
  | (?P<mul>\\(?:cdot|times)(?![A-Za-z]) | [*×·⋅∗])
  | (?P<div>/ | \\div(?![A-Za-z]) | ÷)
  | (?P<pow>\^)
  | (?P<name>(?:\\(?:{_GREEK})(?![A-Za-z]) | [A-Za-z]+)
        (?:_(?:[A-Za-z0-9](?![A-Za-z0-9]) | \{{[A-Za-z0-9]{{1,8}}\}}))?)
  | (?P<prime>'+)
  | (?P<minus>[-−])
  | (?P<sup>[²³])
  | (?P<bad>[=!<>:~]=+ | =[=/<>] | \.{{2,}})
  | (?P<mark>[+=()\[\]{{}}|])
  | (?P<other>\\[A-Za-z]+ | .)
    """,
    re.VERBOSE | re.DOTALL,
)
_KINDS = {"mul": "*", "div": "/", "pow": "^", "minus": "-", "other": "bad"}


def tokenize(text: str, offset: int = 0) -> list[Piece]:
    """Tokens of one formula; `**` is a power, a product of letters is one name for each."""
    pieces: list[Piece] = []
    spaced = True
    for match in _LEXER.finditer(text.replace("**", "^ ")):
        group = match.lastgroup or "other"
        if group == "ws":
            spaced = True
            continue
        word, start, end = match.group(), match.start() + offset, match.end() + offset
        kind = word if group == "mark" else _KINDS.get(group, group)
        if kind == "sup":
            pieces.append(Piece("^", "^", start, end, False))
            pieces.append(Piece("num", "2" if word == "²" else "3", start, end, False))
        elif kind == "name" and word[0] != "\\":
            pieces += _letters(word, start, end, spaced)
        else:
            pieces.append(Piece(kind, word, start, end, spaced))
        spaced = False
    return pieces


def _letters(word: str, start: int, end: int, spaced: bool) -> list[Piece]:
    run, _, below = word.partition("_")
    below = below.strip("{}")
    if len(run) == 1 or run.isupper():  # a variable, or a segment such as AB
        return [Piece("name", run + ("_" + below if below else ""), start, end, spaced)]
    product = (len(run) == 2 and run.islower() and run not in _NO_PRODUCTS) or any(
        len(set(run)) == len(run) and set(run) <= set(letters) for letters in _RUNS
    )
    if not product:
        return [Piece("bad", word, start, end, spaced)]
    return [
        Piece(
            "name",
            letter + ("_" + below if below and at == len(run) - 1 else ""),
            start + at,
            end if at == len(run) - 1 else start + at + 1,
            spaced and at == 0,
        )
        for at, letter in enumerate(run)
    ]


def number(text: str) -> Fraction:
    """`1,234.50`, `.5` or `1{,}000` as an exact number."""
    plain = text.replace("{", "").replace("}", "").replace("\\!", "").replace(",", "")
    if len(plain) > MAX_DIGITS:
        raise Unreadable("too many digits")
    return Fraction(plain if plain[0] != "." else "0" + plain)
