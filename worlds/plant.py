"""Plant one error of a known kind at a known step of a gold solution.

Guarantee: the first error of the returned steps is at the index that is returned with them, and
it is of the kind that `ARITHMETIC` says. The steps after it are the gold ones, so for a chain that
goes on they are a silent repair; `carry` gives the faithful continuation instead.
"""

import random
import re
from dataclasses import replace
from typing import Literal

from worlds.chain_forms import Add, Given, Sum, Times
from worlds.chain_oracle import ChainProblem, Derivation, read_derivation
from worlds.chains import equation, quote
from worlds.problem import Made
from worlds.words import nouns

Plant = Literal[
    "number",  # chains: the equation is false
    "operator",  # chains: a true equation with the wrong operation
    "operand",  # chains: a true equation with a number that nothing states there
    "recalled",  # chains: the step recalls another value than the one that was stated
    "unstated",  # a relation or rule that the problem does not state
    "reversed",  # a relation or rule of the problem, turned round
    "conclusion",  # deduction: the right rule and premise, another conclusion
    "sign",  # deduction: the right rule and premise, the opposite conclusion
    "skipped",  # a needed step is left out; the error is the step that then lacks it
    "answer",  # the last step gives another answer
]
ARITHMETIC: frozenset[Plant] = frozenset({"number"})
_OTHER_OPERATOR = {"+": "*", "-": "+", "*": "+", "/": "*"}
_RULE = re.compile(r"([Ee])very ([a-z]+) is (not )?(a )?([a-z]+)")


def kinds_at(made: Made, step: int) -> tuple[Plant, ...]:
    """The kinds that can be planted at a step."""
    if step == len(made.steps) - 1:
        return ("answer",)
    if made.problem["domain"] == "chains":
        derivation = _derivation(made.steps[step])
        turned: tuple[Plant, ...] = ("reversed",) if _can_turn(derivation) else ()
        return ("number", "operator", "operand", "recalled", "unstated", "skipped", *turned)
    last = step == len(made.steps) - 2
    return ("unstated", "conclusion", "skipped", "sign" if last else "reversed")


def plant(made: Made, kind: Plant, step: int, rng: random.Random) -> list[str]:
    """The gold steps with one error, whose first wrong step is `step`."""
    if kind not in kinds_at(made, step):
        raise ValueError(
            f"cannot plant {kind!r} at step {step}: choose from {kinds_at(made, step)}"
        )
    steps = list(made.steps)
    if kind == "skipped":
        del steps[step]
    elif kind == "answer":
        steps[step] = f"The answer is {_other_answer(made, rng)}."
    elif made.problem["domain"] == "chains":
        steps[step] = _plant_chain(steps[step], kind, rng)
    else:
        steps[step] = _plant_deduction(steps[step], kind, rng)
    return steps


def carry(made: Made, step: int, value: int) -> list[str] | None:
    """A chain whose step says `value` by a false equation, then goes on from it faithfully.

    None when a later division would not come out whole, or a number would not be positive.
    """
    problem = ChainProblem(made.problem["text"])
    values = {quantity: int(v) for quantity, v in problem.values.items()}
    steps = made.steps[:step]
    for index in range(step, len(made.steps) - 1):
        derivation = _derivation(made.steps[index])
        known, fact, target, a, op, b, c = derivation
        gold = f"{a} {op} {b} = {c}"
        step_text = made.steps[index]
        if known is not None:
            recalled = f"{known.quantity[0]} has {known.value} "
            step_text = step_text.replace(
                recalled, f"{known.quantity[0]} has {values[known.quantity]} ", 1
            )
        if index == step:
            values[target] = value
            new = f"{a} {op} {b} = {value}"
        else:
            source = known.quantity if known is not None else None
            stated = equation(fact, source, target, values).split(" = ")[0]
            left, _, right = stated.split()
            if (result := _compute(int(left), op, int(right))) is None or result <= 0:
                return None
            values[target] = result
            new = f"{stated} = {result}"
        steps.append(step_text.replace(gold, new))
    return [*steps, f"The answer is {values[problem.asked]}."]


def _derivation(step: str) -> Derivation:
    derivation = read_derivation(step)
    if derivation is None:
        raise ValueError(f"not a derivation step: {step!r}")
    return derivation


def _compute(a: int, op: str, b: int) -> int | None:
    if op == "/":
        return a // b if b and a % b == 0 else None
    return a + b if op == "+" else a - b if op == "-" else a * b


def _can_turn(derivation: Derivation) -> bool:
    fact = derivation.fact
    return isinstance(fact, Add) or (isinstance(fact, Times) and fact.big[1] == fact.small[1])


def _other_answer(made: Made, rng: random.Random) -> str:
    if made.problem["answer_type"] == "boolean":
        return str(made.problem["answer"] != "True")
    return str(int(made.problem["answer"]) + rng.randint(1, 30))


def _plant_chain(step: str, kind: Plant, rng: random.Random) -> str:
    derivation = _derivation(step)
    known, fact, target, a, op, b, c = derivation
    gold = f"{a} {op} {b} = {c}"
    if kind == "recalled":
        assert known is not None, step
        return step.replace(f" {known.value} ", f" {known.value + rng.randint(1, 9)} ", 1)
    if kind == "number":
        return step.replace(gold, f"{a} {op} {b} = {c + rng.randint(1, 20)}")
    if kind == "operator":
        other = _OTHER_OPERATOR[op]
        return step.replace(gold, f"{a} {other} {b} = {_compute(a, other, b)}")
    shift = rng.randint(1, 9)
    if kind == "operand":
        if op == "/":  # keep the division whole
            return step.replace(gold, f"{a + shift * b} / {b} = {c + shift}")
        if rng.random() < 0.5:
            return step.replace(gold, f"{a + shift} {op} {b} = {_compute(a + shift, op, b)}")
        b = b - shift if op == "-" and b > shift else b + (0 if op == "-" else shift)
        a = a + shift if f"{a} {op} {b}" == gold.split(" = ")[0] else a
        return step.replace(gold, f"{a} {op} {b} = {_compute(a, op, b)}")
    if kind == "reversed":
        if isinstance(fact, Add):
            turned: Add | Times = Add(fact.low, fact.high, fact.k)
        else:
            assert isinstance(fact, Times)
            turned = Times(fact.small, fact.big, fact.k)
        return _requote(step, derivation, turned)
    unstated: Add | Times
    if isinstance(fact, Sum):
        unstated = Add(target, min(fact.parts), b)
    else:
        assert not isinstance(fact, Given)
        unstated = replace(fact, k=fact.k + shift)
    return _requote(step, derivation, unstated)


def _requote(step: str, derivation: Derivation, other: Add | Times) -> str:
    source = derivation.known.quantity if derivation.known is not None else None
    old = quote(derivation.fact, source, derivation.target)
    new = quote(other, source, derivation.target)
    return step.replace(old[1:], new[1:])


def _plant_deduction(step: str, kind: Plant, rng: random.Random) -> str:
    match = _RULE.search(step)
    if match is None:
        raise ValueError(f"not a rule step: {step!r}")
    initial, noun, no, _, then = match.groups(default="")
    if kind == "reversed":
        return step.replace(match[0], f"{initial}very {then} is a {noun}")
    head = step[: step.rindex(" is ")]
    if kind == "sign":
        return head + (f" is {then}." if no else f" is not {then}.")
    unused = rng.choice([n for n in nouns("train") if n not in (noun, then)])
    if kind == "conclusion":
        return f"{head} is a {unused}."
    return step.replace(match[0], f"{initial}very {noun} is a {unused}")
