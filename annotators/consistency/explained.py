"""Whether a number could have come from other numbers by one step in the head.

Guaranteed: True for every value that stands among the others, is one operation on two of them, a
change of unit or per cent, a rounding or another sign of such a value; so a False says that no
such way exists. Not guaranteed: that a True means anybody computed it so. Time is bounded: more
than `MAX_NUMBERS` numbers explain everything.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from annotators.arithmetic.tokens import Unreadable, number, tokenize

MAX_NUMBERS = 60

# days, dozens, hours, months, seconds, cents, halves ...: factors that nobody writes out
RATIOS = frozenset(
    ratio
    for factor in (2, 3, 4, 7, 10, 12, 16, 24, 30, 36, 52, 60, 100, 365, 1000, 3600, 5280, 10**6)
    for ratio in (Fraction(factor), Fraction(1, factor))
)
_COUNTED = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen twenty"
)
NUMBER_WORDS = {word: Fraction(value) for value, word in enumerate(_COUNTED.split())}
_IMPLIED = {"half": 2, "twice": 2, "double": 2, "doubled": 2, "third": 3, "triple": 3, "dozen": 12}


def numbers_in(text: str) -> set[Fraction]:
    """Every plain number of a text, in figures or in words; a bad one is left out."""
    found: set[Fraction] = set()
    for line in text.split("\n"):
        for token in tokenize(line.replace("<<", " ").replace(">>", " ")):
            word = token.text.lower()
            if token.kind == "num":
                try:
                    found.add(number(token.text))
                except Unreadable:
                    continue
            elif word in NUMBER_WORDS:
                found.add(NUMBER_WORDS[word])
            elif word in _IMPLIED:
                found.add(Fraction(_IMPLIED[word]))
    return found


def alike(a: Fraction, b: Fraction) -> bool:
    """Whether two values may be one: equal, rounded to a whole, of other sign or unit."""
    a, b = abs(a), abs(b)
    if a == b or (a and b and a / b in RATIOS):
        return True
    whole = a.denominator == 1 or b.denominator == 1
    both = a.denominator == 1 and b.denominator == 1
    # 5.27 bags are 5 or 6; 0.33 is 1/3, printed to a few places
    return not both and abs(a - b) < (1 if whole else Fraction(1, 20) * max(a, b))


def explained(value: Fraction, others: Iterable[Fraction]) -> bool:
    """Whether the value is one of the others, or at most one operation away from two of them."""
    known = set(others)
    if len(known) > MAX_NUMBERS:
        return True
    return any(alike(value, a) or one_operation(value, a, known) for a in known)


def one_operation(value: Fraction, a: Fraction, others: Iterable[Fraction]) -> bool:
    """Whether `a` and one of the others give the value."""
    for b in others:
        if value in (a + b, a - b, b - a, a * b):
            return True
        for above, below in ((a, b), (b, a)):
            # a quotient may have been rounded; above per cent of below, off it, on it
            if below and (value == above / below or _rounded(value, above / below)):
                return True
            if value * 100 in (a * b, below * (100 - above), below * (100 + above)):
                return True
    return False


def _rounded(value: Fraction, quotient: Fraction) -> bool:
    return value.denominator == 1 and abs(quotient - value) < 1
