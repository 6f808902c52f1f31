"""What a program printed against what a step says it printed.

Guaranteed: a difference is reported only where both texts are the same but for numbers, as many
on both sides, none of them part of a formula, and one number differs by more than the digits
shown (of whichever side shows fewer) and the noise of floating point. Everything else is
"unlike": other words, another layout, another order of the same numbers, 0.25 for 25.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction

MAX_TEXT = 4000

# 12  -3  1,200  0.5  .5  1.  1e-05
_NUMBER = re.compile(
    r"(?<![\w.])[-+]?(?:(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]*)?|\.[0-9]+)"
    r"(?:[eE][-+]?[0-9]{1,3})?(?!\w)"
)
_FORMULA = re.compile(r"[*/^+\\√|]|#-|-#")  # once every number is a #
_NOISE = Fraction(1, 10**6)


class Likeness(Enum):
    """How two outputs compare."""

    SAME = "same"
    DIFFERENT = "different"
    UNLIKE = "unlike"


@dataclass(frozen=True, slots=True)
class Comparison:
    """`printed` and `claimed` are the first numbers that differ, where any do."""

    likeness: Likeness
    printed: str = ""
    claimed: str = ""


_SAME, _UNLIKE = Comparison(Likeness.SAME), Comparison(Likeness.UNLIKE)


def compare_outputs(printed: str, claimed: str) -> Comparison:
    """Whether `claimed` is what `printed` shows."""
    if len(printed) > MAX_TEXT or len(claimed) > MAX_TEXT:
        return _UNLIKE
    if printed.split() == claimed.split():
        return _SAME
    form = _form(printed)
    if form != _form(claimed):
        return _UNLIKE
    pairs = list(zip(_NUMBER.findall(printed), _NUMBER.findall(claimed), strict=True))
    apart = [pair for pair in pairs if not _near(*pair)]
    if not apart:
        return _SAME
    if _FORMULA.search(form) or _reordered(pairs) or all(_hundredfold(*pair) for pair in apart):
        return _UNLIKE
    return Comparison(Likeness.DIFFERENT, *apart[0])


def _form(text: str) -> str:
    """The text without blanks, each of its numbers a #."""
    return "".join(_NUMBER.sub("#", text).split())


def _near(a: str, b: str) -> bool:
    """Equal to the digits shown; whole numbers exactly."""
    difference = abs(_value(a) - _value(b))
    if difference == 0:
        return True
    if _whole(a) and _whole(b):
        return False
    noise = _NOISE * max(Fraction(1), abs(_value(a)))
    return difference < max(_unit(a), _unit(b)) or difference <= noise


def _value(text: str) -> Fraction:
    return Fraction(text.replace(",", ""))


def _whole(text: str) -> bool:
    return text.replace(",", "").lstrip("+-").isdigit()


def _unit(text: str) -> Fraction:
    """What the last digit that is shown counts."""
    mantissa, _, exponent = text.lower().partition("e")
    return Fraction(10) ** (int(exponent or 0) - len(mantissa.partition(".")[2]))


def _reordered(pairs: list[tuple[str, str]]) -> bool:
    ours, theirs = (sorted(map(_value, side)) for side in zip(*pairs, strict=True))
    return all(
        a == b or (a.denominator > 1 and abs(a - b) <= _NOISE * max(Fraction(1), abs(a)))
        for a, b in zip(ours, theirs, strict=True)
    )


def _hundredfold(a: str, b: str) -> bool:
    """0.25 and 25: a part, and per cent."""
    return _value(a) * 100 == _value(b) or _value(b) * 100 == _value(a)
