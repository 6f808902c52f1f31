"""The worker's side: Math-Verify with a second opinion. Called here in process, on tame text."""

from __future__ import annotations

import pytest

from pipeline.grading.mathverify import check

# SymPy and ANTLR warn at import on some Python versions; that is theirs.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.mark.parametrize(
    ("gold", "pred"),
    [
        ("2\\sqrt{2}", "\\sqrt{8}"),
        ("\\frac{\\sqrt{2}}{2}", "\\frac{1}{\\sqrt{2}}"),
        ("x^2-1", "(x-1)(x+1)"),
        ("x^2-1", "y = (x-1)(x+1)"),
        ("1", "\\sin^2 x+\\cos^2 x"),
        ("y=2x+3", "2x-y+3=0"),
        ("x < 5", "5 > x"),
        ("(1, 2\\sqrt{2})", "(1, \\sqrt{8})"),
        ("\\{1, \\sqrt{8}\\}", "\\{2\\sqrt{2}, 1\\}"),
        ("(-\\infty,3]\\cup[5,\\infty)", "[5,\\infty)\\cup(-\\infty,3]"),
        (
            "\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}",
            "\\begin{pmatrix}1&2\\\\3&\\frac{8}{2}\\end{pmatrix}",
        ),
        ("1000", "10^3"),
        ("4\\pi", "4 pi"),
        ("1500", "1.5 \\times 10^{3}"),
        ("2\\sqrt{2}", "\\sqrt{8} \\text{ inches}"),
        ("3 + 2i", "2i + 3"),
    ],
)
def test_equal(gold: str, pred: str) -> None:
    assert check(gold, pred) == ("correct", "")


@pytest.mark.parametrize(
    ("gold", "pred"),
    [
        ("4", "4\\sqrt{2}"),
        ("1/2^{99}", "1/2^{98}"),
        ("x/2^{99}", "x/2^{98}"),
        ("x^2-1", "x^2+1"),
        ("y=2x+3", "y=3x+2"),
        ("x < 5", "x > 5"),
        ("x < 5", "x < 6"),
        ("x < 5", "x \\leq 5"),
        ("(1, \\sqrt{8})", "(1, \\sqrt{7})"),
        ("x + 1", "y + 1"),
        ("\\begin{pmatrix}1\\\\2\\end{pmatrix}", "\\begin{pmatrix}1\\\\3\\end{pmatrix}"),
        ("10^{50}", "2 \\cdot 10^{50}"),
    ],
)
def test_not_equal(gold: str, pred: str) -> None:
    assert check(gold, pred) == ("incorrect", "")


@pytest.mark.parametrize(
    ("gold", "pred", "reason"),
    [
        ("\\sqrt{1/n}", "1/\\sqrt{n}", "undecided"),
        ("x \\in [1,2]", "1 \\leq x \\leq 2", "not_covered"),
        ("\\frac{\\pi}{2}", "90^\\circ", "undecided"),
        ("\\sqrt{2}", "1.41421356", "undecided"),
        ("x = \\sqrt{2}", "\\{x\\}", "undecided"),
        ("1/2004!", "1/2006!", "not_covered"),
        ("4", "4\\sqrt(2)", "not_covered"),
        ("\\sqrt{2}", "the root", "not_covered"),
        ("\\sqrt{2}", "2 is it", "not_covered"),
        ("x^2 + C", "x^2 + c", "undecided"),
        ("R^2 - r^2", "x - x", "undecided"),
        ("\\log 2", "\\ln 2", "undecided"),
        ("\\frac{\\sqrt{3}}{2}", "0.866", "undecided"),
        ("101_2", "101", "not_covered"),
        ("-1", "i^2", "undecided"),
        ("\\sqrt{2}", "\\frac{x}{", "unparsable"),
        ("4", "(10^7)!", "not_covered"),
        ("4", "\\sum_{k\\leq 10^9} k", "not_covered"),
    ],
)
def test_what_stays_unknown(gold: str, pred: str, reason: str) -> None:
    assert check(gold, pred) == ("unknown", reason)


@pytest.mark.parametrize(
    ("gold", "pred"),
    [
        ("1/2004!", "1/2006!"),
        ("1/2^{99}", "1/2^{98}"),
        ("1:2:3", "1:4:9"),
        ("4", "4\\sqrt{2}"),
        ("4", "4\\sqrt(2)"),
        ("(1,2)", "\\{1,2\\}"),
        ("3 hours", "3 days"),
        ("2x+3y=6", "3x+2y=6"),
    ],
)
def test_the_false_equals_of_math_verify_are_never_correct(gold: str, pred: str) -> None:
    assert check(gold, pred)[0] != "correct"
    assert check(pred, gold)[0] != "correct"
