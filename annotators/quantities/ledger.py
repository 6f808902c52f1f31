"""What a solution has said so far, and whether its next statement can stand.

A statement about quantities of the problem is asked of z3: does it follow from the problem, does
it contradict it, or neither. One that contradicts the problem is wrong only if no reading of its
quantities (readings.py) makes it true. One that follows is right only if its grounds were stated:
a value by the problem or an earlier line, a relation by the problem. What merely would follow is a
skipped line, and stays open.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from math import ceil, floor

from annotators.arithmetic.tokens import number
from annotators.quantities import explain
from annotators.quantities.invented import given_by_another_name, holds_between, other_items
from annotators.quantities.linear import ONE, ZERO, Linear, Quantity, constant, equation, just
from annotators.quantities.plan import adds_up, grounds, halfway_values
from annotators.quantities.problem import Problem
from annotators.quantities.readings import read_as, readings
from annotators.quantities.solver import Premise, Prover
from annotators.quantities.statements import Statement
from annotators.solver import Answer


class Standing(StrEnum):
    """How a statement stands to what is known."""

    RIGHT = "right"
    WRONG = "wrong"
    OPEN = "open"
    LIMIT = "limit"  # z3's limit was reached


@dataclass(frozen=True, slots=True)
class Finding:
    """The standing of one statement, the rule behind it, its span and a sentence."""

    standing: Standing
    rule: str
    start: int
    end: int
    text: str


class Ledger:
    """The state of one solution; `judge` takes its statements in their order."""

    def __init__(self, problem: Problem, prover: Prover | None = None) -> None:
        self.problem = problem
        self._made = prover
        self._said: dict[Quantity, set[Fraction]] = {}
        self._totals: dict[Linear, set[Fraction]] = {}
        self._off: dict[Quantity, list[Fraction]] = {}  # of these, what the problem refutes
        self._premises: list[Premise] = [(relation,) for relation in problem.relations]
        self.foreign: set[Fraction] = set()  # results in lines that were not read
        self._elsewhere: set[Fraction] = set()  # values of what the problem does not know

    @property
    def _prover(self) -> Prover:
        if self._made is None:
            self._made = Prover()
        return self._made

    @property
    def _anywhere(self) -> set[Fraction]:
        """Values that a line may have without the problem's quantities having them."""
        return self.foreign | self._elsewhere

    def judge(self, statement: Statement, step: str, quoted: list[Linear]) -> Finding:
        """The standing of a statement, which from then on has been said.

        `quoted`: the problem's relations that the step has named so far.
        """
        if statement.amount is None:
            return self._relation(statement, step)
        finding = self._value(statement, step, quoted)
        self._say(statement)
        return finding

    def answer(self, value: Fraction, start: int, end: int) -> Finding:
        """The standing of a final answer, which is a value of what is asked."""
        asked = self.problem.asked
        assert asked is not None
        text = f"the answer {explain.number(value)}"
        one = asked.alone
        told = one is not None and one in self.problem.quantities and self._fair(one, value)
        if told or value in self._totals.get(asked, ()):
            return Finding(Standing.RIGHT, "answer", start, end, f"{text} is what was worked out")
        standing = self._refuted(equation(asked, constant(value)), {value}, self._anywhere)
        if standing is Standing.WRONG:
            text += f" contradicts the problem: {explain.worth(self.problem, asked)}"
            return Finding(standing, "answer", start, end, text)
        if standing is Standing.RIGHT:
            text += " follows, but no line that was read works it out"
            return Finding(Standing.OPEN, "not_established", start, end, text)
        return Finding(standing, "undecided", start, end, f"{text} was neither shown nor refuted")

    # -- values -----------------------------------------------------------------------------

    def _value(self, statement: Statement, step: str, quoted: list[Linear]) -> Finding:
        assert statement.amount is not None
        words = step[statement.start : statement.end]
        plain = statement.amount.plain is not None and not statement.concludes
        one = statement.left.alone
        bound = self.problem.quantities >= set(statement.left.quantities)
        if not bound:
            text = f"the problem says nothing of this quantity: {words}"
            return self._found(Standing.OPEN, "unbound", statement, text)
        if plain and one is not None and self._fair(one, statement.amount.values[0]):
            return self._found(Standing.RIGHT, "stated", statement, f"stated before: {words}")
        standings = {
            self._refuted(
                equation(statement.left, constant(value)), _used(statement), self._anywhere
            )
            for value in dict.fromkeys(statement.amount.values)
        }
        halfway = not plain and halfway_values(self.problem, statement.left)
        if halfway and halfway & set(statement.amount.values):
            text = f"it may be a value on the way to another: {words}"
            return self._found(Standing.OPEN, "halfway", statement, text)
        if Standing.WRONG in standings and self._rounded(statement):
            text = f"it may be a rounded value: {words}"
            return self._found(Standing.OPEN, "rounded", statement, text)
        if standings == {Standing.WRONG}:
            return self._found(
                Standing.WRONG, _rule(statement, plain), statement,
                explain.refuted(self.problem, statement, words, bool(self._off)),
            )  # fmt: skip
        if Standing.LIMIT in standings:
            return self._found(Standing.LIMIT, "limit", statement, f"z3's limit: {words}")
        if plain and standings == {Standing.RIGHT}:
            text = f"it follows, but no line says why: {words}"
            return self._found(Standing.OPEN, "not_established", statement, text)
        if one is None and adds_up(statement, self._known):
            text = f"it adds up what was stated: {words}"
            return self._found(Standing.RIGHT, "entailed", statement, text)
        relations = quoted or list(self.problem.relations)
        if not plain and one is not None and len(set(statement.amount.values)) == 1:
            for premises in grounds(statement, one, relations, self._known):
                if self._prover.decide(premises, statement.relation) is Answer.FOLLOWS:
                    text = f"it follows from what was stated: {words}"
                    return self._found(Standing.RIGHT, "entailed", statement, text)
        text = f"neither refuted nor shown from stated lines: {words}"
        return self._found(Standing.OPEN, "undecided", statement, text)

    def _refuted(self, claim: Linear, used: set[Fraction], foreign: set[Fraction]) -> Standing:
        """RIGHT if the problem implies the claim, WRONG if no reading allows it.

        Never wrong where one of the numbers that it builds on may come from elsewhere.
        """
        if claim in self.problem.relations:
            return Standing.RIGHT
        if not self.problem.quantities >= set(claim.quantities):
            return Standing.OPEN
        answer = self._prover.decide(self._premises, claim)
        if answer is Answer.FOLLOWS:
            return Standing.RIGHT
        if answer is Answer.UNKNOWN:
            return Standing.LIMIT
        if answer is not Answer.REFUTED or used & foreign or not all(used):
            return Standing.OPEN
        if self._off:
            read = readings(self.problem.relations, self._off, claim)
            again = self._prover.decide((*self._premises, *read), read_as(claim))
            if again is Answer.UNKNOWN:
                return Standing.LIMIT
            if again is not Answer.REFUTED:
                return Standing.OPEN
        return Standing.WRONG

    def _rounded(self, statement: Statement) -> bool:
        """Whether a value is less than one from the true one, and either of them is broken."""
        causes = self.problem.causes
        if any(quantity not in causes for quantity in statement.left.quantities):
            return False
        assert statement.amount is not None
        true = sum((c * causes[q][0] for q, c in statement.left.terms), ZERO)
        return any(
            abs(value - true) < 1 and (value.denominator, true.denominator) != (1, 1)
            for value in statement.amount.values
        )

    def _known(self, quantity: Quantity) -> list[Fraction]:
        """What the quantity may be taken to be; empty while no line has said anything of it."""
        said = self._said.get(quantity, set())
        if not said and quantity not in self.problem.given:
            return []
        true = self.problem.causes.get(quantity)
        return sorted(said | ({true[0]} if true else set()))

    def _fair(self, quantity: Quantity, value: Fraction) -> bool:
        """Whether the value was stated, or is the true one of a quantity that was."""
        if value in self._said.get(quantity, ()) or self.problem.given.get(quantity) == value:
            return True
        if quantity not in self._said or quantity not in self.problem.quantities:
            return False
        claim = equation(just(quantity), constant(value))
        return self._prover.decide(self._premises, claim) is Answer.FOLLOWS

    def _say(self, statement: Statement) -> None:
        assert statement.amount is not None
        quantity = statement.left.alone
        values = set(statement.amount.values)
        if quantity is None:
            self._elsewhere |= values  # a total is not carried on, but may be built on
            self._totals.setdefault(statement.left, set()).add(statement.amount.values[-1])
            return
        self._said.setdefault(quantity, set()).add(statement.amount.values[-1])
        if quantity not in self.problem.quantities:
            self._elsewhere |= values
            return
        for value in sorted(values | _as_carried_on(values)):
            claim = equation(just(quantity), constant(value))
            known = claim in self.problem.relations
            if not known and self._prover.decide(self._premises, claim) is not Answer.FOLLOWS:
                off = self._off.setdefault(quantity, [])
                if value not in off:
                    off.append(value)

    # -- relations --------------------------------------------------------------------------

    def _relation(self, statement: Statement, step: str) -> Finding:
        words = step[statement.start : statement.end]
        if statement.relation in self.problem.relations:
            text = f"the problem states it: {words}"
            return self._found(Standing.RIGHT, "stated", statement, text)
        alike = set(statement.left.quantities) & set(statement.right.quantities)
        if alike:
            text = f"it compares {explain.named(min(alike))} with itself: {words}"
            return self._found(Standing.WRONG, "itself", statement, text)
        standing = self._refuted(statement.relation, _numbers(statement.relation), self.foreign)
        if standing is Standing.OPEN and self._invented(statement):
            text = f"neither the problem nor an earlier line says or implies: {words}"
            return self._found(Standing.WRONG, "not_given", statement, text)
        if standing is Standing.WRONG:
            text = explain.relation(self.problem, statement, words)
            return self._found(standing, "relation", statement, text)
        if standing is Standing.RIGHT:
            text = f"it follows, but the problem does not state it: {words}"
            return self._found(Standing.OPEN, "not_stated", statement, text)
        text = f"neither stated nor refuted: {words}"
        return self._found(standing, "undecided", statement, text)

    def _invented(self, statement: Statement) -> bool:
        """Whether a relation between named owners is nowhere given, whatever the names are.

        A thing may go by another word, and an owner who is not in the problem by another name:
        the relation must not be a given one under any of these, nor hold between values that were
        stated.
        """
        relation = statement.relation
        if statement.concludes or _numbers(relation) & self.foreign:
            return False
        if any(not q.owner or q.owner.startswith("the ") for q in relation.quantities):
            return False
        if given_by_another_name(relation, self.problem.relations, self.problem.quantities):
            return False
        for renamed in other_items(relation, self.problem.quantities):
            if self._prover.decide(self._premises, renamed) is not Answer.REFUTED:
                return False
        return not holds_between(relation, self._known)

    def _found(self, standing: Standing, rule: str, statement: Statement, text: str) -> Finding:
        return Finding(standing, rule, statement.start, statement.end, text)


def _as_carried_on(values: set[Fraction]) -> set[Fraction]:
    """What else later lines may make of a value: without its sign, rounded down or up."""
    broken = {value for value in values if value.denominator != 1}
    return {-value for value in values if value < 0} | {
        Fraction(whole) for value in broken for whole in (floor(value), ceil(value))
    }


def _numbers(relation: Linear) -> set[Fraction]:
    """The numbers that a relation may have been stated with."""
    factors = {abs(factor) for _, factor in relation.terms}
    found = factors | {1 / factor for factor in factors} | {abs(relation.constant)}
    return found - {ZERO, ONE}


def _rule(statement: Statement, plain: bool) -> str:
    if statement.left.alone is None:
        return "total"
    return "recalled" if plain else "derived"


def _used(statement: Statement) -> set[Fraction]:
    """The numbers that a statement builds on: those before its last equals sign."""
    assert statement.amount is not None
    tokens = statement.amount.tokens
    marks = [index for index, token in enumerate(tokens) if token.kind == "="]
    head = tokens[: marks[-1]] if marks else tokens
    return {number(token.text) for token in head if token.kind == "num"}
