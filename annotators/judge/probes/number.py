"""The result of a true equation made false.

Guaranteed: the equation was true and is now false in exact arithmetic, and the annotator
`arithmetic`, which knows of rounding, units, clocks and hypotheses, calls the new step incorrect
and found nothing in the old one.
"""

from __future__ import annotations

import random
from fractions import Fraction

from annotators.arithmetic.annotator import Arithmetic
from annotators.judge.probes.base import Base
from annotators.judge.probes.equations import Equation, equations, value, written
from annotators.judge.probes.probe import Change
from pipeline.verdict import Verdict


def false_numbers(base: Base, rng: random.Random) -> list[Change]:
    """At most one for each equation."""
    changes = []
    for place, step in enumerate(base.steps):
        for equation in equations(step):
            wrong = _other_result(equation, rng)
            if wrong is None:
                continue
            new = equation.rewritten(step, equation.a, equation.op, equation.b, wrong)
            if _called_wrong(base.text, step) or not _called_wrong(base.text, new):
                continue
            detail = f"The equation {equation} was given the result {wrong}."
            steps = (*base.steps[:place], new, *base.steps[place + 1 :])
            changes.append(Change(steps, place, (place,), detail))
    return changes


def _other_result(equation: Equation, rng: random.Random) -> str | None:
    """A number near the true one, with as many decimals."""
    _, _, decimals = equation.c.partition(".")
    shift = Fraction(rng.choice([n for n in range(-9, 11) if n]), 10 ** len(decimals))
    true = value(equation.c)
    return written(true + shift, equation.c) or written(true + abs(shift), equation.c)


def _called_wrong(problem: str, step: str) -> bool:
    (evidence,) = Arithmetic().check(problem, [step])
    return evidence.verdict is Verdict.INCORRECT
