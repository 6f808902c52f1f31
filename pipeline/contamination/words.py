r"""A problem's text as words, so that two ways of typesetting one problem are one.

    "Let $x^{2} = 1,000$. Find x."   let x ^ 2 = 1000 find x

Dropped are case, spaces, punctuation of sentences, dollar signs, braces and what only typesets.
Kept is what changes a problem: every number (1,000, 1{,}000 and 1,\!000 are 1000, 3.50 is 3.5, .5
is 0.5, but 3 is not 4), signs and operators, brackets. Of scripts without spaces between words
every character is a word.
Not done: synonyms, number words, translation.
"""

from __future__ import annotations

import re
import unicodedata

_SUPERSCRIPTS = str.maketrans(dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789", strict=True)))
_SYMBOLS = {
    "×": "*", "·": "*", "⋅": "*", "∗": "*", "÷": "/", "∕": "/", "−": "-", "–": "-", "—": " ",
    "≤": "<=", "≥": ">=", "≠": "!=", "’": "'",
}  # fmt: skip
_COMMANDS = {
    "times": "*", "cdot": "*", "ast": "*", "div": "/", "leq": "<=", "le": "<=", "geq": ">=",
    "ge": ">=", "neq": "!=", "ne": "!=", "dfrac": "frac", "tfrac": "frac", "pm": "±",
}  # fmt: skip
# Say how it looks, not what it is.
_LOOKS = frozenset(
    (
        *("left", "right", "big", "bigg", "quad", "qquad", "displaystyle", "hspace", "vspace"),
        *("text", "textbf", "textit", "mathrm", "mathbf", "mathit", "operatorname", "mbox"),
        *("rm", "bf", "it"),
    )
)
_COMMAND = re.compile(r"\\([A-Za-z]+)|\\[,;:! ()\[\]]|\\\\")
# Between the digits of one number in TeX.
_THOUSANDS = re.compile(r"(?<=\d)(?:(?:,|\{,\})\\!|\{,\}|\\,)(?=\d{3}(?!\d))")
# An argument without braces is one character: \frac12 is 1/2.
_FRACTION = re.compile(
    r"\\([dt]?frac)(?![A-Za-z])\s*(\{[^{}]*\}|\d|(?<=\s)[A-Za-z])\s*(\{[^{}]*\}|[A-Za-z\d])"
)
_WORD = re.compile(
    r"(?P<number>\d+(?:,\d{3})+(?!\d)(?:\.\d+)?|\d+(?:\.\d+)?|(?<![\w.)\]}])\.\d+)"
    r"|(?P<character>[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff])"
    r"|(?P<word>[^\W\d_\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+"
    r"(?:'[^\W\d_]+)*)"
    r"|(?P<factorial>(?<=[\d)])!(?!=))"
    r"|(?P<sign><=|>=|!=|[^\w\s.,;:?!'\"`${}\\_&~#])"
)
_SIGNS = frozenset("()[]|*/%-")
NUMBER = "#"  # in place of every number, where templates are compared


def words(text: str) -> list[str]:
    """The words in order; [] for a text that has none."""
    text = re.sub(r"[⁰¹²³⁴⁵⁶⁷⁸⁹]+", lambda m: "^" + m[0].translate(_SUPERSCRIPTS), text)
    text = unicodedata.normalize("NFKC", text)
    for symbol, plain in _SYMBOLS.items():
        text = text.replace(symbol, plain)
    text = _THOUSANDS.sub(",", text)
    text = _FRACTION.sub(r"\\\1 \2 \3 ", text)
    text = _COMMAND.sub(_plain, text).casefold()
    # A hyphen joins words, a minus stands elsewhere.
    text = re.sub(r"(?<=[^\W\d_])-(?=[^\W\d_])", " ", text)
    return [_word(found) for found in _WORD.finditer(text) if _means(found)]


def masked(found: list[str]) -> list[str]:
    """The same with every number as one and the same word."""
    return [NUMBER if word[0].isdigit() else word for word in found]


def _plain(found: re.Match[str]) -> str:
    name = found[1]
    if name is None or name in _LOOKS:
        return " "
    return f" {_COMMANDS.get(name, name)} "


def _means(found: re.Match[str]) -> bool:
    """Whether a sign is one of mathematics; any other is punctuation of some script."""
    if found.lastgroup != "sign" or len(found[0]) > 1:
        return True
    return found[0] in _SIGNS or unicodedata.category(found[0]).startswith("S")


def _word(found: re.Match[str]) -> str:
    text = found[0]
    if found.lastgroup != "number":
        return text
    text = text.replace(",", "")
    if text.startswith("."):
        text = "0" + text
    return text.rstrip("0").rstrip(".") if "." in text else text
