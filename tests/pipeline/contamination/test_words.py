from __future__ import annotations

import pytest

from pipeline.contamination.words import masked, words


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Find x.", "  find\n X "),
        ("It costs $1,000.", "It costs 1000"),
        (r"Let $x^{2} = \dfrac{1}{2}$.", "Let x^2 = \\frac 1 2"),
        (r"\(a \times b \leq 3\)", "a × b <= 3"),
        ("x² + 1", "x^2+1"),
        ("ten-digit number", "ten digit number"),
        (r"\left( a \right) \text{ metres}", "(a) metres"),
        ("3.50 litres", "3.5 litres"),
        ("What is it?!", "What is it"),
        ("5 − 3", "5-3"),
        (r"$10,\!000$ and $1{,}000$", "10,000 and 1000"),
        (r"$1{,}\!234{,}\!567$ or $1\,234\,567$", "1234567 or 1234567"),
        (r"$\frac12$", r"$\frac{1}{2}$"),
        (r"\dfrac123 + \frac{1}23", r"\frac{1}{2} 3 + \frac{1}{2} 3"),
        (r"\frac ab", r"\frac{a}{b}"),
        ("It costs $.50, or -.5", "It costs 0.5, or -0.50"),
    ],
)
def test_what_only_looks_different_is_the_same(one: str, other: str) -> None:
    assert words(one) == words(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("3 apples", "4 apples"),
        ("x + 1", "x - 1"),
        ("5", "-5"),
        ("5!", "5"),
        ("1.5", "15"),
        ("1,5", "15"),
        (".5", "5"),
        ("1{,}5", "15"),
        (r"\{1,234\}", r"\{1, 2, 34\}"),
        ("2^10", "210"),
        (r"\frac{12}{3}", r"\frac{1}{23}"),
        ("a < b", "a <= b"),
        ("(a+b)*c", "a+b*c"),
    ],
)
def test_what_changes_a_problem_is_kept(one: str, other: str) -> None:
    assert words(one) != words(other)


def test_a_script_without_spaces_is_compared_by_characters() -> None:
    assert words("小明有3个苹果。") == ["小", "明", "有", "3", "个", "苹", "果"]


def test_a_full_stop_before_a_digit_is_no_decimal_point() -> None:
    assert words("Find x.5 men eat (all).7 eat none..9") == (
        ["find", "x", "5", "men", "eat", "(", "all", ")", "7", "eat", "none", "9"]
    )


def test_masked_numbers_are_one_word() -> None:
    assert masked(words("3 apples and 1,000 pears")) == ["#", "apples", "and", "#", "pears"]


def test_a_text_without_a_word_has_none() -> None:
    assert words("… !?") == words("") == []
