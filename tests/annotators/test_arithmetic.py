import json
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from annotators.arithmetic.annotator import Arithmetic
from annotators.base import StepEvidence
from pipeline.verdict import Reason, Verdict

DATA = Path(__file__).parents[3] / "shared" / "data"


def check(step: str, problem: str = "", after: str = "") -> StepEvidence:
    return Arithmetic().check(problem, [step, after] if after else [step])[0]


def sentences(step: str) -> list[str]:
    return [detail.text for detail in check(step).details]


@pytest.mark.parametrize(
    "step",
    [
        "48/2 = 26",
        "Natalia sold 48/2 = 26 clips in May.",
        "Natalia sold 48/2 = <<48/2=26>>26 clips in May.",
        "She paid $12 + $30 = $45.",
        "The total is 1,200 + 300 = 1,600.",
        "So 3 × 4 = 13.",
        "So $3 \\cdot 4 = 13$.",
        "\\frac{12}{4} = 5",
        "12 \\div 4 = 5",
        "2 + 3 = 5 = 4 + 2",
        "So 7(23) + 5 = 164.",
        "We get 2^5 = 30.",
        "There are 60 trees / 3 = 17 trees.",
        "36 claws + 3 claws = 36 claws",
        "That is a total of 5 + 10 = 18 books.",
        "The value is $3^{11}=177146$.",
        "He pays 12 x 3 = 35 dollars.",
        "The sum is -3 - 4 = -9.",
        "0.5 * 3 = 2.5",
        "1/4 * 100 = 75%",
        "2 wearers / 8 wearers * 100% = 50%",
    ],
)
def test_a_false_equation_is_incorrect(step: str) -> None:
    assert check(step).verdict is Verdict.INCORRECT


@pytest.mark.parametrize(
    "step",
    [
        "So 3 * 4 < 10.",
        "We have 15 > 3 * 7, so it fits.",
        "$2^5 \\geq 40$",
        "$\\frac{1}{2} \\le \\frac{1}{3}$",
        "Here 2 + 2 >= 5",
        "so 99 ≤ 9 * 9",
    ],
)
def test_a_false_inequality_is_incorrect(step: str) -> None:
    evidence = check(step)
    assert evidence.verdict is Verdict.INCORRECT
    assert evidence.details[0].rule == "false_inequality"


@pytest.mark.parametrize(
    "step",
    [
        "So 3 * 4 > 10.",
        "12 >= 3 * 4",
        "12 < 3 * 4",  # equal: rounded, perhaps
        "5 < 3",  # nothing is computed
        "1 < 3 * 4 < 10",
        "6 = 2 * 3 > 10",
        "x + 5 < 2 * 2",
        "2 * 2 > 5x",
        "If 3 * 4 < 10, then ...",
        "Is 3 * 4 < 10?",
        "3 * 4 < 10 is false.",
        "3 hours + 4 hours < 60 minutes",
        "1/2 * 100 > 60%",
        "5 -> 3 * 4",
        "5 <- 3 * 4",
        "<b>3 * 4</b>",
        "3 * 4 << 10",
        "So 5 * 2 < - -3",  # readable without the first dash only
        "5 * 2 < 1 / 0",
    ],
)
def test_an_inequality_that_may_hold_or_is_none_stays_unknown(step: str) -> None:
    assert check(step).verdict is Verdict.UNKNOWN


def test_the_sentence_of_a_false_inequality_shows_what_was_computed() -> None:
    assert sentences("So 3 * 4 < 10.") == ["3 * 4 < 10 is false: 3 * 4 = 12"]


def test_the_detail_gives_span_and_a_sentence_to_check() -> None:
    (detail,) = check("So she has 48/2 = 26 clips.").details
    assert (detail.rule, detail.start, detail.end) == ("false_equation", 11, 20)
    assert detail.text == "48/2 = 26 is false: 48/2 = 24"


def test_the_span_counts_from_the_start_of_the_step() -> None:
    step = "First line.\n3 + 4 = 8"
    (detail,) = check(step).details
    assert step[detail.start : detail.end] == "3 + 4 = 8"


