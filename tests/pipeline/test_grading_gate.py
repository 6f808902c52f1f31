"""What may come near the mathematical parser."""

from __future__ import annotations

import pytest

from pipeline.grading.gate import gate_math, gate_text
from pipeline.verdict import Reason


@pytest.mark.parametrize(
    "answer",
    [
        "\\frac{1}{2}",
        "2\\sqrt{3}",
        "x^2+2x+1",
        "x^{10}",
        "e^{2x}",
        "2^{n+1}",
        "x^{1/2}",
        "x^{-\\frac{1}{3}}",
        "e^{\\pi}",
        "x_1 + x_2",
        "\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}",
        "(-\\infty,3]\\cup[5,\\infty)",
        "y = 2x + 3",
        "\\sin x",
    ],
)
def test_short_mathematics_passes(answer: str) -> None:
    assert gate_math(answer) is None


@pytest.mark.parametrize(
    "answer",
    [
        "9**9**9",
        "9^9^9",
        "9^{9^9}",
        "9^{9^{9}}",
        "{9^9}^9",
        "((9^9))^9",
        "2^{5000}",
        "2^5000",
        "(10^7)!",
        "\\sum_{k\\leq 10^9}",
        "\\int_0^1 x",
        "\\prod_k k",
        "\\binom{10}{5}",
        "\\input{/etc/passwd}",
        "__import__('os').system('touch /tmp/canary')",
        "lambda: 0",
        "x@y",
        "4\\sqrt(2)",
        "sqrt(2)",
        "the number four",
        "3 cows",
        "2 3",
        "2\\frac{3}{2}",
        "101_2",
        "2:30 PM",
        "答案",
    ],
)
def test_the_rest_is_not_covered(answer: str) -> None:
    assert gate_math(answer) is Reason.NOT_COVERED


@pytest.mark.parametrize(
    "answer", ["\\frac{1}{" * 30 + "}" * 30, "(" * 20 + ")" * 20, "9" * 61, "x" * 401, " "]
)
def test_too_long_or_too_deep_is_unparsable(answer: str) -> None:
    assert gate_math(answer) is Reason.UNPARSABLE


def test_a_nul_is_unreadable() -> None:
    assert gate_text("1\0") is Reason.UNREADABLE
