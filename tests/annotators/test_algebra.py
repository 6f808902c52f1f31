import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from annotators.algebra.annotator import Algebra
from annotators.base import StepEvidence
from pipeline.verdict import Reason, Verdict

DATA = Path(__file__).parents[3] / "shared" / "data"


def check(*steps: str, problem: str = "") -> StepEvidence:
    return Algebra().check(problem, steps)[-1]


def rules(*steps: str, problem: str = "") -> list[str]:
    return [detail.rule for detail in check(*steps, problem=problem).details]


@pytest.mark.parametrize(
    ("rule", "step"),
    [
        ("false_identity", "Expanding, $(x+1)^2 = x^2 + 1$."),
        ("false_identity", "We factor: $x^2 + 5x + 6 = (x + 2)(x + 4)$."),
        ("false_identity", "$P = (x+1)^2 - x = x^2 + x + 2$"),
        ("false_identity", "P = (x+1)^2 - x = x^2 + x + 2"),
        ("false_identity", "$\\frac{1}{x} + \\frac{1}{y} + 1 = \\frac{2}{x + y} + 1 = Q$"),
        ("false_identity", "$T = \\sqrt{x^2 + 9} - 3 = x + 3 - 3$"),
        ("false_identity", "$T = \\sin^2 x + \\cos x = 1 - \\cos^2 x - \\cos x$"),
        ("false_identity", "$T = 2^{n+1} - 1 = 2^n + 3 - 1$"),
        ("false_identity", "\\begin{align*} T &= (a-b)^2 \\\\ &= a^2 - b^2 \\end{align*}"),
        ("false_identity", "We have $(x+1)^2 - x$, which simplifies to $x^2 - x + 1$."),
        ("false_identity", "We get $T = (x+1)^2 - x$. This becomes $x^2 - x + 1$."),
        ("false_identity", "Peter is x + (x + 10) = 2x + 11."),
        ("false_identity", "So V + 2V = 4V = 33"),
        ("false_identity", "$T = 4a^2 - 4(b-c)^2 = 4a^2 - 4(b^2 - 2bc + c^3)$"),
        ("does_not_follow", "$2x + 3 = 7$, so $2x = 5$."),
        ("does_not_follow", "2x + 3 = 7, so 2x = 5."),
        ("does_not_follow", "2x + 3 = 7\n2x = 5"),
        ("does_not_follow", "\\[2x + 3 = 7 \\Rightarrow 2x = 5\\]"),
        ("does_not_follow", "\\begin{align*} 2x + 3 &= 7 \\\\ 2x &= 5 \\end{align*}"),
        ("does_not_follow", "$x^2 - 5x + 6 = 0$, so $(x - 1)(x - 6) = 0$."),
        ("does_not_follow", "$10t - 2t = 3s$ which simplifies to $12t = 3s$."),
        ("not_a_solution", "$3x = 33$. Dividing both sides by 3, we get $x = 17$."),
        ("wrong_derivative", "Let $f(x) = x^3 - 4x$. Then $f'(x) = 3x^2 - 4x$."),
        ("wrong_derivative", "We have $\\frac{d}{dx}(x^3 + 2x) = 3x^2 + x$."),
        ("wrong_derivative", "Let $f(x) = \\sin x$. Then $f'(x) = -\\cos x$."),
        ("wrong_antiderivative", "$\\int 3x^2 + 1 \\, dx = x^3 + C$"),
        ("wrong_value", "Plugging $x = 2$ into $x^2 + 1$ gives $6$."),
        ("wrong_value", "Substituting $x = 2$ into $x^2 + 1$, we get $4 + 2 = 6$."),
        ("wrong_value", "Let $f(x) = x^2 + 1$. Then $f(3) = 3^2 + 1 = 11$."),
    ],
)
def test_a_false_claim_is_incorrect_by_its_rule(rule: str, step: str) -> None:
    evidence = check(step)
    assert evidence.verdict is Verdict.INCORRECT
    assert evidence.details[0].rule == rule


@pytest.mark.parametrize(
    ("rule", "step"),
    [
        ("identity_holds", "Expanding, $(x+1)^2 = x^2 + 2x + 1$."),
        ("identity_holds", "$\\frac{x^2 - 1}{x - 1} = x + 1$"),
        ("equation_follows", "$2x + 3 = 7$, so $2x = 4$."),
        ("equation_follows", "$2x + 3 = 7$, so $x = 2$."),
        ("equation_follows", "$x^2 - 5x + 6 = 0$, so $(x - 2)(x - 3) = 0$."),
        ("solutions_lost", "$x^2 = 4$, so $x = 2$."),
        ("solutions_gained", "$x = 2$, so $x^2 = 4$."),
        ("value_holds", "Let $f(x) = x^2 + 1$. Then $f(3) = 3^2 + 1 = 10$."),
        ("value_holds", "Plugging $x = 2$ into $x^2 + 1$ gives $4 + 1 = 5$."),
        ("derivative_holds", "Let $f(x) = x^3 - 4x$. Then $f'(x) = 3x^2 - 4$."),
        ("antiderivative_holds", "$\\int 3x^2 + 1 \\, dx = x^3 + x + C$"),
    ],
)
def test_a_true_claim_proves_nothing_and_is_told(rule: str, step: str) -> None:
    evidence = check(step)
    assert (evidence.verdict, evidence.reason) == (Verdict.UNKNOWN, Reason.UNDECIDED)
    assert rule in [detail.rule for detail in evidence.details]


