"""Claims about one function: its value at a number, its derivative, its antiderivative.

Guaranteed: a claim is called false only by an exact value, or by `compare` of the claimed formula
with the derivative that is computed here, for a function with exactly one definition.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from annotators.algebra.identity import compare, is_number
from annotators.algebra.known import Definition
from annotators.algebra.parse import Name, Node, Num, Op, variables
from annotators.algebra.text import Statement
from annotators.algebra.tokens import Unreadable
from annotators.algebra.value import exact

_ZERO, _ONE, _TWO = Num(Fraction(0)), Num(Fraction(1)), Num(Fraction(2))


@dataclass(frozen=True, slots=True)
class Finding:
    """A claim that was decided: false with a rule, or true (`false` is False)."""

    rule: str
    start: int
    end: int
    text: str
    false: bool


def derive(node: Node, name: str) -> Node:
    """The derivative by `name`. Raises Unreadable for what has none in this grammar."""
    if isinstance(node, Num):
        return _ZERO
    if isinstance(node, Name):
        return _ONE if node.text == name else _ZERO
    if name not in variables(node) and not any(one.endswith("()") for one in variables(node)):
        return _ZERO
    args = node.args
    first = derive(args[0], name)
    match node.sign:
        case "neg":
            return Op("neg", (first,))
        case "+" | "-":
            return Op(node.sign, (first, derive(args[1], name)))
        case "*":
            second = derive(args[1], name)
            return Op("+", (Op("*", (first, args[1])), Op("*", (args[0], second))))
        case "/":
            second = derive(args[1], name)
            top = Op("-", (Op("*", (first, args[1])), Op("*", (args[0], second))))
            return Op("/", (top, Op("^", (args[1], _TWO))))
        case "^" if is_number(args[1]):
            lower = Op("^", (args[0], Op("-", (args[1], _ONE))))
            return Op("*", (Op("*", (args[1], lower)), first))
        case "root" if args[1] == _TWO:
            return Op("/", (first, Op("*", (_TWO, node))))
        case "sin":
            return Op("*", (Op("cos", args), first))
        case "cos":
            return Op("neg", (Op("*", (Op("sin", args), first)),))
        case "tan":
            return Op("/", (first, Op("^", (Op("cos", args), _TWO))))
        case "ln":
            return Op("/", (first, args[0]))
        case "exp":
            return Op("*", (node, first))
    raise Unreadable(f"no derivative of {node.sign}")


def function_claims(statement: Statement, known: Mapping[str, Definition]) -> list[Finding]:
    """What the statement says of a value, a derivative or an antiderivative, decided."""
    found: list[Finding] = []
    if statement.decimal or statement.sides[0] is None:
        return found
    for at, side in enumerate(statement.sides[:-1]):
        right = statement.sides[at + 1]
        if side is None or right is None:
            continue
        start, end = statement.spans[at][0], statement.spans[at + 1][1]
        try:
            found += _value(statement, known, side, at)
            found += _derivative(statement, known, side, right, start, end)
        except Unreadable:
            continue
    return found


def _value(
    statement: Statement, known: Mapping[str, Definition], side: Node, at: int
) -> list[Finding]:
    if not (isinstance(side, Op) and side.sign in known and is_number(side.args[0])):
        return []
    definition = known[side.sign]
    place = exact(side.args[0], {})
    true = exact(definition.body, {definition.variable: place})
    for later in range(at + 1, len(statement.sides)):
        claimed = statement.sides[later]
        if claimed is None or not is_number(claimed):
            return []
        if exact(claimed, {}) != true:
            name = side.sign.removesuffix("()")
            text = f"{statement.text} is false: {definition.text}, so {name}({place}) = {true}"
            return [Finding("wrong_value", statement.start, statement.spans[later][1], text, True)]
    return [Finding("value_holds", statement.start, statement.end, statement.text, False)]


def _derivative(
    statement: Statement,
    known: Mapping[str, Definition],
    side: Node,
    right: Node,
    start: int,
    end: int,
) -> list[Finding]:
    rule, holds = "wrong_derivative", "derivative_holds"
    if isinstance(side, Op) and side.sign == "int" and isinstance(side.args[1], Name):
        name = side.args[1].text
        left, right = side.args[0], derive(right, name)
        rule, holds = "wrong_antiderivative", "antiderivative_holds"
        shown = f"{name}-derivative of the right side against the integrand"
    elif (operand := _differentiated(side, known)) is not None:
        body, name = operand
        left = derive(body, name)
        if name not in variables(right) and name in variables(left):
            return []  # f'(x) = 0 is an equation to be solved
        shown = "derivative against the right side"
    else:
        return []
    if len(variables(left) | variables(right)) > 3:
        return []
    answer = compare(left, right)
    if answer.refuted is None:
        return []
    if not answer.refuted:
        return [Finding(holds, start, end, statement.text, False)]
    text = f"{statement.text} is false: {shown}, {answer.witness}"
    return [Finding(rule, start, end, text, True)]


def _differentiated(side: Node, known: Mapping[str, Definition]) -> tuple[Node, str] | None:
    """What a side differentiates: f'(x) with f known, or d/dx (formula)."""
    if not isinstance(side, Op):
        return None
    if side.sign.endswith("'()") and "''" not in side.sign and isinstance(side.args[0], Name):
        definition = known.get(side.sign.replace("'", ""))
        if definition is None or side.args[0].text != definition.variable:
            return None
        return definition.body, definition.variable
    if side.sign == "*" and (name := _operator(side.args[0])):
        return side.args[1], name
    return None


def _operator(node: Node) -> str:
    """The x of d/dx, or ""."""
    if not (isinstance(node, Op) and node.sign == "/" and node.args[0] == Name("d")):
        return ""
    below = node.args[1]
    if isinstance(below, Op) and below.sign == "*" and below.args[0] == Name("d"):
        name = below.args[1]
        return name.text if isinstance(name, Name) else ""
    return ""
