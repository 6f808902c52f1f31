from fractions import Fraction

import pytest

from annotators.arithmetic.expression import evaluate
from annotators.arithmetic.tokens import Unreadable, tokenize


def value(text: str) -> Fraction:
    return evaluate(tokenize(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2 + 3 * 4", Fraction(14)),
        ("(2 + 3) * 4", Fraction(20)),
        ("8 / 2 * 4", Fraction(16)),
        ("1,234.5 + .5", Fraction(1235)),
        ("0.1 + 0.2", Fraction(3, 10)),
        ("\\frac{1}{2} + \\frac12", Fraction(1)),
        ("\\left(1 + 2\\right) \\cdot 3", Fraction(9)),
        ("2^{10}", Fraction(1024)),
        ("3²", Fraction(9)),
        ("2^-1", Fraction(1, 2)),
        ("2(3 + 4)", Fraction(14)),
        ("(2)(3)", Fraction(6)),
        ("-2 * -3", Fraction(6)),
        ("50% * 10", Fraction(5)),
        ("12x2", Fraction(24)),
    ],
)
def test_values_are_exact(text: str, expected: Fraction) -> None:
    assert value(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "9^9^9",
        "2^65",
        "(9^60)^60",
        "1/0",
        "0^0",
        "2 3",
        "2\\frac12",
        "6/2(1+2)",
        "3 +",
        "(3",
        "1" * 31,
        "(" * 30 + "1" + ")" * 30,
        "1+" * 200 + "1",
        "2^{1/2}",
        "3x",
        "x2",
        "007",
        "1.2.3",
        "12,34",
        "abs(3)",
    ],
)
def test_anything_else_is_unreadable(text: str) -> None:
    with pytest.raises(Unreadable):
        value(text)


@pytest.mark.parametrize(
    ("slash", "expected"),
    [("left", Fraction(16)), ("wide", Fraction(1)), ("right", Fraction(16))],
)
def test_a_slash_before_a_product_has_two_values(slash: str, expected: Fraction) -> None:
    assert evaluate(tokenize("8/2*4"), slash=slash) == expected  # type: ignore[arg-type]


def test_a_slash_before_a_slash_may_mean_a_fraction() -> None:
    assert evaluate(tokenize("28 / 1/5"), slash="right") == Fraction(140)


def test_spans_are_code_points_from_the_offset() -> None:
    assert [(t.kind, t.start, t.end) for t in tokenize("é 12+3", offset=10)] == [
        ("word", 10, 11),
        ("num", 12, 14),
        ("+", 14, 15),
        ("num", 15, 16),
    ]
