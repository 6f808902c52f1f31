import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotators.base import StepEvidence
from annotators.consistency.annotator import Consistency
from pipeline.verdict import Reason, Verdict

DATA = Path(__file__).parents[3] / "shared" / "data"
CLIPS = "Ann sold 48 clips in April. In May she sold half as many. How many clips were sold in all?"
CARDS = "Ann has 5 cards. Compared with Ann, Bob has 7 more cards. How many coins does Bob have?"


def check(problem: str, *steps: str) -> list[StepEvidence]:
    return Consistency().check(problem, steps)


def rules(problem: str, *steps: str) -> list[str]:
    """The rules that call the last step wrong."""
    last = check(problem, *steps)[-1]
    return [d.rule for d in last.details] if last.verdict is Verdict.INCORRECT else []


@pytest.mark.parametrize(
    "answer", ["#### 91", "A: 91", "The answer is 91.", "\\boxed{91}", "# Answer\n\n91"]
)
def test_another_answer_than_the_last_derivation_gives(answer: str) -> None:
    assert rules(CLIPS, "She sold 48 + 24 = <<48+24=72>>72 clips in all.", answer) == [
        "answer_differs"
    ]


def test_the_detail_gives_span_and_a_sentence_to_check() -> None:
    (detail,) = check(CLIPS, "She sold 48+24 = 72 clips in all.", "The answer is 91.")[1].details
    assert (detail.rule, detail.start, detail.end) == ("answer_differs", 14, 16)
    assert detail.text == "the answer is 91, but the last derivation gives 48+24 = 72"


def test_an_answer_cut_at_the_comma_of_the_derived_number() -> None:
    problem = "A job is 30 days at $75 a day. What is it paid?"
    assert rules(problem, "It is paid 30*75 = $2,250.", "A: 2") == ["answer_differs"]


def test_a_derivation_in_the_answers_own_step_counts() -> None:
    step = "So all the clips sold are 48 + 24 = 72 clips. The answer is 91."
    assert rules(CLIPS, step) == ["answer_differs"]


@pytest.mark.parametrize(
    ("why", "line", "answer"),
    [
        ("the same", "She sold 48+24 = 72 clips.", "72"),
        ("typography", "She sold 480+240 = 1,720 - 1000 = 720 clips.", "720.00"),
        ("rounded", "She sold 48/5 = 9.6 clips in all.", "10"),
        ("rounded down", "She sold 48/5 = 9.6 clips in all.", "9"),
        ("another sign", "She sold 24-48 = -24 clips in all.", "24"),
        ("another unit", "She sold for 48*25 = 1200 cents in all.", "12"),
        ("per cent", "She sold 24/48 = 0.5 of the clips in all.", "50"),
        ("an earlier number of the line", "She sold 48+24 = 72 clips in 3 months.", "3"),
        ("one more operation in the head", "In May she sold 48/2 = 24 clips.", "72"),
        ("the derivation is false", "She sold 48+24 = 62 clips in all.", "91"),
        ("silent repair", "She sold 48*24 = 1152 clips in all.", "72"),
        ("hours and minutes", "She sold for 100/60 = 1 hour 40 minutes in all.", "91"),
        ("nothing derived", "She sold many clips in all.", "91"),
        ("a remainder", "She sold 48/5 = 9 remainder 3 clips in all.", "91"),
    ],
)
def test_an_answer_that_may_come_of_the_derivation_stays(why: str, line: str, answer: str) -> None:
    assert rules(CLIPS, line, f"#### {answer}") == [], why


def test_a_false_derivation_is_not_held_against_a_right_answer() -> None:
    evidence = check(CLIPS, "She sold 48+24 = 62 clips in all.", "#### 72")
    assert [one.verdict for one in evidence] == [Verdict.UNKNOWN, Verdict.UNKNOWN]


def test_two_final_answers() -> None:
    steps = ("The answer is 72.", "There were clips.", "The answer is 80.")
    assert rules(CLIPS, *steps) == ["two_boxed"]


@pytest.mark.parametrize(
    ("why", "problem", "steps"),
    [
        ("taken back", CLIPS, ("The answer is 72.", "Wait, that is wrong.", "The answer is 80.")),
        ("alike", CLIPS, ("The answer is 72.", "The answer is 72.0.")),
        ("two parts", "Find both numbers.", ("The answer is 72.", "The answer is 80.")),
        ("two questions", "How many? How much?", ("The answer is 72.", "The answer is 80.")),
        ("boxes on the way", CLIPS, ("In May: \\boxed{24}", "The answer is \\boxed{72}.")),
        ("boxed sentence", CLIPS, ("May sales were \\boxed{24}.", "All sales \\boxed{72}.")),
    ],
)
def test_two_answers_that_may_both_stand(why: str, problem: str, steps: tuple[str, ...]) -> None:
    assert "two_boxed" not in rules(problem, *steps), why