def test_a_note_and_its_equation_that_are_both_false_are_two_claims() -> None:
    assert sentences("25*3=<<25*3=76>>77") == [
        "25*3=76 is false: 25*3 = 75",
        "25*3=<<25*3=76>>77 is false: 25*3 = 75",
    ]


def test_a_note_that_holds_excuses_no_other_number() -> None:
    assert sentences("She has 20*3 = <<20*3=60>>650 pens.") == [
        "20*3 = <<20*3=60>>650 is false: 20*3 = 60"
    ]


def test_a_note_excuses_no_other_equation() -> None:
    (detail,) = check("3*4=<<3*4=12>>12. Then 5*5=26").details
    assert detail.text == "5*5=26 is false: 5*5 = 25"


def test_both_sides_are_shown_where_both_compute() -> None:
    assert sentences("2 * 3 = 2 + 5") == ["2 * 3 = 2 + 5 is false: 2 * 3 = 6, 2 + 5 = 7"]


def test_a_true_equation_proves_nothing() -> None:
    assert check("48/2 = 24") == StepEvidence(Verdict.UNKNOWN, Reason.UNDECIDED, ())


def test_no_equation_is_not_covered() -> None:
    assert check("Let us think.") == StepEvidence(Verdict.UNKNOWN, Reason.NOT_COVERED, ())


