"""Claims that a formula is rewritten: chains `A = B = C`, and `A = B` beside "expand", "factor".

Guaranteed: a pair is called false only if both sides compute something in the same variables,
resemble each other as a formula and its slip do, are refuted as an identity, and nothing known
can make them equal at some solution. A lone `A = B` without such words is an equation, never an
identity.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction

from annotators.algebra.function import Finding
from annotators.algebra.glue import IDENTITY, rewrites
from annotators.algebra.identity import compare, compound, difference, is_number, resembles
from annotators.algebra.known import free
from annotators.algebra.parse import Node, Num, Op, variables
from annotators.algebra.text import Statement
from annotators.algebra.tokens import Unreadable

ZERO = Num(Fraction(0))

_REWRITE = re.compile(
    r"\b(?:expan(?:d|ds|ded|ding|sion)|factor(?:s|ed|ing|ize\w*|ization)?|simplif(?:y|ies|ied|ying)"
    r"|multiply\w* out|distribut\w+|FOIL\w*|identity|difference of (?:two )?(?:squares|cubes)|"
    r"binomial theorem|combin\w+ like terms|for all|always)\b",
    re.IGNORECASE,
)
_EQUATION = re.compile(
    r"\b(?:equations?|both sides|sol(?:ve|ves|ving|ution|utions)|cross|pythag\w*|set\w*|find|"
    r"roots?|zeros?|if|when|given)\b",
    re.IGNORECASE,
)


def rewrite_claims(statement: Statement, known: Sequence[Statement]) -> list[Finding]:
    """The pairs of neighbouring sides that were decided."""
    sides = statement.sides
    # `2x + 1 = x + 4 = 7` is an equation with its value, no rewriting
    chain = len(sides) > 2 and not any(is_number(side) for side in sides if side is not None)
    words = statement.before[-100:] + " " + statement.after[:30]
    told = bool(_REWRITE.search(words)) and not _EQUATION.search(words)
    found = []
    for at in range(len(sides) - 1):
        left, right = sides[at], sides[at + 1]
        if left is None or right is None or not (compound(left) and compound(right)):
            continue
        names = variables(left)
        if not names or names != variables(right) or _angles(left, right):
            continue
        answer = compare(left, right)
        start, end = statement.spans[at][0], statement.spans[at + 1][1]
        shown = _shown(statement, start, end)
        if answer.refuted is False:
            found.append(Finding("identity_holds", start, end, f"{shown} holds", False))
        if not answer.refuted or not resembles(left, right):
            continue
        if statement.decimal:
            continue
        if not _no_solution(left, right, sides[at + 2 :]) and not (
            (chain or (told and _has_product(left) != _has_product(right)))
            and free(names, _gap(left, right), known)
        ):
            continue
        text = f"{shown} is false: {answer.witness}"
        found.append(Finding("false_identity", start, end, text, True))
    return found


def rewritten(
    old: Statement, new: Statement, glue: str, known: Sequence[Statement]
) -> Finding | None:
    """`A, which simplifies to B`: the last side of old against the one side of new."""
    left, right = old.sides[-1], new.sides[0]
    if left is None or right is None or not (compound(left) and compound(right)):
        return None
    names = variables(left)
    if not names or names != variables(right) or not rewrites(glue) or _angles(left, right):
        return None
    answer = compare(left, right)
    start, end = old.spans[-1]
    shown = f"{' '.join(old.raw[start - old.start : end - old.start].split())} = {new.text}"
    if answer.refuted is False:
        return Finding("identity_holds", new.start, new.end, f"{shown} holds", False)
    if not answer.refuted or not resembles(left, right) or old.decimal or new.decimal:
        return None
    told = IDENTITY.search(old.before[-30:] + glue)
    if not told and not free(names, _gap(left, right), known):
        return None
    text = f"{shown} is false: {answer.witness}"
    return Finding("false_identity", new.start, new.end, text, True)


def _no_solution(left: Node, right: Node, rest: Sequence[Node | None]) -> bool:
    """Whether no number at all can be meant: `x + x + 10 = 2x + 11`, or `V + 2V = 4V = 33`."""
    try:
        gap = difference(left, right)
        if len(variables(left)) != 1:
            return False
        if not rest:
            return bool(gap.is_ground) and _unsimplified(left) and not _unsimplified(right)
        last = rest[0]
        if len(rest) > 1 or last is None or not is_number(last):
            return False
        value = difference(right, last)
        return bool(value.ring == gap.ring and gap.gcd(value).is_ground)
    except Unreadable:
        return False


def _unsimplified(node: Node) -> bool:
    """Whether more terms are written than there are: something is to be combined."""
    return _terms(node) > len(difference(node, ZERO))


def _terms(node: Node) -> int:
    if isinstance(node, Op) and node.sign in ("+", "-"):
        return _terms(node.args[0]) + _terms(node.args[1])
    return 1


def _gap(left: Node, right: Node) -> object:
    try:
        return difference(left, right)
    except Unreadable:
        return None


def _shown(statement: Statement, start: int, end: int) -> str:
    """The two sides as they stand; the statement's text has no line breaks, so cut the raw one."""
    return " ".join(statement.raw[start - statement.start : end - statement.start].split())


def _has_product(node: Node) -> bool:
    """Whether a formula is a product or power with a sum inside: something to be multiplied out."""
    if not isinstance(node, Op):
        return False
    if node.sign in ("*", "^") and any(_is_sum(argument) for argument in node.args):
        return True
    return any(_has_product(argument) for argument in node.args)


def _is_sum(node: Node) -> bool:
    return isinstance(node, Op) and node.sign in ("+", "-") and bool(variables(node))


def _angles(left: Node, right: Node) -> bool:
    """Trigonometry of several variables: angles of a triangle have relations nobody writes down."""
    names = variables(left) | variables(right)
    return len(names) > 1 and (_trigonometric(left) or _trigonometric(right))


def _trigonometric(node: Node) -> bool:
    return isinstance(node, Op) and (
        node.sign in ("sin", "cos", "tan") or any(_trigonometric(one) for one in node.args)
    )