def test_a_given_with_another_number() -> None:
    (one,) = check(CARDS, "Ann has 9 cards.")
    assert one.verdict is Verdict.INCORRECT
    assert (one.details[0].rule, one.details[0].start, one.details[0].end) == (
        "given_changed",
        0,
        15,
    )
    assert one.details[0].text == 'the problem gives 5 in "ann has # cards", not 9'


@pytest.mark.parametrize(
    "step",
    [
        "Ann has 9 cards.",
        "We know that Ann has nine cards.",
        "Ann owns 9 cards.",
        "Ann has 9 cards, so Bob has 9 + 7 = 16 cards.",
        "Compared with Ann, Bob has 8 more cards.",
        "Bob has 8 more cards than Ann.",
        "Measured against Ann, Bob has 8 more cards.",
    ],
)
def test_wordings_of_a_changed_given(step: str) -> None:
    assert rules(CARDS, step) == ["given_changed"]


@pytest.mark.parametrize(
    ("why", "problem", "step"),
    [
        ("the given", CARDS, "Ann has 5 cards."),
        ("in words", CARDS, "Ann has five cards."),
        ("computed", CARDS, "Ann has 5 + 4 = 9 cards."),
        ("concluded", CARDS, "So Ann has 9 cards."),
        ("supposed", CARDS, "If Ann has 9 cards, then Bob has more."),
        ("a pronoun", "She has 5 cards. How many coins?", "She has 9 cards."),
        ("another thing", CARDS, "Ann has 9 red cards."),
        ("another owner", CARDS, "Bob has 9 cards."),
        ("an event", "Ann has 5 cards. She buys 4 cards. How many coins?", "Ann has 9 cards."),
        ("what is asked", "Ann has 5 cards. How many cards has Ann now?", "Ann has 9 cards."),
        ("two givens", "Ann has 5 cards. Ann has 6 cards. How many coins?", "Ann has 9 cards."),
        ("a question", CARDS, "How come Ann has 9 cards?"),
    ],
)
def test_a_statement_that_is_no_changed_given(why: str, problem: str, step: str) -> None:
    assert rules(problem, step) == [], why


def test_a_value_with_another_number_later() -> None:
    steps = ("So Bob has 5 + 7 = 12 cards.", "Bob has 43 cards. Cal has fewer.")
    evidence = check(CARDS, *steps)
    assert [one.verdict for one in evidence] == [Verdict.UNKNOWN, Verdict.INCORRECT]
    assert evidence[1].details[0].text == 'step 1 gives 12 in "bob has # cards", not 43'


@pytest.mark.parametrize(
    ("why", "first", "second"),
    [
        (
            "a true value after a wrong operation",
            "So Bob has 5 * 7 = 35 cards.",
            "Bob has 12 cards.",
        ),
        ("the first equation is false", "So Bob has 5 + 7 = 13 cards.", "Bob has 43 cards."),
        ("computed anew", "So Bob has 5 + 7 = 12 cards.", "Bob has 12 + 31 = 43 cards."),
        ("later in time", "So Bob has 5 + 7 = 12 cards.", "Now Bob has 43 cards."),
        ("another owner", "So Bob has 5 + 7 = 12 cards.", "Cal has 43 cards."),
    ],
)
def test_two_statements_that_may_both_stand(why: str, first: str, second: str) -> None:
    assert rules(CARDS, first, second) == [], why


def test_the_value_in_another_unit_than_asked() -> None:
    problem = "A bag of rice lasts 42 kg. How many weeks will it last?"
    assert rules(problem, "It lasts 42 / 1 = 42 days.", "A: 42") == ["wrong_unit"]


def test_an_answer_in_a_unit_of_another_kind() -> None:
    assert rules("How many hours does it take?", "The answer is 5 dollars.") == ["wrong_unit"]


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("It lasts 42 / 7 = 6 weeks.", "6"),
        ("It lasts 42 / 1 = 42 days.", "6"),
        ("It lasts 42 / 1 = 42 days.", "42 days"),
        ("It eats 42 / 1 = 42 bags.", "42"),
        ("It lasts 42 / 7 = 6.", "6"),
    ],
)
def test_a_unit_that_may_be_right(line: str, answer: str) -> None:
    assert rules("How many weeks will the rice last?", line, f"The answer is {answer}.") == []