def test_the_detail_gives_span_and_refuting_point() -> None:
    step = "Expanding, $(x+1)^2 = x^2 + 1$."
    (detail,) = check(step).details
    assert step[detail.start : detail.end] == "(x+1)^2 = x^2 + 1"
    assert detail.text == "(x+1)^2 = x^2 + 1 is false: at x = 1 it is 4 = 2"


def test_a_wrong_solution_is_shown_in_the_old_equation() -> None:
    (detail,) = check("3x = 33", "Dividing both sides by 3, we get x = 17.").details
    assert detail.text == ("x = 17 after 3x = 33 is false: at x = 17 the old equation is 51 = 33")


def test_a_missed_solution_in_several_variables_is_shown() -> None:
    (detail,) = check("$10t - 2t = 3s$ which simplifies to $12t = 3s$.").details
    assert detail.text.endswith("s = 40/3, t = 5 solves the first, and in the second it is 60 = 40")


def test_an_equation_of_the_step_before_counts() -> None:
    assert rules("We have $2x + 3 = 7$.", "So $2x = 5$.") == ["does_not_follow"]


def test_equivalence_that_loses_a_solution_is_incorrect() -> None:
    assert rules("\\[x^2 = 4 \\iff x = 2\\]") == ["solutions_lost"]
    assert check("\\[x^2 = 4 \\iff x = 2\\]").verdict is Verdict.INCORRECT
    assert check("\\[x^3 = 8 \\iff x = 2\\]").verdict is Verdict.UNKNOWN


def test_a_definition_of_the_problem_is_used() -> None:
    problem = "If $f(x) = 2x - 5$, find $f(f(4))$."
    assert rules("We have $f(4) = 8 - 5 = 2$.", problem=problem) == ["wrong_value"]


