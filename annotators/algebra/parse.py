"""Formulas as trees: a Pratt parser over `tokens`, nothing evaluated.

Guaranteed: depth, nodes, digits are capped before anything is computed, nothing is ever handed to
`eval` or sympy's parsers, and what has two readings is `Unreadable`: `1/2x`, `f(x)` against a
product `x(t)`, `\\sin(x)^2`, degrees, indices, dots.

    sum     := ['-'] product (('+' | '-') product)*
    product := signed (('*' | '/' | nothing) signed)*
    power   := primary ('^' (primary | '-' primary))?
    primary := number | name | name '(' sum ')' | '(' sum ')' | '|' sum '|'
             | \\frac group group | \\sqrt ['[' number ']'] group | function argument
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from annotators.algebra.tokens import FUNCTIONS, Piece, Unreadable, number

MAX_DEPTH = 20
MAX_TOKENS = 240

# letters that stand for functions when a bracket follows, unless the text says otherwise
FUNCTION_LETTERS = frozenset("fghFGHPQpqTLSVANMRDuvφ")
_OPENERS = {"(": ")", "{": "}", "[": "]"}
_STARTS = frozenset(["num", "name", "fn", "frac", "sqrt", "pi", "(", "{", "["])


@dataclass(frozen=True, slots=True)
class Num:
    value: Fraction


@dataclass(frozen=True, slots=True)
class Name:
    text: str  # "pi" is the constant


@dataclass(frozen=True, slots=True)
class Op:
    """`sign` is + - * / ^ neg abs root sin cos tan ln exp int, or a function's name and "()"."""

    sign: str
    args: tuple[Node, ...]


Node = Num | Name | Op


def parse(pieces: Sequence[Piece], functions: frozenset[str] = frozenset()) -> Node:
    """The tree of all the tokens. `functions` are further names that take an argument."""
    if not pieces or len(pieces) > MAX_TOKENS:
        raise Unreadable("no tokens, or too many")
    if pieces[0].kind == "int":
        if len(pieces) < 4 or pieces[-2].text != "d" or pieces[-1].kind != "name":
            raise Unreadable("an integral without dx")
        return Op("int", (parse(pieces[1:-2], functions), Name(pieces[-1].text)))
    reader = _Reader(pieces, functions | FUNCTION_LETTERS)
    node = reader.sum(0)
    if reader.at != len(pieces):
        raise Unreadable("tokens are left over")
    return node


def variables(node: Node) -> frozenset[str]:
    """All names in a tree, those of applied functions with their "()"."""
    if isinstance(node, Num):
        return frozenset()
    if isinstance(node, Name):
        return frozenset() if node.text == "pi" else frozenset([node.text])
    own = [node.sign] if node.sign.endswith("()") else []
    return frozenset(own).union(*(variables(one) for one in node.args))


