"""What may come near a parser: our own gate on answers that a model wrote.

Guaranteed: what passes is short, shallow, of known characters and commands, without long digit
runs, large or stacked exponents, factorials, sums or integrals. It is an allow-list; what does
not pass is unknown, with the reason. It says nothing about what the text means.
"""

from __future__ import annotations

import re

from pipeline.grading.quantity import NOT_UNITS
from pipeline.verdict import Reason

MAX_LENGTH = 400
MAX_DEPTH = 12
MAX_DIGITS = 60
MAX_EXPONENTS = 8

_CHARACTERS = re.compile(r"[A-Za-z0-9 +\-*/^_=<>(){}\[\]|,.:%&°\\π√∞×÷·≤≥≠∪∩]*")
_COMMANDS = frozenset(
    re.findall(
        r"\w+",
        "frac sqrt pi theta alpha beta gamma delta lambda mu phi omega cdot times div infty sin "
        "cos tan cot sec csc arcsin arccos arctan log ln exp leq geq lt gt ne neq cup cap mathbb "
        "begin end pmatrix bmatrix matrix emptyset setminus",
    )
)
# x^2, x^{10}, x^{-3}, x^{1/2}, x^{\frac{1}{3}}, x^{2n+1}, e^{\pi}; a tower or 10^{5000} is none
_EXPONENT = re.compile(
    r"\^ ?(?:[0-9A-Za-z]|\{ ?-? ?\\frac\{-?\w{1,2}\}\{\w{1,2}\} ?\}|\\pi|\{ ?\\pi ?\}"
    r"|\{ ?-? ?\d{0,2} ?[A-Za-z]?(?: ?[-+/*] ?\d{0,2}[A-Za-z]?)? ?\})(?! ?[\^\d])"
)


def gate_text(answer: str) -> Reason | None:
    """Why an answer is not even looked at, or None."""
    if "\0" in answer:
        return Reason.UNREADABLE
    return Reason.UNPARSABLE if not answer.strip() or len(answer) > MAX_LENGTH else None


def gate_math(answer: str) -> Reason | None:
    """Why a normalised answer is kept from the mathematical parser, or None."""
    if reason := gate_text(answer):
        return reason
    depth, tower = _groups(answer)
    if depth > MAX_DEPTH or re.search(rf"\d{{{MAX_DIGITS + 1}}}", answer):
        return Reason.UNPARSABLE
    # An escaped backslash separates the rows of a matrix; an escaped brace writes a set.
    body = re.sub(r"\\\\|\\[{}]", " ", answer)
    commands = re.findall(r"\\([A-Za-z]+|.?)", body)
    words = re.findall(r"(?<![A-Za-z\\])[A-Za-z]{2,}", re.sub(r"\\[A-Za-z]+", " ", body))
    environments = {"pmatrix", "bmatrix", "matrix"} if "\\begin" in body else set()
    if (
        not _CHARACTERS.fullmatch(answer)
        or tower
        or "**" in answer
        or "__" in answer
        or not _COMMANDS.issuperset(commands)
        or any(len(word) > 2 or word in NOT_UNITS for word in set(words) - environments)
        or answer.count("^") > MAX_EXPONENTS
        or answer.count("^") != len(_EXPONENT.findall(answer))
        or re.search(r"sqrt(?! ?[{\[])", answer)  # "\sqrt(2)" is parsed as a root of "("
        # "2 3" is parsed as a product, "2\frac{3}{2}" as 3.5, "101_2" as 101, "2:30" as 1/15
        or re.search(r"\d \d|\d ?\\frac|\d ?_|:", answer)
    ):
        return Reason.NOT_COVERED
    return None


def _groups(text: str) -> tuple[int, bool]:
    """How deep brackets nest, and whether a group that holds a power is raised to a power."""
    powers, deepest, tower = [False], 0, False
    for match in re.finditer(r"([({\[])|([)}\]]) ?(\^?)|\^", text):
        if match[1]:
            powers.append(False)
            deepest = max(deepest, len(powers) - 1)
        elif match[2]:
            inner = powers.pop() if len(powers) > 1 else False
            tower = tower or (inner and bool(match[3]))
            powers[-1] = powers[-1] or inner or bool(match[3])
        else:
            powers[-1] = True
    return deepest, tower
