"""Judge the steps of a chains solution from the problem's text alone.

A step is correct if it follows from the problem and the earlier steps *as stated*: an operand may
be what an earlier step says the quantity is, or what it truly is, once some earlier step (or the
text) has given the quantity a value. So a faithful step after an earlier error is correct, and so
is a silent repair. A step is incorrect if it makes an error itself; the kind is "arithmetic" when
everything but the equation is right, else "setup". A sentence that is not of this world's language
is unknown. A problem text that cannot be read makes every step unknown.
"""

import re
from fractions import Fraction
from typing import NamedTuple

from worlds.chain_forms import Add, Fact, Given, Quantity, Sum, Times, fact_of, read_sentence
from worlds.forms import sentences
from worlds.problem import CORRECT, UNKNOWN, Verdict, wrong

_NUMBER = r"\d{1,9}"
_RESULT = (
    rf"(?P<owner>[A-Z][a-z]+) has (?P<a>{_NUMBER}) (?P<op>[-+*/]) (?P<b>{_NUMBER})"
    rf" = (?P<c>{_NUMBER}) (?P<item>[a-z]+)\."
)
_KNOWN = rf"(?P<who>[A-Z][a-z]+) has (?P<value>{_NUMBER}) (?P<what>[a-z]+)"
# Ann has 12 pens. Compared with Ann, Tom has 3 times as many pens. So Tom has 3 * 12 = 36 pens.
# Ann has 12 pens and, compared with Ann, Tom has 3 times as many pens, so Tom has 3 * 12 = 36 pens.
# The first part may be missing.
_STEPS = (
    re.compile(rf"(?:{_KNOWN}\. )?(?P<reason>[^.]+)\. So {_RESULT}"),
    re.compile(rf"(?:{_KNOWN},? and,? )?(?P<reason>[^.]+), so {_RESULT}"),
)
_ANSWER = re.compile(rf"The answer is (?P<value>{_NUMBER})\.")


class Derivation(NamedTuple):
    """A step that may recall a value, quotes a fact, and computes `target` as `a op b = c`."""

    known: Given | None
    fact: Fact
    target: Quantity
    a: int
    op: str
    b: int
    c: int


def read_derivation(step: str) -> Derivation | None:
    """What a derivation step says, or None when it is not one."""
    for pattern in _STEPS:
        if (match := pattern.fullmatch(step)) is None:
            continue
        reason = match["reason"]
        reading = read_sentence(reason[0].upper() + reason[1:] + ".")
        fact = fact_of(reading) if reading is not None else None
        if fact is None or isinstance(fact, Given):
            continue
        a, b, c = (int(match[group]) for group in "abc")
        known = None
        if match["who"]:
            known = Given((match["who"], match["what"]), int(match["value"]))
        return Derivation(known, fact, (match["owner"], match["item"]), a, match["op"], b, c)
    return None


class ChainProblem:
    """What the text of a problem says: its facts, true values and question."""

    def __init__(self, text: str) -> None:
        readings = [read_sentence(sentence) for sentence in sentences(text)]
        questions = [r for r in readings if r is not None and r.kind == "question"]
        if None in readings or len(questions) != 1:
            raise ValueError(f"not a problem of the chains world: {text!r}")
        slots = questions[0].slots
        self.asked: Quantity = (slots["A"], slots["i"])
        found = [fact_of(r) for r in readings if r is not None]
        self.facts: frozenset[Fact] = frozenset(fact for fact in found if fact is not None)
        self.given = {f.quantity: f.value for f in self.facts if isinstance(f, Given)}
        if any(_about_itself(fact) for fact in self.facts):
            raise ValueError("a quantity is defined by itself")
        self.values = _solve(self.facts)
        for fact in self.facts:
            parts = _quantities(fact)
            if all(q in self.values for q in parts) and not _holds(fact, self.values):
                raise ValueError(f"the problem contradicts itself: {fact}")


def _about_itself(fact: Fact) -> bool:
    if isinstance(fact, Add):
        return fact.high == fact.low
    if isinstance(fact, Times):
        return fact.big == fact.small or fact.k == 0
    return isinstance(fact, Sum) and fact.total in fact.parts


def _holds(fact: Fact, values: dict[Quantity, Fraction]) -> bool:
    if isinstance(fact, Given):
        return values[fact.quantity] == fact.value
    target = fact.high if isinstance(fact, Add) else None
    if isinstance(fact, Times):
        target = fact.big
    if isinstance(fact, Sum):
        target = fact.total
    return target is not None and values[target] == _value(fact, target, values)


def _solve(facts: frozenset[Fact]) -> dict[Quantity, Fraction]:
    """Every value the facts fix."""
    known = {f.quantity: Fraction(f.value) for f in facts if isinstance(f, Given)}
    grew = True
    while grew:
        grew = False
        for fact in facts:
            if isinstance(fact, Given):
                continue
            for target in _quantities(fact):
                if target in known or any(q not in known for q in _quantities(fact) - {target}):
                    continue
                known[target] = _value(fact, target, known)
                grew = True
    return known


def _quantities(fact: Fact) -> frozenset[Quantity]:
    if isinstance(fact, Given):
        return frozenset({fact.quantity})
    if isinstance(fact, Add):
        return frozenset({fact.high, fact.low})
    if isinstance(fact, Times):
        return frozenset({fact.big, fact.small})
    return fact.parts | {fact.total}