@pytest.mark.parametrize(
    ("kind", "step"),
    [
        ("test of an equation", "Plugging $x = 2$ into $x^2 + 1 = 6$ gives $5$."),
        ("test of an equation", "Plugging $x = 2$ in, $x^2 + 1 = 6$."),
        ("bound by words", "Let $r$ be a root of it. $T = r^3 + r^2 + 1 = r^3 + r + 2$"),
        ("a part of it", "In $(x+1)^2 - x$, the first term becomes $x^2 + x + 1$."),
        ("one side", "$y = (x+1)^2 - x$. The right-hand side becomes $x^2 - x + 1$."),
        ("equation without solution", "The first case is $x - 3 = x + 5$."),
        ("constraint", "We have $x + y = 10$."),
        ("constraint", "$(x+1)^2 = x^2 + 9$ is what Pythagoras gives."),
        ("constraint", "Expanding both sides of the equation, $(x+1)^2 = x^2 + 9$."),
        ("equation chain", "$2x = 3y = -z$"),
        ("equation chain", "$2x + 1 = x + 4 = 7$"),
        ("equation chain", "$x + y = xy = \\frac{x}{y}$"),
        ("given relation", "$x^2 = x + 1$, so $T = x^3 + 0x^2 = x^2 + x$"),
        ("given relation", "Since $a + b = 1$, $S = a^2 + ab = a^2 + a - a^2$"),
        ("hypothesis", "If $2x + 3 = 7$, so $2x = 5$?"),
        ("hypothesis", "Suppose $T = (x+1)^2 = x^2 + 1$."),
        ("refutation", "$T = (x+1)^2 = x^2 + 1$ does not hold."),
        ("refutation", "$T = (x+1)^2 = x^2 + 1$ is wrong."),
        ("another variable", "$2x + 3 = 7$, so $2y = 5$."),
        ("another fact", "$x + y = 10$. Since $x = y$, we get $x + 2y = 15$."),
        ("another fact", "$x + y = 10$ and $x - y = 4$, so $2x = 13$."),
        ("another equation", "$2x + 3 = 7$. The second equation is $2x = 5$."),
        ("cases", "$x = 2$ and $x = 3$"),
        ("cases", "$x = 2$, so $x = 3$"),
        ("cases", "These correspond to $v=\\frac{-\\pi}{2}$ and $v=\\frac{\\pi}{2}$."),
        ("cases", "$x^2 = 4$, so $x = 2$ or $x = -2$."),
        ("cases", "$(x-2)(x-3) = 0$\n$x-2 = 0$\n$x-3 = 0$"),
        ("cases", "$(x-2)(x-3) = 0$, so $x-2 = 0$. Then $x-3 = 0$."),
        ("cases", "$|x-3| = 5$. So $x - 3 = 5$. So $3 - x = 5$."),
        ("cases", "\\begin{align*} x - 3 &= 5 \\\\ x &= 8 \\\\ 3 - x &= 5 \\end{align*}"),
        ("rounding", "$12x = 50$, so $x = 4$."),
        ("decimals", "$3x = 10$, so $x = 3.33$."),
        ("unit", "2x + 3 miles = 7 miles, so 2x = 5"),
        ("percent", "$x = 0.2$, so $x = 20\\%$"),
        ("function application", "$f(x+1) = f(x) + 1 = f(x) + 2$"),
        ("inverse function", "$f^{-1}(6) = -3$. Therefore, $f^{-1}(0) + f^{-1}(6) = 3$."),
        ("piecewise", "$f(x) = x^2$ for $x > 0$. So $f(-1) = 5$."),
        ("two definitions", "$f(x) = x^2$. Now $f(x) = x + 1$. So $f(3) = 4$."),
        ("trial function", "Let's try $f(x) = x^2$. So $f(3) = 8$."),
        ("critical point", "Let $f(x) = x^2 - 4x$. Then $f'(x) = 0$."),
        ("dots", "$S = 1 + x + \\dots + x^n = 1 + x + x^n$"),
        ("inequality", "$(x+1)^2 \\ge x^2 + 1 = x^2 + 2$"),
        ("congruence", "$T = 5x + 3 = 2x + 3 \\pmod{3}$"),
        ("matrices", "For matrices, $T = (A+B)^2 = A^2 + B^2$."),
        ("vectors", "$\\mathbf{a} + 2x = 3x = 4x$"),
        ("plus-minus", "$x = \\pm 2 = 2x + 1$"),
        ("imaginary unit", "$z = (1+i)^2 = 1 + 2i - 1$"),
        ("degrees", "$T = \\sin 2x^\\circ = \\cos x^\\circ$"),
        ("angles of a triangle", "$T = \\sin A + \\cos B = \\cos A + \\sin B$"),
        ("number only", "$3 + 4 = 8$"),
        ("text inside", "$\\text{area} = (x+1)^2 = x^2 + 1 \\text{ or so}$?"),
        ("two readings", "$T = 1/2x + 1 = 2x + 1$"),
        ("mixed number", "$T = 2\\frac12 x = 3x$"),
        ("article", "a = b is a (x+1)^2 = x^2 + 1"),
        ("running total", "x + 5x + 2 = 7x + 2\n7x + 2 = 42"),
        ("new meaning", "Her age now is x=28-2x.\nSeth is twice as old, so he is x=2(28-2x)."),
        ("absolute value", "$T = |x| + 1 = x + 1$"),
        ("restricted root", "$T = \\sqrt{x^2} + 1 = x + 1$"),
        ("parity", "$T = (-1)^n + 2 = 1 + 2x^0$"),
    ],
)
def test_a_false_positive_class_stays_unknown(kind: str, step: str) -> None:
    assert check(step).verdict is Verdict.UNKNOWN, kind


def test_a_relation_of_the_problem_is_respected() -> None:
    step = "$T = x^3 + x^2 + x = x^3 + 2x + 1$"
    assert check(step).verdict is Verdict.INCORRECT
    assert check(step, problem="Let $x^2 = x + 1$.").verdict is Verdict.UNKNOWN


def test_arithmetic_of_the_problem_is_respected() -> None:
    step = "Expanding, $(x+1)^2 = x^2 + 1$."
    assert check(step, problem="Work modulo 2.").verdict is Verdict.UNKNOWN


def test_a_refutation_at_the_head_of_the_next_step_counts() -> None:
    steps = ["Expanding, $(x+1)^2 = x^2 + 1$.", "That is not true."]
    assert Algebra().check("", steps)[0].verdict is Verdict.UNKNOWN


def test_an_equation_alone_is_undecided_and_none_is_not_covered() -> None:
    assert check("$x + y = 10$") == StepEvidence(Verdict.UNKNOWN, Reason.UNDECIDED, ())
    assert check("Let us think.") == StepEvidence(Verdict.UNKNOWN, Reason.NOT_COVERED, ())


def gold_steps() -> Iterator[tuple[str, list[str]]]:
    path = DATA / "gsm8k" / "test.jsonl"
    if not path.exists():
        pytest.skip(f"{path} is not on this machine")
    for line in path.read_text("utf-8").splitlines():
        row = json.loads(line)
        yield row["question"], row["answer"].split("\n")


def test_of_the_gold_solutions_of_gsm8k_only_a_wrong_line_is_flagged() -> None:
    flagged = [
        detail.text
        for problem, solution in gold_steps()
        for evidence in Algebra().check(problem, solution)
        if evidence.verdict is Verdict.INCORRECT
        for detail in evidence.details
    ]
    assert flagged == [  # the gold line before has (x + 1) where x + 10 is meant
        "4x + 20 = 100 after (2x + 10) + (x + 1) + x = 100 is false: "
        "no solution of the old equation solves the new one"
    ]
