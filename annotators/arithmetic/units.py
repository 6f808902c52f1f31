"""Units inside expressions: `60 trees / 3`, `36 claws + 3 claws`, `$9/month`.

Guaranteed: a unit is dropped only between a number and an operator or equals sign, none of its
words computes by itself, and what was dropped stays on the number's token, so that sums of
unlike things can be refused. Not guaranteed: that units are understood; nothing is converted.
"""

from __future__ import annotations

from dataclasses import replace

from annotators.arithmetic.tokens import Token

MAX_WORDS = 4

_NUMBER_WORDS = (
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety "
    "hundred thousand million billion trillion dozen dozens hundreds thousands millions billions "
)
# words that may compute with the number after them: "half of 3 + 5", "5 choose 2 = ..."
BEFORE = frozenset(
    (
        _NUMBER_WORDS + "of twice half double triple thrice quarter third minus plus times less "
        "more by than to from per divided multiplied over square squared cube cubed root sum "
        "product difference percent choose mod modulo power log ln sin cos tan gcd lcm max min "
        "floor ceil average mean ratio base and add subtract between negative another extra "
        "only or not each"
    ).split()
)
# words that change the value of the number before them: "= 3 million", "= 2 pm", "= 2 remainder 1"
AFTER = frozenset(
    (
        _NUMBER_WORDS + "remainder rem with half halves third thirds quarter quarters am pm "
        "oclock o'clock of times plus minus mod modulo choose over to squared cubed degrees or "
        "multiplied divided percent pairs pair x less more base"
    ).split()
)
_STOPS = (BEFORE | AFTER | {"so", "is", "are", "was", "if", "then", "that", "which"}) - {"per"}


def without_units(tokens: list[Token]) -> list[Token]:
    """The tokens of a line with units moved onto their numbers, and `5 feet x 3` read as times."""
    kept: list[Token] = []
    at = 0
    while at < len(tokens):
        token = tokens[at]
        at += 1
        if token.kind == "num":
            end, words = _unit(tokens, at)
            if words:
                token = replace(token, unit=_singular(words))
                at = end
                if at < len(tokens) and tokens[at].text in ("x", "X"):
                    kept.append(token)
                    token = replace(tokens[at], kind="*")
                    at += 1
        kept.append(token)
    return kept


def unlike_units(side: list[Token]) -> bool:
    """Whether a sum has units that are not one and the same on every number."""
    units = [token.unit for token in side if token.kind == "num"]
    return (
        any(units)
        and any(token.kind in ("+", "-") for token in side)
        and (len(set(units)) > 1 or any(token.kind in ("*", "/", "(") for token in side))
    )


def _unit(tokens: list[Token], at: int) -> tuple[int, list[str]]:
    """Where the unit ends that starts here, and its words; none where it is no unit."""
    words: list[str] = []
    while at < len(tokens) and len(words) <= MAX_WORDS:
        token = tokens[at]
        if token.kind == "/" and at + 1 < len(tokens) and tokens[at + 1].kind == "word":
            at += 1  # "9/month", "150 ml/serving"
            continue
        if token.kind != "word" or len(token.text) < 2 or token.text[0] == "\\":
            break
        if token.text.lower() in _STOPS:
            return at, []
        words.append(token.text.lower())
        at += 1
    if at == len(tokens) or len(words) > MAX_WORDS:
        return at, []
    after = tokens[at]
    times = after.text in ("x", "X") and at + 1 < len(tokens) and tokens[at + 1].kind == "num"
    return (at, words) if times or after.kind in ("+", "-", "*", "/", "=") else (at, [])


def _singular(words: list[str]) -> str:
    return words[-1].rstrip("s")
