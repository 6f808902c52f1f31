"""The words between two equations: whether they say that the second follows from the first.

Guaranteed: `joins` knows every word of the text between; one that it does not know may bring in
another fact, another case or another meaning of the letter, and there is no claim then.
"""

from __future__ import annotations

import re

MAX_GLUE = 160

_GLUE_WORDS = """
    so thus therefore hence then and this that it which we get gives give giving us becomes become
    means implies yields obtain obtains simplifies simplify simplifying simplified further to is be
    the equation as have dividing divide multiplying multiply both sides side by each from of
    subtracting subtract adding add combining combine like terms solving solve for finding find
    rearranging rearrange rearranges reduces expanding expand expands factoring factor factors into
    can rewrite rewrites rewritten write written right yes yeah ok okay true finally equivalent same
    if only iff left hand out just well distributing distribute square root taking isolate isolating
    cross-multiplying a value will step
"""
_GLUE = frozenset(_GLUE_WORDS.split())
_REFUSED = re.compile(r"\b(?:or|also|now|next|value of)\b|\?|≈", re.IGNORECASE)
_FORMULA = re.compile(r"\$[^$=]*\$")
_WORDS = re.compile(r"[^\W\d_]{2,}(?:-[^\W\d_]+)?|[aA](?=\s)")
_COMMANDS = re.compile(
    r"\\(?:Rightarrow|implies|Longrightarrow|iff|Leftrightarrow|quad|qquad|begin"
    r"|end)(?![A-Za-z])(?:\{\w+\*?\})?|\\[()\[\]]|\\\\"
)
REWRITE = re.compile(
    r"\b(?:simplif\w+|factor\w*|expand\w*|rewrit\w+|divid\w+|multipl\w+|rearrang\w+|combin\w+|"
    r"distribut\w+|equivalent|which is|same as|both sides|reduc\w+|becomes)\b",
    re.IGNORECASE,
)
# a value is tried in an equation: nothing follows from it
TEST = re.compile(r"\b(?:plug\w*|substitut\w+|try|trying|test\w*|check\w*|put\w*)\b", re.IGNORECASE)
# said of formulas these mean an identity, whatever equation holds
IDENTITY = re.compile(r"\b(?:factor\w*|expand\w*|FOIL|multipl\w+ out|distribut\w+)\b")
EQUIVALENT = re.compile(
    r"\b(?:equivalent|if and only if|iff|only solutions?)\b|\\(?:iff|Leftrightarrow)|⇔|⟺",
    re.IGNORECASE,
)


# all words that may stand between a formula and what it is rewritten to
_TO_FORMULA_WORDS = """
    which that this it expression we can be get and as to into us so thus then now further just also
    simplifies simplified simplify factors factored factor expands expanded expand becomes equals is
    equal rewritten rewrite written write gives right yes yeah ok okay the same out
"""
_TO_FORMULA = frozenset(_TO_FORMULA_WORDS.split())
_TURNS_INTO = re.compile(
    r"\b(?:simplif(?:y|ies|ied)\b.*\b(?:to|as|into)|factor(?:s|ed)?\b.*\b(?:as|to|into)|"
    r"expand(?:s|ed)?\b.*\b(?:to|as|into|get)|becomes|equals|(?:is|equal) (?:equal )?to|"
    r"(?:re)?writ(?:e|ten)\b.*\bas|is the same as)\W*$",
    re.IGNORECASE | re.DOTALL,
)


def rewrites(glue: str) -> bool:
    """Whether the text between two formulas says that the second is the first, rewritten."""
    glue = glue.strip(" $")
    if len(glue) > MAX_GLUE or not _TURNS_INTO.search(glue):
        return False
    return all(word.lower() in _TO_FORMULA for word in _WORDS.findall(glue))


def joins(old: str, new: str, glue: str) -> bool:
    """Whether the text between says no more than that the new equation follows from the old."""
    glue = glue.strip(" $")  # the ends of the two formulas
    if len(glue) > MAX_GLUE or _REFUSED.search(glue):
        return False
    words = _WORDS.findall(_FORMULA.sub(" ", _COMMANDS.sub(" ", glue)))
    if any(word.lower() not in _GLUE for word in words):
        return False
    if words or any(
        mark in glue for mark in ("⇒", "→", "⇔", "=>", "\\implies", "Rightarrow", "\\iff")
    ):
        return True
    # bare lines, one below the other: a list of cases gets no shorter
    return ("\n" in glue or "\\\\" in glue) and len(new) <= len(old)
