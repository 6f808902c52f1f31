from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotators.program.printed import Comparison, Likeness, compare_outputs


@pytest.mark.parametrize(
    ("printed", "claimed"),
    [
        ("12\n", "12"),
        ("12", "12.0"),
        ("1234", "1,234"),
        ("x = 12", "x=12"),
        ("1 2\n3", "1\n2 3"),
        ("3.14159", "3.14"),
        ("3.14159", "3.15"),  # rounded up
        ("3.14", "3.14159"),
        ("12.4", "12"),
        ("0.30000000000000004", "0.3"),
        ("0.8414709848078965", "0.8414709848078964"),
        ("1e-17", "0.0"),
        ("1e+20", "100000000000000000000"),
        ("[-2, 2]", "[-2,2]"),
        ("", " "),
    ],
)
def test_the_same_output(printed: str, claimed: str) -> None:
    assert compare_outputs(printed, claimed).likeness is Likeness.SAME


@pytest.mark.parametrize(
    ("printed", "claimed", "numbers"),
    [
        ("12\n", "13", ("12", "13")),
        ("12", "-12", ("12", "-12")),
        ("x = 12", "x = 13", ("12", "13")),
        ("Total: 1,234 apples", "Total: 1,235 apples", ("1,234", "1,235")),
        ("[-2, 2]", "[-2, 3]", ("2", "3")),
        ("1\n2\n3", "1\n2\n4", ("3", "4")),
        ("3.14159", "3.24", ("3.14159", "3.24")),
        ("12345678901", "12345678902", ("12345678901", "12345678902")),
        ("{'a': 1}", "{'a': 2}", ("1", "2")),
        ("(3, 4)", "(3, 5)", ("4", "5")),
        ("1e-05", "2e-05", ("1e-05", "2e-05")),
    ],
)
def test_another_number(printed: str, claimed: str, numbers: tuple[str, str]) -> None:
    assert compare_outputs(printed, claimed) == Comparison(Likeness.DIFFERENT, *numbers)


@pytest.mark.parametrize(
    ("kind", "printed", "claimed"),
    [
        ("other words", "12", "The answer is 13"),
        ("fewer numbers", "1\n2", "2"),
        ("cut", "[1, 2, 3, 4]", "[1, 2, ...]"),
        ("another order", "[2, -2]", "[-2, 2]"),
        ("a set", "{2, 1}", "{1, 2}"),
        ("a fraction", "1/2", "2/4"),
        ("a formula", "2*x + 3", "2*x + 4"),
        ("a root", "2*sqrt(3)", "3*sqrt(2)"),
        ("a power", "x**2", "x**3"),
        ("a complex number", "(1+2j)", "(1+3j)"),
        ("a difference", "5 - 3", "5 - 4"),
        ("a date", "2023-01-05", "2023-01-06"),
        ("per cent", "0.25", "25"),
        ("an address", "<object at 0x7f3a>", "<object at 0x7f3b>"),
        ("a name with a number", "x1", "x2"),
        ("a truth value", "True", "False"),
        ("too long", "1" * 5000, "2"),
    ],
)
def test_what_is_not_compared(kind: str, printed: str, claimed: str) -> None:
    assert compare_outputs(printed, claimed).likeness is Likeness.UNLIKE, kind


values = st.one_of(
    st.integers(-(10**30), 10**30),
    st.floats(allow_nan=False, allow_infinity=False),
    st.lists(st.one_of(st.integers(), st.floats(-1e6, 1e6)), max_size=5),
)


@given(values)
def test_an_output_is_like_itself(value: object) -> None:
    assert compare_outputs(f"{value}\n", f" {value}").likeness is Likeness.SAME


@given(st.floats(-1e9, 1e9), st.integers(0, 12))
def test_a_rounded_output_is_never_different(value: float, places: int) -> None:
    assert compare_outputs(repr(value), f"{value:.{places}f}").likeness is Likeness.SAME


@given(st.integers(), st.integers())
def test_whole_numbers_are_compared_exactly(a: int, b: int) -> None:
    likeness = compare_outputs(str(a), str(b)).likeness
    assert (likeness is Likeness.SAME) == (a == b)
    assert (likeness is Likeness.UNLIKE) == (a != b and Fraction(a) in (100 * b, Fraction(b, 100)))


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_two_texts_are_answered_either_way_round(a: str, b: str) -> None:
    assert compare_outputs(a, b).likeness is compare_outputs(b, a).likeness


@given(
    st.text(alphabet="0123456789.,+-eE ", max_size=40), st.text("0123456789.,+-eE ", max_size=40)
)
def test_any_digits_are_answered(a: str, b: str) -> None:
    assert compare_outputs(a, b).likeness in Likeness
