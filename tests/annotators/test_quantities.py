"""What the quantities annotator says of steps."""

import json
from pathlib import Path

import pytest

from annotators.base import StepEvidence
from annotators.checkers import build_checker
from annotators.quantities.annotator import Quantities
from pipeline.verdict import Reason, Verdict

DATA = Path(__file__).parents[3] / "shared" / "data"
PENS = "Ann has 5 pens. Tom has 3 times as many pens as Ann. How many pens do they have together?"
CHAIN = (
    "Bob has 6 cards. Compared with Bob, Ann has 4 more cards. Ann and Bob combined have the same "
    "number of cards as Tom. Tom would need 3 more cards to match Eva. How many cards are there?"
)


def check(problem: str, *steps: str) -> list[StepEvidence]:
    return Quantities().check(problem, steps)


def verdicts(problem: str, *steps: str) -> list[str]:
    return [one.verdict.value for one in check(problem, *steps)]


def last(problem: str, *steps: str) -> tuple[Verdict, set[str]]:
    """The verdict on the last step, and the rules that found something."""
    one = check(problem, *steps)[-1]
    return one.verdict, {detail.rule for detail in one.details}


def test_a_recipe_can_name_it() -> None:
    assert build_checker("quantities", {}) == Quantities()


def test_the_detail_gives_span_and_a_sentence_to_check() -> None:
    (one,) = check(PENS, "We know that Tom has 12 pens.")
    (detail,) = one.details
    assert (detail.rule, detail.start, detail.end) == ("recalled", 13, 28)
    assert detail.text == (
        'Tom has 12 pens contradicts the problem: "Tom has 3 times as many pens as Ann", '
        "and Ann (pen): 5, so 15"
    )


@pytest.mark.parametrize(
    ("rule", "step"),
    [
        ("recalled", "Ann has 6 pens."),
        ("recalled", "Ann owns six pens."),
        ("derived", "Tom has 3 + 5 = 8 pens."),
        ("derived", "Tom has 3*6=<<3*6=18>>18 pens."),
        ("derived", "So Tom has 8 pens."),
        ("relation", "Tom has 3 more pens than Ann."),
        ("relation", "Compared with Tom, Ann has 3 times as many pens."),
        ("derived", "If Ann has 5 pens, then Tom has 3 + 5 = 8 pens."),
        ("derived", "Tom has 3 pens + 5 pens = 8 pens."),
        ("total", "Together they have 3 + 5 = 8 pens."),
        ("total", "Ann and Tom have 8 pens in total."),
        ("answer", "The answer is 8."),
        ("answer", "#### 8"),
        ("answer", "A: 8"),
        ("not_given", "Bob has twice as many pens as Ann."),
        ("not_given", "Compared with Ann, Tom has 4 more hats."),
        ("not_given", "Compared with Eva, Bob has 3 times as many hats."),
        ("itself", "Compared with Tom, Tom has 4 more pens."),
    ],
)
def test_what_contradicts_the_problem(rule: str, step: str) -> None:
    assert last(PENS, step) == (Verdict.INCORRECT, {rule})


@pytest.mark.parametrize(
    "step",
    [
        "Ann has 5 pens.",
        "Tom has 3 * 5 = 15 pens.",
        "Tom has 5 x 3 = 15 pens.",
        "Since Ann has 5 pens, Tom has 3 x 5 = <<3*5=15>>15 pens.",
        "Ann has 5 pens and, compared with Ann, Tom has 3 times as many pens, so Tom has 15 pens.",
        "Tom has 3 times as many pens as Ann, who has 5 pens.",
        "If Ann has 5 pens, then Tom has 3 * 5 = 15 pens.",
        "Tom has 3 times as many pens as Ann, meaning Tom has 3 * 5 = 15 pens.",
        "**Step 1:** Tom has 3 × 5 = **15** pens.",
        "1. Ann has 5 pens.\n2. Therefore, Tom has 15 pens.",
    ],
)
def test_what_is_stated_or_follows_from_it(step: str) -> None:
    assert verdicts(PENS, step) == ["correct"]