@pytest.mark.parametrize(
    ("kind", "step"),
    [
        ("mixed number", "2\\frac12 + 1 = 4"),
        ("mixed number", "2 1/2 + 1 = 4"),
        ("mixed number", "2½ + 1 = 4"),
        ("mixed number on the right", "7 / 2 = 3 1/2"),
        ("division with remainder", "17 ÷ 5 = 3 remainder 2"),
        ("division with remainder", "17 / 5 = 3 R 2"),
        ("division with remainder", "17 / 5 = 3 with 2 left over"),
        ("division with remainder", "17 / 5 = 2 left"),
        ("hypothesis", "Suppose 3 + 4 = 8."),
        ("hypothesis", "If 3 + 4 = 8, then we are done."),
        ("substitution test", "Let's check x = 3: 2(3) + 1 = 8."),
        ("question", "Is 3 + 4 = 8?"),
        ("refutation", "3 + 4 = 8 does not work."),
        ("refutation", "3 + 4 = 8 (False)"),
        ("refutation", "2(3) + 1 = 8, which is not true."),
        ("refutation", "3 + 4 = 8 is a contradiction."),
        ("chained inequality", "2 + 3 < 3 + 3 = 7 < 9"),
        ("chained inequality", "3 + 3 = 7 < 9"),
        ("clock", "10 + 5 = 3 o'clock"),
        ("clock", "9 + 5 = 2 pm"),
        ("clock", "9:00 + 5 = 2:00"),
        ("clock", "10:30 + 1 = 11:30"),
        ("modular", "10 + 5 = 3 (mod 12)"),
        ("modular", "$10 + 5 = 3 \\pmod{12}$"),
        ("base n", "In base 8, 7 + 1 = 10."),
        ("base n", "$7_8 + 1_8 = 10_8$"),
        ("cut before a variable", "3 * 4 = 12x"),
        ("cut before a variable", "3 * 4 = 2 x"),
        ("cut before a variable", "3 * 4 = 2\\pi"),
        ("cut before a variable", "3 * 4 = 2\\sqrt{36}"),
        ("cut after a variable", "x + 4 = 9"),
        ("cut after a variable", "2x + 3 + 4 = 9"),
        ("cut after a variable", "f(2) + 3 = 9"),
        ("function", "f(2 + 3) = 9"),
        ("factorial", "3! + 1 = 5"),
        ("bullet", "- 3 + 4 = 7"),
        ("bullet", "* 3 + 4 = 7"),
        ("list number", "1. 3 + 4 = 7"),
        ("list number", "2) 3 + 4 = 7"),
        ("dash after a word", "Total - 3 + 4 = 7"),
        ("leading-zero decimal", ".5 * 4 = 2"),
        ("leading-zero decimal", "0.05 * 20 = 1"),
        ("leading-zero number", "08 + 1 = 7"),
        ("bare fraction", "1/3 = 4 slices"),
        ("bare fraction", "He ate 3/4 = 9 of them"),
        ("rounded", "10 / 3 = 3.33"),
        ("rounded", "20 / 3 = 6.67"),
        ("truncated", "20 / 3 = 6.66"),
        ("rounded up", "20 / 3 = 7 boxes"),
        ("rounded operand", "33.33 * 3 = 100"),
        ("rounded operand", "0.3333 * 9000 = 3000"),
        ("floating point", "11/18*162 = 99.00000000000001"),
        ("said to be rounded", "31 * 7 = 220, rounded to the nearest ten"),
        ("percent", "0.2 = 20%"),
        ("percent", "1/5 * 100 = 20%"),
        ("percent", "20/100 = 20%"),
        ("percent", "1/3 = 33%"),
        ("percent", "1/3 * 100 = 33%"),
        ("percent", "1/3 * 100% = 33.3%"),
        ("percent", "100% - 20% = 80%"),
        ("percent", "50 + 10% = 55"),
        ("percent of", "20% of 50 + 10 = 20"),
        ("percent", "150 * 20% = 30"),
        ("unit conversion", "60 * 2 = 2 hours"),
        ("unit conversion", "5 * 20 cents = $1"),
        ("unit conversion", "60 + 30 = 1 hour 30 minutes"),
        ("unit conversion", "1 hour + 30 minutes = 90 minutes"),
        ("unit conversion", "3 feet * 4 = 144 inches"),
        ("dollar sign", "$12 + $30 = $42"),
        ("LaTeX dollar", "$12 + 30 = 42$"),
        ("thousands", "1,200 + 300 = 1,500"),
        ("thousands", "1{,}200 + 300 = 1,\\!500"),
        ("spaced thousands", "14, 400 / 80 = 180"),
        ("run-on total", "5 + 3 = 8 + 2 = 10"),
        ("range", "Pages 5-10 = 6 pages"),
        ("words that compute", "half of 8 + 2 = 5"),
        ("words that compute", "5 choose 2 = 5 * 4 / 2"),
        ("scale word", "3 * 4 = 12 million"),
        ("scale word", "12,000,000 / 4 = 3 million"),
        ("slash of fractions", "28 / 1/5 = 140"),
        ("slash of products", "12/2*3 = 2"),
        ("note that holds", "She has 50-8 = <<52-8=44>>44 bracelets."),
        ("note that holds", "He has 90 spiders / (1/3) = <<90/3=30>>30 spiders."),
        ("note of another rounding", "There are 22 + 21 = <<22+21=43.545>>43 fish."),
        ("note that drops digits", "He pays $3.30 x 3 = $<<3*3=9.90>>9.90."),
        ("ellipsis", "1 + 2 + ... + 10 = 55"),
        ("ellipsis", "1/3 = 0.333..."),
        ("assignment", "x = 3, y = 4"),
        ("label", "Day 1 = 5 * 3"),
        ("operation of the text's own", "2 \\star 3 = 13"),
        ("tuple", "(1, 2) + (3, 4) = (4, 6)"),
        ("degree", "90^\\circ + 300^\\circ = 30^\\circ"),
    ],
)
def test_a_false_positive_class_stays_unknown(kind: str, step: str) -> None:
    assert check(step).verdict is Verdict.UNKNOWN, kind


def test_arithmetic_of_the_problem_is_respected() -> None:
    assert check("4 + 5 = 12", problem="Add in base 7.").verdict is Verdict.UNKNOWN


def test_the_clock_of_the_problem_is_respected() -> None:
    problem = "The train leaves at 10 am and takes 5 hours."
    assert check("10 + 5 = 3", problem=problem).verdict is Verdict.UNKNOWN
    assert check("10 + 5 = 4", problem=problem).verdict is Verdict.INCORRECT


