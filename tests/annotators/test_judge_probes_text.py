"""What each perturbation does to texts of any origin, and where it does nothing."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotators.base import MAX_STEP
from annotators.judge.probes.base import Base
from annotators.judge.probes.contrast import altered_problems
from annotators.judge.probes.equations import compute, equations, value
from annotators.judge.probes.make import probes
from annotators.judge.probes.needed import needs
from annotators.judge.probes.number import false_numbers
from annotators.judge.probes.operation import other_operands, other_operations
from annotators.judge.probes.probe import PLANTED
from annotators.judge.probes.reword import confident, paraphrased
from annotators.judge.probes.skipped import skipped_steps
from annotators.judge.probes.turned import turned_round

CLIPS = Base(  # GSM8K's first problem
    "clips",
    "gsm8k",
    "Natalia sold clips to 48 of her friends in April, and then she sold half as many clips in "
    "May. How many clips did Natalia sell altogether in April and May?",
    "72",
    (
        "Natalia sold 48/2 = <<48/2=24>>24 clips in May.",
        "Natalia sold 48+24 = <<48+24=72>>72 clips altogether in April and May.",
    ),
)


def solution(*steps: str, text: str = "A problem.") -> Base:
    return Base("p", "d", text, None, steps)


def rng() -> random.Random:
    return random.Random(0)


@pytest.mark.parametrize(
    ("step", "found"),
    [
        ("Natalia sold 48/2 = <<48/2=24>>24 clips.", ["48 / 2 = 24"]),
        ("So it is 5 x 100 = $<<5*100=500>>500.", ["5 * 100 = 500"]),
        ("That makes 1,200 ÷ 3 = 400, and 0.5 × 6 = 3.", ["1,200 / 3 = 400", "0.5 * 6 = 3"]),
        ("The sum is 3 + 4 = 8.", []),  # not true, so nothing to make false
        ("In all 2 + 3 + 4 = 9.", []),  # not one operation
        ("Then 2 * (3 + 4) = 14.", []),
        ("Then 2 * 3 + 4 = 10 and 3 + 4 = 7 + 0.", []),
        ("So 50 * 2 = 100% of it.", []),
        ("So x3 + 4 = 7.", []),
        ("They ran 3 + 4 = 7km.", []),
        ("Then 3 + 4 = <<3+4=8>>7.", []),  # the note says something else
        ("Then 4 / 0 = 4.", []),
        ("Then 3 + 4 = 7 = 14 / 2.", []),
    ],
)
def test_only_true_equations_of_one_operation_that_stand_alone_are_read(
    step: str, found: list[str]
) -> None:
    assert [str(equation) for equation in equations(step)] == found


def test_a_false_number_stands_in_the_note_as_well() -> None:
    first, second = false_numbers(CLIPS, rng())
    (wrong,) = {step for step in first.steps if step not in CLIPS.steps}
    new = wrong.removeprefix("Natalia sold 48/2 = <<48/2=").removesuffix(" clips in May.")
    a, b = new.split(">>")
    assert a == b != "24"
    assert first.found == (first.first_error,) == (0,)
    assert second.first_error == 1


def test_an_equation_that_may_mean_something_else_is_not_made_false() -> None:
    """The annotator would not call it wrong either, so a judge need not."""
    assert false_numbers(solution("If 3 + 4 = 7 were so.", "Done."), rng()) == []
    assert false_numbers(solution("3 + 4 = 7", text="Work modulo 5."), rng()) == []


def test_another_operation_gives_a_true_equation_with_another_result() -> None:
    first, second = other_operations(CLIPS)
    assert first.steps[0] == "Natalia sold 48*2 = <<48*2=96>>96 clips in May."
    assert second.steps[1].startswith("Natalia sold 48*24 = <<48*24=1152>>1152 clips")


def test_two_and_two_is_left_alone() -> None:
    step = "Ann and Tom together have 2 + 2 = 4 pens."
    assert other_operations(solution(step, "Done.")) == []


@pytest.mark.parametrize("perturb", [other_operations, lambda base: other_operands(base, rng())])
def test_an_equation_without_words_does_not_say_what_it_is_of(perturb: object) -> None:
    assert callable(perturb)
    assert perturb(solution("3 + 4 = 7", "Total = 3 * 4 = 12")) == []


def test_a_division_by_another_operand_still_comes_out() -> None:
    change, *_ = other_operands(CLIPS, rng())
    (equation,) = equations(change.steps[0])
    assert equation.b == "2"
    assert equation.a not in ("48", "24", "72")


def test_a_number_that_is_in_the_problem_is_no_new_operand() -> None:
    text = " ".join(str(n) for n in range(200) if n != 31)
    base = solution("Ann has bought 30 + 40 = 70 pens.", "Done.", text=text)
    (change,) = other_operands(base, rng())
    assert change.steps[0] in (
        "Ann has bought 31 + 40 = 71 pens.",
        "Ann has bought 30 + 31 = 61 pens.",
    )


def test_a_step_is_needed_if_the_next_one_computes_with_its_result() -> None:
    base = solution("Ann has 7 + 8 = 15 pens.", "Tom has 2 * 15 = 30 pens.", "The answer is 30.")
    (change,) = skipped_steps(base)
    assert change.steps == base.steps[1:]
    assert (change.first_error, change.found) == (0, (0,))


def test_a_later_step_that_lacks_the_same_counts_as_found() -> None:
    base = solution("So 7 + 8 = 15 pens.", "So 2 * 15 = 30.", "Then 30 + 15 = 45.")
    assert needs(base)[0].users == (1, 2)
    assert skipped_steps(base)[0].found == (0, 1)


@pytest.mark.parametrize(
    "base",
    [
        solution("So 7 + 8 = 15.", "So 2 * 15 = 30.", text="There are 15 of them."),
        solution("A dozen is 6 + 6 = 12.", "So 2 * 12 = 24."),  # everybody knows 12
        solution("So 7 + 8 = 15.", "So 20 - 5 = 15, and 15 * 2 = 30."),  # worked out again
        solution("So 7 + 8 = 15.", "So he did.", "So 2 * 15 = 30."),  # a step lies between
        solution("So 7 + 8 = 15.", "The answer is 15."),  # true, if not derived
        solution("So Max is a wug.", "Max is a wug. So Max is kind.", text="Max is a wug."),
        solution("So Max is a wug.", "Every wug is kind. So Max is a wug."),
    ],
)
def test_a_step_that_the_next_one_can_do_without_is_not_needed(base: Base) -> None:
    assert 0 not in needs(base)


def test_a_step_is_needed_if_the_next_one_builds_on_its_conclusion() -> None:
    base = solution(
        "Every wug is a dax. Max is a wug. Therefore, Max is a dax.",
        "Max is a dax, and every dax is kind, so Max is kind.",
    )
    assert needs(base)[0].what == "Max is a dax"


@pytest.mark.parametrize(
    ("step", "turned"),
    [
        ("Compared with Ann, Tom has 3 more pens.", "Compared with Tom, Ann has 3 more pens."),
        ("Tom is 3 years older than Ann.", "Ann is 3 years older than Tom."),
        ("Tom has twice as many pens as Ann.", "Ann has twice as many pens as Tom."),
        ("Tom ate 3 times as much as Ann, so 6.", "Ann ate 3 times as much as Tom, so 6."),
        ("Tom has as many pens as Ann.", None),  # holds both ways
        ("Compared with Ann and Bob together, Tom has as many pens.", None),
        ("If Tom is older than Ann, he wins.", None),
        ("Is Tom older than Ann?", None),
        ("Tom walks faster than Ann runs.", None),
        ("Tom Smith is older than Ann.", None),
        ("Pat is older than Ann.", None),  # the problem has no Pat
        ("Tom has 3 pens rather than Ann.", None),
    ],
)
def test_the_names_of_a_comparison_are_swapped(step: str, turned: str | None) -> None:
    changes = turned_round(solution(step, "Done.", text="Tom and Ann have pens, as the Smiths do."))
    new = changes[0].steps[0] if changes else None
    assert new == turned


@pytest.mark.parametrize(
    ("problem", "turned"),
    [
        ("Every wug is a ape. Max is a wug.", "Every ape is a wug. So it is."),
        ("Each wug is an ape. Every ape is tall.", "Every ape is a wug. So it is."),
        ("Every wug is an ape. Every ape is a wug.", None),
        ("Every wug is an ape. Apes that are tall are a wug. Every ape is tall.", None),
        ("Every wug is an ape. Anything that is an ape is a wug too.", None),
        ("Max is a wug.", None),  # the rule is not the problem's
    ],
)
def test_a_rule_is_turned_round_unless_it_may_hold_that_way(
    problem: str, turned: str | None
) -> None:
    changes = turned_round(solution("Every wug is an ape. So it is.", "Done.", text=problem))
    assert (changes[0].steps[0] if changes else None) == turned


def test_a_number_of_the_problem_is_altered_where_the_solution_uses_it_first() -> None:
    (change,) = altered_problems(CLIPS, rng())
    assert change.steps == CLIPS.steps
    assert change.problem is not None
    assert " 48 " not in change.problem
    assert change.problem.split()[0:4] == ["Natalia", "sold", "clips", "to"]
    assert (change.first_error, change.found) == (0, (0,))


@pytest.mark.parametrize(
    "base",
    [
        solution("So 17 + 8 = 25.", "Done.", text="There are 17 boys and 17 girls."),  # twice
        solution("So 60 * 11 = 660.", "Done.", text="It takes 60 days."),  # or minutes
        solution("There are 17.", "So 17 + 8 = 25.", text="There are 17 boys."),  # told before
        solution("So 8 + 8 = 16.", "Done.", text="There are 17 boys."),  # not used
        solution("So 17 + 8 = 25.", "Done.", text="On 3/17/2020 he went."),  # part of a date
    ],
)
def test_a_number_that_may_be_another_is_not_altered(base: Base) -> None:
    assert altered_problems(base, rng()) == []


def test_a_rule_of_the_problem_is_altered_to_its_opposite() -> None:
    base = solution(
        "Each wug is a dax. Max is a wug. So Max is a dax.",
        "Every dax is not tall. So Max is not tall.",
        text="Every wug is a dax. Every dax is not tall. Max is a wug.",
    )
    first, second = altered_problems(base, rng())
    assert first.problem == "Every wug is not a dax. Every dax is not tall. Max is a wug."
    assert second.problem == "Every wug is a dax. Every dax is tall. Max is a wug."
    assert (first.first_error, second.first_error) == (0, 1)


def test_a_rule_that_the_problem_states_twice_is_not_altered() -> None:
    text = "Every wug is tall. Each wug is tall. Max is a wug."
    base = solution("Every wug is tall. Max is a wug. So Max is tall.", "True.", text=text)
    assert altered_problems(base, rng()) == []


@pytest.mark.parametrize(
    ("step", "other"),
    [
        ("So Tom has 3 pens.", "Therefore, Tom has 3 pens."),
        ("Tom has 3, so Ann has 4.", "Tom has 3, and therefore Ann has 4."),
        ("So far Tom has 3.", "So far Tom has 3."),
        ("He ran, so that he won.", "He ran, so that he won."),
        ("He eats every other day because of that.", "He eats every other day because of that."),
        ("In total 3.", "In total 3."),
        ("He sold 3 altogether.", "He sold 3 in total."),
        ("Compared with Ann, Tom has 3.", "Tom has 3, compared with Ann."),
        ("答案是 3。", "答案是 3。"),
    ],
)
def test_a_paraphrase_keeps_the_meaning(step: str, other: str) -> None:
    assert paraphrased(step) == other


@pytest.mark.parametrize(
    ("step", "other"),
    [
        ("Tom has 3 pens.", "Clearly, Tom has 3 pens."),
        ("The answer is 3.", "Clearly, the answer is 3."),
        ("48/2 = 24", "Clearly, 48/2 = 24"),
        ("$x = 3$", "$x = 3$"),
        ("答案是 3。", "答案是 3。"),
        ("", ""),
    ],
)
def test_a_confident_step_has_a_phrase_in_front(step: str, other: str) -> None:
    assert confident(step, "Clearly, ") == other


@given(st.integers(0, 999), st.sampled_from("+-*/"), st.integers(0, 999), st.randoms())
@settings(max_examples=200, deadline=None)
def test_what_is_planted_in_an_equation_is_what_it_says(
    a: int, op: str, b: int, random: random.Random
) -> None:
    result = compute(value(str(a)), op, value(str(b)))
    if result is None or result.denominator != 1 or result < 0:
        return
    base = solution(f"Tom and Ann have bought {a} {op} {b} = {result} pens.", "They are done.")
    for change in false_numbers(base, random):
        assert equations(change.steps[0]) == []
    for change in (*other_operations(base), *other_operands(base, random)):
        (equation,) = equations(change.steps[0])
        assert value(equation.c) != result


HOSTILE = (
    "1" * MAX_STEP,
    "1 + " * (MAX_STEP // 4),
    "1 + 1 = 2 " * (MAX_STEP // 10),
    "so " * (MAX_STEP // 3),
    "every a is " * (MAX_STEP // 11),
    "every wug is a wug. " * (MAX_STEP // 20),
    "Ann " * (MAX_STEP // 4),
    "Compared with Ann, Ann has " * (MAX_STEP // 27),
    "Compared with " + "a" * (MAX_STEP - 14),
    "2 * 3 = 6" + " " * (MAX_STEP - 9),
    "so Max is a wug" + " " * (MAX_STEP - 15),
    "<<" * (MAX_STEP // 2),
    "1,111," * (MAX_STEP // 6),
    "\ud800\x00" * 100,
)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_takes_no_time_and_gives_sound_probes(text: str) -> None:
    start = time.process_time()
    made = probes([Base("p", "d", text, None, (text, text, "So 7 + 8 = 15."))])
    assert time.process_time() - start < 5
    assert all(probe.first_error >= 0 for probe in made if probe.kind in PLANTED)
