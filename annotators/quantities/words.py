"""The words of one sentence as the reader wants them: numbers with values, possessives, names.

Guaranteed: the tokens are those of annotators/arithmetic/tokens.py, spans are code points into
the text, and a sentence with a sign that is not understood has no words at all, so that nobody
reads half of it. Time is linear in the text.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from annotators.arithmetic.tokens import Token, Unreadable, number, tokenize
from annotators.arithmetic.units import without_units
from annotators.consistency.explained import NUMBER_WORDS

MAX_SENTENCE = 400
LARGEST = Fraction(10**15)

_TENS_WORDS = "twenty thirty forty fifty sixty seventy eighty ninety"
_TENS = {word: Fraction(10 * n) for n, word in enumerate(_TENS_WORDS.split(), 2)}
_OPERATORS = frozenset(["+", "-", "*", "/", "(", ")", "=", "^"])
_APOSTROPHES = frozenset("'’")


@dataclass(frozen=True, slots=True)
class Word:
    """One word, number or sign; `low` is its text in lower case."""

    kind: str  # word num op poss ,
    low: str
    text: str
    start: int
    end: int
    name: bool = False  # it begins with a capital
    value: Fraction | None = None
    money: bool = False
    token: Token | None = None


def words_of(sentence: str, offset: int = 0) -> list[Word] | None:
    """The words of a sentence, its full stop left out; None where it cannot be read as a whole."""
    if len(sentence) > MAX_SENTENCE:
        return None
    tokens = without_units(tokenize(sentence, offset))
    found: list[Word] = []
    at = 0
    while at < len(tokens):
        token = tokens[at]
        at += 1
        low = token.text.lower()
        start, end = token.start, token.end
        if token.kind == "num":
            try:
                figure = number(token.text)
            except Unreadable:
                return None
            if figure > LARGEST:
                return None
            money = start > offset and sentence[start - offset - 1] == "$"
            found.append(
                Word("num", low, token.text, start, end, value=figure, money=money, token=token)
            )
        elif token.kind == "word":
            if low[0] == "\\":
                return None
            value = NUMBER_WORDS.get(low, _TENS.get(low))
            if low in _TENS and (unit := _unit_after(tokens, at)) is not None:
                at, added = unit
                value = _TENS[low] + added
                end = tokens[at - 1].end
            if value is not None:
                as_token = Token("num", str(value), start, end, token.spaced)
                found.append(Word("num", low, token.text, start, end, value=value, token=as_token))
            elif low == "dozen" and found and (dozens := _dozens(found[-1])) is not None:
                as_token = Token("num", str(dozens), found[-1].start, end, token.spaced)
                found[-1] = Word(
                    "num", low, token.text, found[-1].start, end, value=dozens, token=as_token
                )
            else:
                found.append(Word("word", low, token.text, start, end, token.text[0].isupper()))
        elif token.text in _APOSTROPHES and found and not token.spaced:
            follows = tokens[at] if at < len(tokens) else None
            if follows is not None and follows.text == "s" and not follows.spaced:
                at += 1
                end = follows.end
            elif not found[-1].low.endswith("s"):
                return None  # "don't", or a quotation
            found.append(Word("poss", "'s", "'s", start, end))
        elif token.kind == "break" and token.text in ",:":
            found.append(Word(",", ",", token.text, start, end))
        elif token.kind == "break" and token.text == "." and at == len(tokens):
            continue
        elif token.kind in _OPERATORS:
            found.append(Word("op", low, token.text, start, end, token=token))
        elif token.text == "?" and at == len(tokens):
            continue
        else:
            return None
    return found


def _dozens(before: Word) -> Fraction | None:
    """ "a dozen", "3 dozen"."""
    if before.low == "a":
        return Fraction(12)
    whole = before.kind == "num" and before.value is not None and before.value.denominator == 1
    return 12 * before.value if whole and before.value is not None else None


def _unit_after(tokens: list[Token], at: int) -> tuple[int, Fraction] | None:
    """ "-five" behind "twenty": where it ends, and 5."""
    if at < len(tokens) and tokens[at].kind == "-" and not tokens[at].spaced:
        at += 1
    if at < len(tokens) and (value := NUMBER_WORDS.get(tokens[at].text.lower())):
        return (at + 1, value) if value < 10 else None
    return None


def singular(word: str) -> str:
    """ "boxes" and "box", "pens" and "pen" alike; other words may be cut, but all in one way."""
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 4 and word.endswith(("xes", "ches", "shes", "sses")):
        return word[:-2]
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