def test_a_whole_solution() -> None:
    steps = ("Tom has 3*5 = 15 pens.", "They have 5+15 = 20 pens in total.", "#### 20")
    assert verdicts(PENS, *steps) == ["correct"] * 3


def test_every_sentence_must_be_read_for_correct() -> None:
    assert verdicts(PENS, "Tom has 3 * 5 = 15 pens. Nice pens they are.") == ["unknown"]


def test_a_false_equation_is_arithmetics() -> None:
    assert last(PENS, "Tom has 3 * 5 = 16 pens.") == (Verdict.UNKNOWN, {"undecided"})


def test_a_slip_of_an_operand_before_the_true_value_is_arithmetics() -> None:
    assert last(PENS, "Tom has 3 * 6 = 15 pens.") == (Verdict.UNKNOWN, {"undecided"})


def test_a_faithful_step_after_an_error_is_correct() -> None:
    assert verdicts(CHAIN, "Ann has 6 - 4 = 2 cards.", "Tom has 2 + 6 = 8 cards.") == [
        "incorrect",
        "correct",
    ]


def test_a_silent_repair_is_correct() -> None:
    assert verdicts(CHAIN, "Ann has 6 - 4 = 2 cards.", "Tom has 10 + 6 = 16 cards.") == [
        "incorrect",
        "correct",
    ]


def test_an_error_may_be_carried_over_a_line_that_is_left_out() -> None:
    steps = ("Ann has 6 - 4 = 2 cards.", "Eva has 8 + 3 = 11 cards.")
    assert verdicts(CHAIN, *steps) == ["incorrect", "unknown"]


def test_a_second_error_is_found_behind_the_first() -> None:
    steps = ("Ann has 6 - 4 = 2 cards.", "Tom has 2 * 6 = 12 cards.")
    assert verdicts(CHAIN, *steps) == ["incorrect", "incorrect"]


def test_the_false_result_of_an_equation_may_be_used() -> None:
    assert verdicts(PENS, "Tom has 3 * 5 = 16 pens.", "They have 5 + 16 = 21 pens in total.") == [
        "unknown",
        "correct",
    ]


def test_an_answer_that_is_faithful_to_an_earlier_error() -> None:
    steps = ("Tom has 3 + 5 = 8 pens.", "They have 5 + 8 = 13 pens in total.", "#### 13")
    assert verdicts(PENS, *steps) == ["incorrect", "correct", "correct"]


@pytest.mark.parametrize(
    ("rule", "problem", "step"),
    [
        ("not_established", PENS, "Tom has 15 pens. So they have 5 + 15 = 20 pens in total."),
        ("not_established", PENS, "#### 20"),
        ("not_stated", PENS, "Tom has 10 more pens than Ann."),
        ("unbound", PENS, "Tom has 2 * 4 = 8 legs."),
        ("undecided", PENS, "Tom has 20 - 5 = 15 pens."),
        ("rounded", "Ann has 5 kg. Tom has half as many kg as Ann.", "Tom has 5 / 2 = 3 kg."),
    ],
)
def test_what_is_left_open(rule: str, problem: str, step: str) -> None:
    verdict, rules = last(problem, step)
    assert (verdict, rule in rules) == (Verdict.UNKNOWN, True)