def test_a_refutation_at_the_head_of_the_next_step_counts() -> None:
    assert check("3 + 4 = 8.", after="That is not true.").verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    "step",
    [
        "9**9**9 = 1",
        "9^9^9^9 = 1",
        "2^99999999 = 1",
        "7" * 200_000 + " + 1 = 2",
        "(" * 3000 + "1" + ")" * 3000 + " + 1 = 3",
        "\\frac{" * 300 + "1" + "}{2}" * 300 + " + 1 = 3",
        "1/0 = 5 + 5",
        "0^0 + 1 = 5",
        "__import__('os').system('x') + 1 = 2",
        "= = = =",
        "1 + 2 =",
        "\x00 1 + 1 = 3 \ud800",
        "1 + 1 = 2 " * 5000,
        "1*" * 900 + "1 = 2",
    ],
)
def test_hostile_text_is_answered_and_nothing_runs(step: str) -> None:
    assert check(step[:10_000]).verdict in (Verdict.UNKNOWN, Verdict.INCORRECT)
    assert check(step).verdict in (Verdict.UNKNOWN, Verdict.INCORRECT)


numbers = st.integers(0, 99_999)
equations = st.tuples(numbers, st.sampled_from("+-*"), st.integers(1, 9_999))


def value_of(equation: tuple[int, str, int]) -> int:
    a, operator, b = equation
    return {"+": a + b, "-": a - b, "*": a * b}[operator]


@given(
    equations,
    st.sampled_from(["{a}{o}{b}={v}", "{a} {o} {b} = {v}", "So {a} {o} {b}  =  {v}."]),
    st.sampled_from(["{}", "${}$", "\\({}\\)", "She has {} apples.", "**{}**", "- {}"]),
    st.sampled_from(["{}", "{:,}", "${}"]),
    st.sampled_from(["*", "×", "x", "\\times", "\\cdot", "·"]),
)
def test_a_true_equation_is_never_flagged(
    equation: tuple[int, str, int], form: str, dress: str, digits: str, times: str
) -> None:
    a, operator, b = equation
    v = value_of(equation)
    if operator == "*":
        operator = f" {times} "
    step = dress.format(
        form.format(a=digits.format(a), b=digits.format(b), o=operator, v=digits.format(v))
    )
    assert check(step).verdict is Verdict.UNKNOWN


@given(equations, st.integers(1, 50), st.booleans())
def test_a_perturbed_equation_is_flagged(equation: tuple[int, str, int], by: int, up: bool) -> None:
    a, operator, b = equation
    if operator == "-" and a < b:
        a, b = b, a
    true = value_of((a, operator, b))
    v = true + (by if up else -by)
    assume(v != -true)  # the dash may be a bullet: the next test
    assert check(f"{a} {operator} {b} = {v}").verdict is Verdict.INCORRECT


def test_a_value_of_the_other_sign_alone_is_not_flagged() -> None:
    assert check("2 + 3 = -5").verdict is Verdict.UNKNOWN


@given(st.integers(-500, 500), st.integers(1, 60), st.integers(0, 4))
def test_a_rounded_quotient_is_never_flagged(a: int, b: int, places: int) -> None:
    shown = f"{float(Fraction(a, b)):.{places}f}"
    assert check(f"{a} / {b} = {shown}").verdict is Verdict.UNKNOWN


@given(st.text(alphabet="0123456789+-*/^=().,$%x {}\\frac<>\n", max_size=60))
@settings(max_examples=300)
def test_any_text_gets_one_evidence_and_spans_inside_it(step: str) -> None:
    (evidence,) = Arithmetic().check("", [step])
    assert evidence.verdict is not Verdict.CORRECT
    assert all(0 <= d.start < d.end <= len(step) for d in evidence.details)


def gold_steps() -> Iterator[tuple[str, list[str]]]:
    path = DATA / "gsm8k" / "test.jsonl"
    if not path.exists():
        pytest.skip(f"{path} is not on this machine")
    for line in path.read_text("utf-8").splitlines():
        row = json.loads(line)
        yield row["question"], row["answer"].split("\n")


def test_gold_solutions_of_gsm8k_are_hardly_ever_flagged() -> None:
    steps = flagged = 0
    for problem, solution in gold_steps():
        for evidence in Arithmetic().check(problem, solution):
            steps += 1
            flagged += evidence.verdict is Verdict.INCORRECT
    assert steps > 4000
    assert flagged / steps <= 0.001
