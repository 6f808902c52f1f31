"""The oracle on literal solutions, on gold ones, and on planted errors."""

import random

import pytest

from worlds import chains, deduction
from worlds.oracle import first_error, judge, kind_of_error
from worlds.plant import ARITHMETIC, carry, kinds_at, plant
from worlds.problem import Made
from worlds.words import Split

CHAIN = (
    "Bob and Ann combined have the same number of pens as Joe. Kim is 9 years old. "
    "Next to Ann, Bob is 5 pens short. Ann starts with 12 pens. Zoe has 7 pens. "
    "How many pens does Joe have?"
)
RULES = (
    "Every dax is not kind. All wugs are toves. Max is one of the wugs. No tove is kind. "
    "Each zim is kind. True or false: Max is kind."
)
FIRST = "Ann has 12 pens. Compared with Ann, Bob has 5 fewer pens. So Bob has 12 - 5 = 7 pens."
SECOND = (
    "Bob has 7 pens and, compared with Bob and Ann together, Joe has as many pens, "
    "so Joe has 7 + 12 = 19 pens."
)
TOVE = "Every wug is a tove. Max is a wug. So Max is a tove."
NOT_KIND = "Max is a tove, and every tove is not kind, so Max is not kind."


def words(text: str, steps: list[str]) -> list[str]:
    return [verdict.verdict for verdict in judge(text, steps)]


def last(text: str, *steps: str) -> tuple[str, str]:
    verdict = judge(text, list(steps))[-1]
    return verdict.verdict, verdict.kind


def test_gold_steps_are_correct() -> None:
    assert words(CHAIN, [FIRST, SECOND, "The answer is 19."]) == ["correct"] * 3
    assert words(RULES, [TOVE, NOT_KIND, "The answer is False."]) == ["correct"] * 3


def test_steps_may_keep_their_blank_line() -> None:
    assert words(CHAIN, [FIRST + "\n\n"]) == ["correct"]


@pytest.mark.parametrize(
    ("step", "kind"),
    [
        ("Bob has 5 fewer pens than Ann, so Bob has 12 - 5 = 8 pens.", "arithmetic"),
        ("Bob has 5 fewer pens than Ann, so Bob has 12 + 5 = 17 pens.", "setup"),
        ("Bob has 5 fewer pens than Ann, so Bob has 7 - 5 = 2 pens.", "setup"),
        ("Bob has 5 fewer pens than Ann, so Joe has 12 - 5 = 7 pens.", "setup"),
        ("Bob has 5 fewer pens than Ann, so Bob has 12 - 5 = 7 dollars.", "setup"),
        ("Bob has 5 more pens than Ann, so Bob has 12 + 5 = 17 pens.", "setup"),
        ("Bob has 4 fewer pens than Ann, so Bob has 12 - 4 = 8 pens.", "setup"),
        ("Joe has as many pens as Ann and Bob together, so Joe has 12 + 7 = 19 pens.", "setup"),
        ("Bob has 5 fewer pens than Ann, so Bob has 12 - 5 = 8000000 pens.", "arithmetic"),
        ("Bob has 5 dollars for each of Ann's pens, so Bob has 5 * 12 = 60 dollars.", "setup"),
        ("Ann has 13 pens.", "setup"),
        ("The answer is 19.", "setup"),
    ],
)
def test_errors_of_a_chain(step: str, kind: str) -> None:
    assert last(CHAIN, step) == ("incorrect", kind)


def test_two_more_is_not_two_times_as_many() -> None:
    """Though both relate the same two quantities by the same number."""
    relation = "Compared with Ann, Bob has 2 times as many pens."
    text = f"Ann has 6 pens. {relation} How many pens does Bob have?"
    wrong = "Compared with Ann, Bob has 2 more pens. So Bob has 6 + 2 = 8 pens."
    assert last(text, wrong) == ("incorrect", "setup")
    right = "Compared with Ann, Bob has 2 times as many pens. So Bob has 6 * 2 = 12 pens."
    assert last(text, right) == ("correct", "")


def test_a_step_need_not_recall_a_value_but_must_not_recall_a_wrong_one() -> None:
    short = "Bob has 5 fewer pens than Ann, so Bob has 12 - 5 = 7 pens."
    assert last(CHAIN, short) == ("correct", "")
    misread = "Ann has 13 pens, and Bob has 5 fewer pens than Ann, so Bob has 13 - 5 = 8 pens."
    assert last(CHAIN, misread) == ("incorrect", "setup")
    beside = "Zoe has 7 pens, and Bob has 5 fewer pens than Ann, so Bob has 12 - 5 = 7 pens."
    assert last(CHAIN, beside) == ("correct", "")
    early = "Joe has 19 pens, and Bob has 5 fewer pens than Ann, so Bob has 12 - 5 = 7 pens."
    assert last(CHAIN, early) == ("incorrect", "setup")


def test_a_relation_may_be_said_the_other_way_round() -> None:
    step = "Ann has 5 more pens than Bob, so Bob has 12 - 5 = 7 pens."
    assert last(CHAIN, step) == ("correct", "")


