"""The toy world of the stub engine: long sums, their problems and their exact step truth.

One problem: ``Add up: 3 + 5 + 8 + 2``, one solution::

    3 + 5 = 8

    8 + 8 = 16

    16 + 2 = 18

    The answer is 18.

Guarantees: `toy_problems` is a pure function of its arguments, and `toy_truth` is exact for any
solution in the form above; a step in another form is "unknown".
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from itertools import accumulate
from typing import Literal

PROBLEM = re.compile(r"Add up: (\d+(?: \+ \d+)*)")
STEP = re.compile(r"(\d+) \+ (\d+) = (\d+)")
ANSWER = re.compile(r"The answer is (\d+)\.")


def toy_problems(n: int, seed: int, addends: tuple[int, int] = (3, 12)) -> list[dict[str, str]]:
    """`n` rows of a problem file, of at least and at most so many addends each."""
    rng = random.Random(seed)
    problems = []
    for index in range(n):
        numbers = [rng.randint(1, 60) for _ in range(rng.randint(*addends))]
        problems.append(
            {
                "problem_id": f"toy-{seed}-{index:05d}",
                "text": "Add up: " + " + ".join(map(str, numbers)),
                "answer": str(sum(numbers)),
                "answer_type": "number",
                "domain": "toy",
                "source": "stub",
                "language": "en",
            }
        )
    return problems


def addends_of(text: str) -> tuple[list[int], str] | None:
    """Addends of the last toy problem in `text`, and what follows it; None where there is none."""
    at = text.rfind("Add up: ")
    found = PROBLEM.match(text, at) if at >= 0 else None
    if found is None:
        return None
    return [int(number) for number in found[1].split(" + ")], text[found.end() :]


def toy_truth(
    problem_text: str, steps: Sequence[str]
) -> list[Literal["correct", "incorrect", "unknown"]]:
    """Verdict on each step by itself.

    `a + b = c` is correct if c is a + b, b is the addend whose turn it is, and a is the last
    stated total or the true one (a solution may return to the truth in silence). The last line is
    correct if it states the last stated total or the true sum.
    """
    parsed = addends_of(problem_text)
    if parsed is None:
        return ["unknown" for _ in steps]
    addends = parsed[0]
    totals = list(accumulate(addends))
    verdicts: list[Literal["correct", "incorrect", "unknown"]] = []
    stated, done = addends[0], 0
    for text in steps:
        step, answer = STEP.fullmatch(text.strip()), ANSWER.fullmatch(text.strip())
        if step is not None:
            a, b, c = (int(number) for number in step.groups())
            good = (
                done + 1 < len(addends)
                and c == a + b
                and b == addends[done + 1]
                and a in (stated, totals[done])
            )
            verdicts.append("correct" if good else "incorrect")
            stated, done = c, done + 1
        elif answer is not None:
            good = int(answer[1]) in (stated, totals[-1])
            verdicts.append("correct" if good else "incorrect")
        else:
            verdicts.append("unknown")
    return verdicts