@pytest.mark.parametrize(
    ("why", "steps"),
    [
        ("supposed", ("Suppose Tom has 12 pens.", "Tom has 12 pens.")),
        ("supposed of another", ("Suppose Ann had two more.", "Tom has 3 * 7 = 21 pens.")),
        ("conditional on another", ("If Ann has 6 pens, then Tom has 3 * 6 = 18 pens.",)),
        ("other units", ("Tom has 3 boxes + 5 pens = 8 pens.",)),
        ("conditional", ("If Tom has 12 pens, that is many.", "Tom has 12 pens.")),
        ("taken back here", ("Tom has 12 pens. Wait, that is wrong.",)),
        ("denied", ("It is not the case that Tom has 12 pens.",)),
        ("another moment", ("Tom has 12 pens left.",)),
        ("a part", ("Tom has 12 red pens.",)),
        ("another owner", ("Tom's brother has 12 pens.",)),
        ("built on a line that was not read", ("That makes 4 for me.", "Tom has 3 * 4 = 12 pens.")),
        (
            "a difference from a line that was not read",
            ("It is 9 up.", "Tom has 9 more pens than Ann."),
        ),
        ("in a question", ("Does Tom have 12 pens? Tom has 12 pens?",)),
        ("a hidden character", ("Tom has 12\u200b pens.",)),
    ],
)
def test_what_may_be_meant_otherwise_is_no_error(why: str, steps: tuple[str, ...]) -> None:
    assert "incorrect" not in verdicts(PENS, *steps), why


def test_a_friendly_opening_supposes_nothing() -> None:
    assert verdicts(PENS, "Let's count them. Tom has 3 + 5 = 8 pens.") == ["incorrect"]


def test_a_step_that_the_next_one_takes_back() -> None:
    assert verdicts(PENS, "Tom has 12 pens.", "Wait, that is wrong.")[0] == "unknown"


@pytest.mark.parametrize(
    ("why", "problem"),
    [
        ("an event", "Ann has 5 pens. She gives 2 pens to Tom. How many pens does Ann have?"),
        ("an event without a number", "Ann has 5 pens. She sells the pens. How many are there?"),
        ("a number of what is counted", "Ann has 5 pens. The pens are in 7 boxes. How many pens?"),
        ("a time", "Ann has 5 pens. Tom has 3 pens. How many pens has Ann after a week?"),
        ("a pronoun", "Ann has 5 pens. She has 2 more pens than Tom. How many has Tom?"),
        ("two meanings", "Ann has 5 pens. Tom has 3 times more pens than Ann. How many are there?"),
        ("a number nobody reads", "Ann has 5 pens. 40% of the pens are red. How many are blue?"),
        ("nothing said", "How many pens are there?"),
        ("no number", "Ann has pens. Tom has twice as many pens as Ann."),
        ("each or all", "Ann and Tom have 5 pens. How many pens does Tom have?"),
        ("hidden", "Ann has 5 pens. Ann s\u200bells the pens. How many pens does Ann have?"),
    ],
)
def test_a_problem_that_is_not_read_whole_says_nothing(why: str, problem: str) -> None:
    (one,) = check(problem, "Ann has 7 pens.")
    assert (one.verdict, one.reason) == (Verdict.UNKNOWN, Reason.NOT_COVERED), why


def test_a_sentence_without_counts_does_not_close_a_problem_out() -> None:
    noise = "Ann lives 37 miles away. Tom is in room 4. " + PENS
    assert verdicts(noise, "Tom has 12 pens.") == ["incorrect"]


def test_nothing_follows_from_a_problem_that_contradicts_itself() -> None:
    problem = "Ann has 5 pens. Ann has 6 pens. Tom has twice as many pens as Ann."
    assert "incorrect" not in verdicts(problem, "Tom has 3 pens.", "So Tom has 2 * 5 = 10 pens.")


def test_a_negative_truth_means_that_the_problem_was_misread() -> None:
    problem = "Ann has 5 pens. Tom has 9 fewer pens than Ann. How many pens does Tom have?"
    assert verdicts(problem, "Tom has 5 + 9 = 14 pens.") == ["unknown"]


def test_a_value_on_the_way_is_no_error() -> None:
    problem = "Ann has 5 pens. Tom has 3 more than twice as many pens as Ann. How many are there?"
    steps = ("Tom has 2 * 5 = 10 pens.", "Ann has 2 * 5 = 10 pens.", "Tom has 5 - 3 = 2 pens.")
    assert [verdicts(problem, step) for step in steps] == [["unknown"], ["unknown"], ["incorrect"]]