def test_a_faithful_step_after_an_error_is_correct_and_so_is_a_repair() -> None:
    slip = "Bob has 5 fewer pens than Ann, so Bob has 12 - 5 = 8 pens."
    faithful = "Joe has as many pens as Ann and Bob together, so Joe has 12 + 8 = 20 pens."
    assert words(CHAIN, [slip, faithful, "The answer is 20."]) == [
        "incorrect",
        "correct",
        "correct",
    ]
    assert words(CHAIN, [slip, SECOND, "The answer is 19."]) == ["incorrect", "correct", "correct"]
    assert last(CHAIN, slip, faithful, "The answer is 8.") == ("incorrect", "setup")


def test_restating_what_is_known_is_correct() -> None:
    assert last(CHAIN, "Ann has 12 pens.") == ("correct", "")
    assert last(CHAIN, FIRST, "Bob has 7 pens.") == ("correct", "")
    assert last(CHAIN, "Bob has 7 pens.") == ("incorrect", "setup")
    assert last(RULES, "Each wug is a tove.") == ("correct", "")


@pytest.mark.parametrize(
    "steps",
    [
        ["Every tove is a wug. Max is a wug. So Max is a tove."],  # a rule turned round
        ["Every tove is not kind. Max is a tove. So Max is not kind."],  # a skipped premise
        ["Every wug is a zim. Max is a wug. So Max is a zim."],  # no such rule
        ["Every wug is a tove. Max is a wug. So Max is a dax."],
        ["Every wug is a tove. Max is a wug. So Ann is a tove."],
        ["Every tove is not kind. Max is a wug. So Max is not kind."],
        [TOVE, "Every tove is not kind. Max is a tove. So Max is kind."],
        [TOVE, NOT_KIND, "The answer is True."],
        [TOVE, "The answer is False."],
    ],
)
def test_errors_of_a_deduction(steps: list[str]) -> None:
    assert last(RULES, *steps) == ("incorrect", "setup")


def test_both_the_stated_and_the_true_sign_may_be_answered_after_a_wrong_sign() -> None:
    slip = "Every tove is not kind. Max is a tove. So Max is kind."
    assert words(RULES, [TOVE, slip, "The answer is True."]) == ["correct", "incorrect", "correct"]
    assert words(RULES, [TOVE, slip, "The answer is False."]) == ["correct", "incorrect", "correct"]


@pytest.mark.parametrize("text", [CHAIN, RULES])
@pytest.mark.parametrize("step", ["", "Hm, let me see.", "The answer is", "7 + 5 = 12", "Bob has"])
def test_other_language_is_unknown(text: str, step: str) -> None:
    assert words(text, [step]) == ["unknown"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "What is 2 + 3?",
        CHAIN.replace("Zoe has 7 pens.", "Zoe has 7 pens. Bob has 3 pens."),  # contradicts itself
        CHAIN.replace("Zoe has 7 pens.", "Zoe has 2 more pens than Zoe."),
        RULES + " Why?",
    ],
)
def test_every_step_of_an_unreadable_problem_is_unknown(text: str) -> None:
    assert words(text, [FIRST, "The answer is 19."]) == ["unknown", "unknown"]


def problems(split: Split, count: int) -> list[Made]:
    return [make(seed, split) for seed in range(count) for make in (chains.make, deduction.make)]


@pytest.mark.parametrize("split", ["train", "heldout"])
def test_every_gold_solution_is_correct_throughout(split: Split) -> None:
    for made in problems(split, 2000):
        assert {v.verdict for v in judge(made.problem["text"], made.steps)} == {"correct"}


@pytest.mark.parametrize("split", ["train", "heldout"])
def test_every_planted_error_is_caught_at_its_step_with_its_kind(split: Split) -> None:
    rng = random.Random(0)
    for made in problems(split, 250):
        for step in range(len(made.steps)):
            for kind in kinds_at(made, step):
                steps = plant(made, kind, step, rng)
                verdicts = judge(made.problem["text"], steps)
                assert first_error(verdicts) == step, (kind, made.problem["text"], steps)
                assert kind_of_error(verdicts) == ("arithmetic" if kind in ARITHMETIC else "setup")


def test_after_a_slip_both_the_gold_and_the_faithful_continuation_are_correct() -> None:
    rng = random.Random(0)
    faithful = 0
    for seed in range(300):
        made = chains.make(seed)
        text, step = made.problem["text"], rng.randrange(len(made.steps) - 1)
        repaired = judge(text, plant(made, "number", step, rng))
        assert [i for i, v in enumerate(repaired) if v.verdict != "correct"] == [step]
        value = int(made.steps[step].split(" = ")[1].split()[0]) + 1
        if (steps := carry(made, step, value)) is not None:
            faithful += 1
            carried = judge(text, steps)
            assert [i for i, v in enumerate(carried) if v.verdict != "correct"] == [step]
    assert faithful > 150
