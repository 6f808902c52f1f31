"""One spelling for answers that differ in typography only.

Guaranteed: the normal form means what the text means: delimiters of maths, markdown, sizes,
fonts and spaces go, words and mathematics stay. It is made for short texts (the gate limits them)
and is no parser: nothing is evaluated.
"""

from __future__ import annotations

import re

_WRAPS = (("$$", "$$"), ("\\[", "\\]"), ("\\(", "\\)"), ("$", "$"), ("**", "**"), ("`", "`"))
_CHARACTERS = str.maketrans(
    {"−": "-", "–": "-", "\u00a0": " ", "\u2009": " ", "\u202f": " ", "“": '"', "”": '"'}
)
_FONT = re.compile(
    r"\\(?:text(?:bf|it|rm|normal)?|math(?:rm|bf|it)|operatorname|mbox|boxed)\s*\{([^{}]*)\}"
)
_SPELLINGS = [
    (re.compile(pattern), by)
    for pattern, by in (
        (r"\\(?:left|right|displaystyle|bigl?|bigr|Bigl?|Bigr)(?![A-Za-z])", ""),
        (r"\\[dtc]frac(?![A-Za-z])", r"\\frac"),
        (r"\\frac\s*(\d)\s*(\d)", r"\\frac{\1}{\2}"),
        (r"\\frac\s*(\d)\s*\{", r"\\frac{\1}{"),
        (r"(?<=\d)(?:\{,\}|\\,|\\!|,\\!)(?=\d{3})", ","),
        (r"\\!", ""),
        (r"\\[,;: ]|~|\\q?quad(?![A-Za-z])", " "),
        (r"\s*\^\s*(?:\{\s*)?\\circ(?![A-Za-z])(?:\s*\})?", "°"),
        (r"\\([$%])", r"\1"),
        (r"\\(?:le|leqslant)(?![A-Za-z])", r"\\leq"),
        (r"\\(?:ge|geqslant)(?![A-Za-z])", r"\\geq"),
        # Math-Verify reads a bare sin as s * i * n
        (r"(?<![A-Za-z\\])(sin|cos|tan|log|ln|pi)(?![A-Za-z])", r"\\\1"),
        (r"\s+", " "),
    )
]
# "x = 5", "f(x) = 5", "x_{1} = 5", "x \in [1,2]"
_NAME = re.compile(r"([A-Za-z](?:_\{?\w\}?)?(?:\([A-Za-z]\))?) ?(?:=|\\in(?![A-Za-z])) ?(?=[^=])")


def normalise(text: str) -> str:
    """ "$\\dfrac12\\text{ cm}$." -> "\\frac{1}{2} cm"."""
    text = text.translate(_CHARACTERS).strip()
    for _ in range(8):  # as deep as anybody nests fonts
        before = text
        text = _FONT.sub(_unwrap_font, text)
        text = _strip_wraps(text)
        if text == before:
            break
    for pattern, by in _SPELLINGS:
        text = pattern.sub(by, text)
    return text.strip().rstrip(".").strip()


def squeeze(text: str) -> str:
    """Without the spaces that cannot matter: "x + 1" -> "x+1", but "3 1/2" stays."""
    return re.sub(r" ?([^\w\s]) ?", r"\1", text)


def split_name(text: str) -> tuple[str, str]:
    """The name that is given a value, and the value: "x = 5" -> ("x", "5"); "5" -> ("", "5")."""
    match = _NAME.match(text)
    if match and not re.search(r"=|<|>|\\leq|\\geq", text[match.end() :]):
        return match[1], text[match.end() :].strip()
    return "", text


def _unwrap_font(match: re.Match[str]) -> str:
    # a space keeps "12\text{cm}" from becoming a product
    return f" {match[1]}" if match[1][:1].isalpha() else match[1]


def _strip_wraps(text: str) -> str:
    text = text.strip().rstrip(".").rstrip()
    for left, right in _WRAPS:
        inner = text[len(left) : -len(right)]
        wrapped = text.startswith(left) and text.endswith(right)
        if wrapped and inner and left not in inner and right not in inner:
            return inner.strip()
    return text