def test_a_sign_that_is_dropped_later_is_no_second_error() -> None:
    problem = "Ann has 20 pens. Tom has half as many pens as Ann. Bob has 6 more pens than Tom."
    steps = ("Tom has 2 - 20 = -18 pens.", "Bob has 6 + 18 = 24 pens.")
    assert verdicts(problem, *steps) == ["incorrect", "unknown"]


@pytest.mark.parametrize(
    "step", ["Tom has 3 times as many items as Ann.", "Tom has 10 more items than Ann."]
)
def test_a_thing_may_go_by_another_word(step: str) -> None:
    assert "incorrect" not in verdicts(PENS, step)


def test_a_relation_between_values_that_were_said_is_not_invented() -> None:
    step = "Bob has twice as many pens as Ann."
    assert verdicts(PENS, step) == ["incorrect"]
    assert verdicts(PENS, "Bob has 2 * 5 = 10 pens.", step) == ["unknown", "unknown"]


def test_an_owner_may_go_by_another_name() -> None:
    assert "incorrect" not in verdicts(PENS, "Thomas has 3 times as many pens as Ann.")


def test_a_condition_of_the_question_is_a_premise() -> None:
    problem = "Ann has twice as many pens as Tom. If Tom has 4 pens, how many pens does Ann have?"
    assert verdicts(problem, "Ann has 2 + 4 = 6 pens.", "Ann has 2 * 4 = 8 pens.", "#### 8") == [
        "incorrect",
        "correct",
        "correct",
    ]


def test_what_was_sold_is_not_what_one_has() -> None:
    problem = "Ann sold 5 pens. Tom sold twice as many pens as Ann. How many pens did Tom sell?"
    assert verdicts(problem, "Tom has 7 pens.", "Tom sold 2 + 5 = 7 pens.") == [
        "unknown",
        "incorrect",
    ]


def test_what_follows_from_several_relations_at_once() -> None:
    problem = (
        "Together, Ann, Bob and Cal have 85 pens. If Ann has 25 more pens than Bob, and Bob has 12 "
        "fewer pens than Cal does, how many pens does Cal have?"
    )
    assert verdicts(problem, "Bob and Cal have 60 pens together.", "So Cal has 28 pens.") == [
        "incorrect",
        "unknown",
    ]


def test_ages() -> None:
    problem = "Ann is 5 years old. Tom is twice as old as Ann. How old is Tom?"
    assert verdicts(problem, "Tom is 2 * 5 = 10 years old.", "Tom is 7 years old.") == [
        "correct",
        "incorrect",
    ]


def test_a_condition_behind_the_question_is_a_premise() -> None:
    problem = "Ann has twice as many pens as Tom. How many pens does Ann have if Tom has 4 pens?"
    assert verdicts(problem, "Ann has 2 + 4 = 6 pens.") == ["incorrect"]


def test_too_many_statements_end_what_is_said() -> None:
    evidence = check(PENS, *["Ann has 5 pens. " * 10] * 41)
    assert [one.verdict.value for one in evidence] == ["correct"] * 40 + ["unknown"]


def test_too_many_steps_end_what_is_said() -> None:
    evidence = check(PENS, *["Ann has 5 pens."] * 200, *["Ann has 6 pens."] * 5)
    assert [one.verdict.value for one in evidence[:200]] == ["correct"] * 200
    assert {one.reason for one in evidence[200:]} == {Reason.NOT_COVERED}


@pytest.mark.skipif(not DATA.is_dir(), reason="no shared/data in this checkout")
def test_gold_solutions_of_gsm8k_are_not_flagged() -> None:
    with (DATA / "gsm8k" / "test.jsonl").open(encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    flagged = [
        row["question"]
        for row in rows
        if "incorrect" in verdicts(row["question"], *row["answer"].split("\n"))
    ]
    assert flagged == []
