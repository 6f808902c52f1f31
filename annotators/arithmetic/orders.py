"""Plain inequalities between numbers in one line: `3 * 4 < 10`.

A claim is `left < right` (or >, at most, at least) with the sides of `sides`, of which one at least
computes something. It is called false only if every reading of both sides puts them in the other
order, by more than rounding; equal sides are left alone, strict or not. Sides with units or percent
signs are left alone too, and so is a side that another inequality or equals sign shares: in
`1 < x < 3` and `a = b < c` it says more than one thing.
"""

from __future__ import annotations

from annotators.arithmetic.expression import HUNDREDTH, evaluate
from annotators.arithmetic.readings import literal, readings, shown, slack
from annotators.arithmetic.sides import OPERATORS, left_side, right_side
from annotators.arithmetic.tokens import ONE, Token, Unreadable

_RISING = frozenset(["<", "<=", "≤", "⩽", "\\le", "\\leq", "\\leqslant", "\\lt"])
_RELATIONS = frozenset(["=", "<"])


def false_order(step: str, tokens: list[Token], mark: int) -> tuple[int, int, str] | None:
    """The span of the claim around an inequality sign and why it is false; None where it is no
    claim, or may be true."""
    left, right = left_side(tokens, mark), right_side(tokens, mark)
    if not left or not right or _shared(tokens, mark, left, right):
        return None
    both = left + right
    if not any(token.kind in OPERATORS for token in both):
        return None
    if any(token.unit or token.kind == "%" for token in both):
        return None
    try:
        for side in (left, right):
            evaluate(side)  # as it stands, not only without a dash or with another slash
    except Unreadable:
        return None
    values = [readings(side, (HUNDREDTH, ONE)) for side in (left, right)]
    rising = tokens[mark].text in _RISING
    small, large = values if rising else values[::-1]
    if min(small) - max(large) <= slack(left) + slack(right):
        return None
    start, end = left[0].start, right[-1].end
    told = [
        f"{step[side[0].start : side[-1].end]} = {shown(next(iter(found)))}"
        for side, found in zip((left, right), values, strict=True)
        if literal(side) is None and len(found) == 1
    ]
    why = f": {', '.join(told)}" if told else ""
    return start, end, f"{step[start:end]} is false{why}"


def _shared(tokens: list[Token], mark: int, left: list[Token], right: list[Token]) -> bool:
    before, after = mark - len(left) - 1, mark + len(right) + 1
    around = [tokens[at].kind for at in (before, after) if 0 <= at < len(tokens)]
    return any(kind in _RELATIONS for kind in around)