def test_a_miracle_is_undecided_and_says_why() -> None:
    (one,) = check("Ann has cards. How many does Bob have?", "The answer is 91.")
    assert (one.verdict, one.reason) == (Verdict.UNKNOWN, Reason.UNDECIDED)
    assert one.details[0].rule == "miracle"
    assert one.details[0].text == (
        "no line before gives 91, and neither does the problem; it may have been worked out in "
        "the head"
    )


def test_a_number_of_the_problem_is_no_miracle() -> None:
    assert check("Ann has 91 cards. How many?", "The answer is 91.")[0].details == ()


def test_a_line_without_answer_or_restatement_is_not_covered() -> None:
    assert check(CLIPS, "Let us think.") == [StepEvidence(Verdict.UNKNOWN, Reason.NOT_COVERED)]


@pytest.mark.parametrize(
    "step",
    [
        "The answer is " + "9" * 100_000,
        "\\boxed{" * 3000 + "1" + "}" * 3000,
        "A: 9**9**9",
        "#### 1e99",
        "Ann has " + "1" * 5000 + " cards.",
        "Ann has 3 cards and, " * 4000,
        "Compared with " * 3000 + "Ann, Bob has 3 cards.",
        "= " * 9000 + "\nThe answer is 5",
        "1/0 = 5 The answer is 1/0",
        "\x00\ud800 The answer is 3",
        "# Answer\n" * 2000,
        "so " * 6000 + "Ann has 9 cards",
    ],
)
def test_hostile_text_is_answered(step: str) -> None:
    assert len(check(CARDS, step, step, "The answer is 5.")) == 3
    assert len(check(step, step)) == 1


@given(
    st.lists(st.text(alphabet="0123456789+-*/=.,$%\\ {}()<>\nAnshacd#:", max_size=60), max_size=5)
)
@settings(max_examples=300)
def test_any_text_gets_one_evidence_a_step_and_spans_inside_it(steps: list[str]) -> None:
    evidence = check("Ann has 5 cards. How many weeks?", *steps, "The answer is 7.")
    assert len(evidence) == len(steps) + 1
    for one, step in zip(evidence, [*steps, "The answer is 7."], strict=True):
        assert one.verdict is not Verdict.CORRECT
        assert all(0 <= d.start < d.end <= len(step) for d in one.details)


def gold(part: str) -> list[tuple[str, list[str]]]:
    path = DATA / "gsm8k" / f"{part}.jsonl"
    if not path.exists():
        pytest.skip(f"{path} is not on this machine")
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    return [(row["question"], row["answer"].split("\n")) for row in rows]


def flagged(problem: str, steps: list[str]) -> list[int]:
    evidence = check(problem, *steps)
    return [i for i, one in enumerate(evidence) if one.verdict is Verdict.INCORRECT]


def test_gold_solutions_of_gsm8k_are_never_flagged() -> None:
    assert [steps for problem, steps in gold("test") if flagged(problem, steps)] == []


@pytest.mark.parametrize(
    ("dress", "find", "by"),
    [
        ("spaces", " ", "  "),
        ("non-breaking spaces", " ", "\u00a0"),
        ("spaces around equals signs", "=", " = "),
        ("LaTeX times", "*", "\\times "),
        ("LaTeX dollars", "$", "\\$"),
        ("no calculator notes", "<<", "("),
        ("said answer", "#### ", "The answer is "),
        ("boxed answer", "#### ", "So the answer is: "),
        ("heading", "#### ", "# Answer\n\n"),
    ],
)
def test_dress_never_makes_a_flag_on_gold(dress: str, find: str, by: str) -> None:
    solutions = [
        (problem, [step.replace(find, by) for step in steps]) for problem, steps in gold("test")
    ]
    assert [steps for problem, steps in solutions if flagged(problem, steps)] == [], dress


@pytest.mark.parametrize("answer", ["#### {}", "The answer is {}.", "$\\boxed{{{}}}$"])
def test_a_changed_last_answer_is_flagged_where_the_derivation_is_plain(answer: str) -> None:
    plain = found = 0
    for problem, (*lines, last) in gold("test"):
        value = last.removeprefix("#### ")
        if not value.isdigit() or not lines[-1].rstrip(".").endswith(f">>{value}"):
            continue
        plain += 1
        # far from anything that one more operation could give
        changed = [*lines, answer.format(int(value) * 7919 + 104_729)]
        assert flagged(problem, changed) in ([], [len(lines)])
        found += bool(flagged(problem, changed))
    assert plain > 100
    assert found >= 0.9 * plain  # the rest: "not", "at least", "x = <<9=9>>9"