class _Reader:
    def __init__(self, pieces: Sequence[Piece], functions: frozenset[str]) -> None:
        self.pieces, self.functions, self.at = pieces, functions, 0

    def peek(self) -> str:
        return self.pieces[self.at].kind if self.at < len(self.pieces) else ""

    def take(self, kind: str) -> Piece:
        if self.peek() != kind:
            raise Unreadable(f"no {kind} here")
        self.at += 1
        return self.pieces[self.at - 1]

    def sum(self, depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise Unreadable("nested too deep")
        if self.peek() == "+":
            self.at += 1
        node = self.product(depth)
        while (kind := self.peek()) in ("+", "-"):
            self.at += 1
            node = Op(kind, (node, self.product(depth)))
        return node

    def product(self, depth: int) -> Node:
        node = self.signed(depth)
        divided = False
        while True:
            kind = self.peek()
            if kind == "*":
                self.at += 1
                node = Op("*", (node, self.signed(depth)))
            elif kind == "/":
                self.at += 1
                if divided:
                    raise Unreadable("a/b/c has two readings")
                divided = True
                node = Op("/", (node, self.signed(depth)))
            elif kind in _STARTS:
                previous = self.pieces[self.at - 1]
                if divided:
                    raise Unreadable("1/2x has two readings")
                if kind == "num" or (previous.kind == "num" and kind == "frac"):
                    raise Unreadable("x2, 2 3 and 2\\frac12 are no products")
                node = Op("*", (node, self.power(depth)))
            else:
                return node

    def signed(self, depth: int) -> Node:
        if self.peek() == "-":
            self.at += 1
            if self.peek() == "-":
                raise Unreadable("two signs")
            return Op("neg", (self.power(depth),))
        return self.power(depth)

    def power(self, depth: int) -> Node:
        node = self.primary(depth)
        if self.peek() == "^":
            self.at += 1
            if self.peek() == "-":
                self.at += 1
                exponent: Node = Op("neg", (self.digit_or_primary(depth),))
            else:
                exponent = self.digit_or_primary(depth)
            if self.peek() in ("^", "prime"):
                raise Unreadable("a tower of powers")
            if isinstance(node, Name) and isinstance(exponent, Op) and self.peek() == "(":
                raise Unreadable("f^{-1}(x) is no power")
            return Op("^", (node, exponent))
        return node

    def digit_or_primary(self, depth: int) -> Node:
        if self.peek() not in ("num", "name", "{", "(", "pi"):
            raise Unreadable("no exponent")
        if self.peek() == "name":  # never a call: x^f(2)
            return Name(self.take("name").text)
        return self.primary(depth + 1)

    def primary(self, depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise Unreadable("nested too deep")
        kind = self.peek()
        if kind == "num":
            return Num(number(self.take("num").text))
        if kind == "pi":
            self.at += 1
            return Name("pi")
        if kind in _OPENERS:
            return self.group(depth, kind)
        if kind == "name":
            return self.name(depth)
        if kind == "|":
            self.at += 1
            node = self.sum(depth + 1)
            self.take("|")
            return Op("abs", (node,))
        if kind == "frac":
            self.at += 1
            return Op("/", (self.argument(depth), self.argument(depth)))
        if kind == "sqrt":
            self.at += 1
            index: Node = Num(Fraction(2))
            if self.peek() == "[":
                index = self.group(depth, "[")
            elif self.peek() not in ("{", "("):
                return Op("root", (self.argument(depth), index))
            return Op("root", (self.group(depth, self.peek()), index))
        if kind == "fn":
            return self.function(depth)
        raise Unreadable(f"{kind or 'the end'} where a formula should be")

    def group(self, depth: int, opener: str) -> Node:
        self.take(opener)
        node = self.sum(depth + 1)
        self.take(_OPENERS[opener])
        return node

    def argument(self, depth: int) -> Node:
        """A group, or the one letter or digit that LaTeX takes without braces."""
        if self.peek() == "{":
            return self.group(depth, "{")
        if self.peek() == "name":
            return Name(self.take("name").text)
        if self.peek() == "num" and len(self.pieces[self.at].text) == 1:
            return Num(number(self.take("num").text))
        raise Unreadable("\\frac12: two digits in one token")

    def name(self, depth: int) -> Node:
        piece = self.take("name")
        primes = len(self.take("prime").text) if self.peek() == "prime" else 0
        bracket = self.peek() == "(" and not self.pieces[self.at].spaced
        if (piece.text in self.functions or primes) and self.peek() == "(":
            argument = self.group(depth, "(")
            return Op(piece.text + "'" * primes + "()", (argument,))
        if primes:
            raise Unreadable("a name with primes")
        if bracket and self.at + 2 < len(self.pieces) and self.pieces[self.at + 2].kind == ")":
            raise Unreadable("x(t) may be a function")
        return Name(piece.text)

    def function(self, depth: int) -> Node:
        sign = self.take("fn").text.removeprefix("\\")
        assert sign in FUNCTIONS
        exponent: Node | None = None
        if self.peek() == "^":
            self.at += 1
            exponent = self.digit_or_primary(depth)
            if not (isinstance(exponent, Num) and exponent.value > 0):
                raise Unreadable("sin^{-1} is no power")
        if self.peek() in ("(", "{"):
            argument = self.group(depth, self.peek())
        else:
            argument = self.power(depth)
            if isinstance(argument, Num) and self.peek() in ("name", "pi"):
                argument = Op("*", (argument, self.power(depth)))
        if self.peek() in ("^", "name", "pi", "num", "(", "{", "["):
            raise Unreadable("where the argument ends is not certain")
        node: Node = Op(sign, (argument,))
        return node if exponent is None else Op("^", (node, exponent))
