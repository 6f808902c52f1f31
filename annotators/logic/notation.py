"""First-order notation into formulas: `∀x (P(x) → Q(x))`, `forall x. P(x) implies Q(x)`, and FLD's
`(x): {A}x -> {B}{a}` (the notation of FoVer's formal logic tasks, github.com/psunlpgroup/FoVer).

Anything else is refused with `NotNotation`: equality, functions, more than MAX_TEXT characters or
MAX_DEPTH levels, and whatever can be read in two ways (`∀x P(x) → Q(a)`: how far does ∀ reach?).
"""

from __future__ import annotations

import re

from annotators.logic.formula import Atom, Connective, Formula, Joined, Not, Quantified, Term

MAX_TEXT = 2000
MAX_DEPTH = 40
MAX_LINKS = 100  # "and" and "or" in one formula
MAX_ARGS = 3

_TOKEN = re.compile(
    r"\s*(?:(?P<fld_all>\((?P<all_var>[a-z])\)\s*:)|(?P<fld_some>\(E(?P<some_var>[a-z])\)\s*:)"
    r"|(?P<iff><->|<=>|↔|⇔|\\leftrightarrow\b|\\Leftrightarrow\b|\\iff\b|iff\b)"
    r"|(?P<implies>->|=>|→|⇒|⊃|\\(?:to|rightarrow|Rightarrow|implies)\b|implies\b)"
    r"|(?P<and>&&?|∧|/\\|\\(?:land|wedge)\b|and\b)"
    r"|(?P<or>\|\|?|∨|\\/|\\(?:lor|vee)\b|or\b|v(?=[\s({¬~]))"
    r"|(?P<not>¬|~|!(?!=)|\\(?:neg|lnot)\b|not\b)"
    r"|(?P<all>∀|\\forall\b|[Ff]or\s?all\b|[Ff]or every\b)"
    r"|(?P<some>∃|\\exists\b|[Ee]xists\b|[Tt]here exists\b|[Ff]or some\b)"
    r"|(?P<fld>\{[A-Za-z]{1,4}\})|(?P<name>[A-Za-z][A-Za-z0-9_]*)"
    r"|(?P<open>[(\[])|(?P<close>[)\]])|(?P<comma>,)|(?P<mark>[.:]))"
)
_PROPOSITION = re.compile(r"[A-Z][0-9]?")  # longer words would make formulas of English
_VARIABLE = re.compile(r"[a-z][0-9]?")  # after a comma: what is longer begins the body
_BINARY: tuple[Connective, ...] = ("and", "or", "implies", "iff")


class NotNotation(ValueError):
    """The text is not a formula of this notation, or not one formula only."""


def read_notation(text: str) -> Formula:
    """The formula; raises NotNotation."""
    text = text.strip().strip("$").strip().rstrip(".;").strip()
    if len(text) > MAX_TEXT:
        raise NotNotation("too long")
    reader = _Reader(_tokens(text))
    formula = reader.formula()
    if reader.kind() != "end":
        raise NotNotation(f"something stands after the formula: {reader.text()!r}")
    if reader.bound_names & reader.constants:
        raise NotNotation("a variable stands outside its quantifier")
    return formula


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise NotNotation(f"no token at {text[at : at + 10]!r}")
        kind = match.lastgroup or ""
        if match["fld_all"]:
            kind, value = "fld_all", match["all_var"]
        elif match["fld_some"]:
            kind, value = "fld_some", match["some_var"]
        else:
            value = match[kind].strip("{}")
        tokens.append((kind, value))
        at = match.end()
    return tokens


class _Reader:
    """Recursive descent; from weak to strong: iff, implies, or, and, not."""

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens = [*tokens, ("end", "")]
        self._at = self._depth = self._links = 0
        self._bound: list[str] = []
        self.bound_names = set[str]()
        self.constants = set[str]()

    def kind(self) -> str:
        return self._tokens[self._at][0]

    def text(self) -> str:
        return self._tokens[self._at][1]

    def formula(self) -> Formula:
        left = self._implication()
        if self.kind() == "iff":
            self._at += 1
            left = Joined("iff", left, self._implication())
        return left

    def _implication(self) -> Formula:
        self._deeper()
        left = self._chain("or")
        if self.kind() == "implies":
            self._at += 1
            left = Joined("implies", left, self._implication())
        self._depth -= 1
        return left

    def _chain(self, by: Connective) -> Formula:
        left = self._chain("and") if by == "or" else self._unary()
        while self.kind() == by:
            self._links += 1
            if self._links > MAX_LINKS:
                raise NotNotation("too many parts")
            self._at += 1
            left = Joined(by, left, self._chain("and") if by == "or" else self._unary())
        return left

    def _unary(self) -> Formula:
        self._deeper()
        kind = self.kind()
        if kind == "not":
            self._at += 1
            formula: Formula = Not(self._unary())
        elif kind in ("all", "some"):
            formula = self._quantified(kind == "all")
        elif kind in ("fld_all", "fld_some"):
            formula = self._bind(kind == "fld_all", [self._take(kind)], far=True)
        elif kind == "open":
            self._at += 1
            formula = self.formula()
            self._take("close")
        else:
            formula = self._atom()
        self._depth -= 1
        return formula

    def _quantified(self, every: bool) -> Formula:
        self._at += 1
        names = [self._take("name")]
        while self.kind() == "comma" and _VARIABLE.fullmatch(self._tokens[self._at + 1][1]):
            self._at += 1
            names.append(self._take("name"))
        far = self.kind() in ("mark", "comma")
        if far:
            self._at += 1
        return self._bind(every, names, far)

    def _bind(self, every: bool, names: list[str], far: bool) -> Formula:
        if len({*names, *self._bound}) < len(names) + len(self._bound):
            raise NotNotation("a variable is bound twice")
        first = len(self._bound)
        self._bound += names
        self.bound_names.update(names)
        starts = self.kind()
        body = self.formula() if far else self._unary()
        if not far and starts != "open" and self.kind() in _BINARY:
            raise NotNotation("how far the quantifier reaches is not clear")
        del self._bound[first:]
        for level in reversed(range(first, first + len(names))):
            body = Quantified(every, level, body)
        return body

    def _atom(self) -> Formula:
        if self.kind() == "fld":
            predicate = self._take("fld")
            if self.kind() == "fld" or (self.kind() == "name" and self.text() in self._bound):
                return Atom(predicate, (self._term(),))
            return Atom(predicate)
        name = self._take("name")
        if self.kind() != "open":
            if not _PROPOSITION.fullmatch(name):
                raise NotNotation(f"{name!r} is a word")
            return Atom(name)
        self._at += 1
        args = [self._term()]
        while self.kind() == "comma":
            self._at += 1
            args.append(self._term())
        self._take("close")
        if len(args) > MAX_ARGS:
            raise NotNotation("too many arguments")
        return Atom(name, tuple(args))

    def _term(self) -> Term:
        braced = self.kind() == "fld"
        name = self._take("fld" if braced else "name")
        if name in self._bound and braced:
            raise NotNotation("a variable does not stand in braces")
        if name in self._bound:
            return self._bound.index(name)
        self.constants.add(name)
        return name

    def _take(self, kind: str) -> str:
        found, text = self._tokens[self._at]
        if found != kind:
            raise NotNotation(f"{kind} expected, not {text!r}")
        self._at += 1
        return text

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > 2 * MAX_DEPTH:
            raise NotNotation("too deep")