def _value(fact: Fact, target: Quantity, known: dict[Quantity, Fraction]) -> Fraction:
    if isinstance(fact, Add):
        return known[fact.low] + fact.k if target == fact.high else known[fact.high] - fact.k
    if isinstance(fact, Times):
        if target == fact.big:
            return known[fact.small] * fact.k
        return known[fact.big] / fact.k
    if isinstance(fact, Sum):
        if target == fact.total:
            return sum((known[part] for part in fact.parts), Fraction(0))
        (other,) = fact.parts - {target}
        return known[fact.total] - known[other]
    return known[target]


Operand = Quantity | int


def _plans(fact: Fact, target: Quantity) -> list[tuple[str, Operand, Operand]]:
    """The right-hand sides that compute the target from the fact: operator and operands."""
    if isinstance(fact, Add) and target == fact.high:
        return [("+", fact.low, fact.k), ("+", fact.k, fact.low)]
    if isinstance(fact, Add) and target == fact.low:
        return [("-", fact.high, fact.k)]
    if isinstance(fact, Times) and target == fact.big:
        return [("*", fact.small, fact.k), ("*", fact.k, fact.small)]
    if isinstance(fact, Times) and target == fact.small:
        return [("/", fact.big, fact.k)]
    if isinstance(fact, Sum) and target == fact.total:
        first, *rest = fact.parts
        second = rest[0] if rest else first
        return [("+", first, second), ("+", second, first)]
    if isinstance(fact, Sum) and target in fact.parts and len(fact.parts) == 2:
        (other,) = fact.parts - {target}
        return [("-", fact.total, other)]
    return []


class _Ledger:
    """What a solution may use so far: for every known quantity, the values that are fair."""

    def __init__(self, problem: ChainProblem) -> None:
        self.problem = problem
        self.stated: dict[Quantity, set[Fraction]] = {}

    def fair(self, quantity: Quantity) -> set[Fraction]:
        """The values the quantity may be taken to have; empty while it is not known."""
        stated = self.stated.get(quantity, set())
        if not stated and quantity not in self.problem.given:
            return set()
        true = self.problem.values.get(quantity)
        return stated if true is None else stated | {true}

    def state(self, quantity: Quantity, value: int) -> None:
        self.stated.setdefault(quantity, set()).add(Fraction(value))

    def allows(self, operand: Operand, number: int) -> bool:
        if isinstance(operand, int):
            return operand == number
        return number in self.fair(operand)


def judge_chains(text: str, steps: list[str]) -> list[Verdict]:
    """A verdict for every step."""
    try:
        problem = ChainProblem(text)
    except ValueError:
        return [UNKNOWN] * len(steps)
    ledger = _Ledger(problem)
    return [_judge(step.strip(), ledger) for step in steps]


def _judge(step: str, ledger: _Ledger) -> Verdict:
    if match := _ANSWER.fullmatch(step):
        return _judge_answer(match["value"], ledger)
    if (derivation := read_derivation(step)) is not None:
        return _judge_derivation(derivation, ledger)
    reading = read_sentence(step)
    if reading is not None and reading.kind == "given":
        return _judge_restated(fact_of(reading), ledger)
    return UNKNOWN


def _judge_answer(digits: str, ledger: _Ledger) -> Verdict:
    fair = ledger.fair(ledger.problem.asked)
    if not fair:
        return wrong("setup", "the asked quantity has not been worked out")
    if int(digits) not in fair:
        return wrong("setup", "the answer is not the asked quantity's value")
    return CORRECT


def _judge_restated(fact: Fact | None, ledger: _Ledger) -> Verdict:
    if not isinstance(fact, Given):
        return UNKNOWN
    fair = ledger.fair(fact.quantity)
    ledger.state(fact.quantity, fact.value)
    return CORRECT if fact.value in fair else wrong("setup", "nothing says so")


def _judge_derivation(derivation: Derivation, ledger: _Ledger) -> Verdict:
    setup = _setup_error(derivation, ledger)
    # What it says counts as stated even when it is wrong: later steps may build on it.
    if derivation.known is not None:
        ledger.state(derivation.known.quantity, derivation.known.value)
    ledger.state(derivation.target, derivation.c)
    if setup:
        return wrong("setup", setup)
    if not _equation_holds(derivation.a, derivation.op, derivation.b, derivation.c):
        return wrong("arithmetic", "the equation is false")
    return CORRECT


def _setup_error(derivation: Derivation, ledger: _Ledger) -> str:
    known, fact, target, a, op, b, _ = derivation
    if known is not None and known.value not in ledger.fair(known.quantity):
        return "it recalls a value that nothing states"
    if fact not in ledger.problem.facts:
        return "the problem does not state this relation"
    plans = _plans(fact, target)
    if not plans:
        return "the conclusion is about another quantity"
    if op not in {plan[0] for plan in plans}:
        return "the wrong operation"
    if any(ledger.allows(x, a) and ledger.allows(y, b) for o, x, y in plans if o == op):
        return ""
    sources = {x for plan in plans for x in plan[1:] if not isinstance(x, int)}
    if any(not ledger.fair(source) for source in sources):
        return "a quantity is used before it is known"
    return "the wrong operand"


def _equation_holds(a: int, op: str, b: int, c: int) -> bool:
    if op == "+":
        return a + b == c
    if op == "-":
        return a - b == c
    if op == "*":
        return a * b == c
    return b != 0 and a == b * c
