"""What a solution has said so far: constraints on variables, and what functions are.

Guaranteed: `free` is true only if no equation seen so far (in the problem or any step up to this
one, read or unreadable) can make a false identity true: each equation that touches the variables
is itself an identity, defines something else, or has no common solution with the claim.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from annotators.algebra.identity import compare, compound, difference
from annotators.algebra.parse import Name, Node, Op, variables
from annotators.algebra.text import Statement
from annotators.algebra.tokens import Unreadable


@dataclass(frozen=True, slots=True)
class Definition:
    """`f(x) = body`, the only one of `f` so far."""

    variable: str
    body: Node
    text: str


def pairs(statement: Statement) -> list[tuple[Node, Node]]:
    """Neighbouring sides, where both could be read."""
    sides = statement.sides
    return [(a, b) for a, b in pairwise(sides) if a is not None and b is not None]


def free(names: frozenset[str], gap: Any, known: Sequence[Statement]) -> bool:
    """Whether nothing known can make the polynomial `gap` (None: not one) vanish."""
    defined: dict[str, Node] = {}
    for statement in known:
        if not statement.names & names:
            continue
        if len(pairs(statement)) < len(statement.sides) - 1 or len(statement.sides) < 2:
            return False
        for left, right in pairs(statement):
            touched = (variables(left) | variables(right)) & names
            if not touched or compare(left, right).refuted is False:
                continue
            symbol = _symbol(left) or _symbol(right)
            if symbol and symbol not in names:
                body = right if _symbol(left) else left
                if symbol in variables(body):
                    return False
                earlier = defined.setdefault(symbol, body)
                if compare(earlier, body).refuted is not False:
                    return False
                continue
            if not _apart(left, right, names, gap):
                return False
    return True


def _symbol(node: Node) -> str:
    """What a side names if it is a lone variable or function of one."""
    if isinstance(node, Name):
        return node.text
    if isinstance(node, Op) and node.sign.endswith("()") and isinstance(node.args[0], Name):
        return node.sign
    return ""


def _apart(left: Node, right: Node, names: frozenset[str], gap: Any) -> bool:
    """Whether an equation in the one variable has no solution in common with gap = 0."""
    if gap is None or len(names) != 1 or variables(left) | variables(right) != names:
        return False
    try:
        other = difference(left, right)
    except Unreadable:
        return False
    return bool(other.ring == gap.ring and gap.gcd(other).is_ground)


def definitions(known: Sequence[Statement]) -> dict[str, Definition]:
    """Functions of one variable with one closed definition, whatever else is said of them."""
    found: dict[str, Definition] = {}
    spoilt: set[str] = set()
    for statement in known:
        if len(statement.sides) < 2:
            continue
        for side, right in pairwise(statement.sides):
            if not isinstance(side, Op) or not side.sign.endswith("()") or "'" in side.sign:
                continue
            argument = side.args[0]
            if not isinstance(argument, Name):
                continue
            if right is None or variables(right) != {argument.text} or not _defines(statement):
                spoilt.add(side.sign)
                continue
            body = Definition(argument.text, right, statement.text)
            earlier = found.setdefault(side.sign, body)
            if earlier is not body:
                same = earlier.variable == body.variable
                if not same or compare(earlier.body, body.body).refuted is not False:
                    spoilt.add(side.sign)
    return {name: one for name, one in found.items() if name not in spoilt and compound(one.body)}


def _defines(statement: Statement) -> bool:
    after = statement.after.lstrip("$ .,)\\]").lower()
    before = statement.before.lower()[-60:]
    uncertain = ["suppose", "try", "guess", "assume", "would", "could", "maybe"]
    if statement.step >= 0:
        uncertain.append("if ")  # a problem may say "If f(x) = ..., find ..."
    return not (
        after.startswith(("for", "if", "when", "where", "mod", "on", "is"))
        or any(word in before for word in uncertain)
    )
