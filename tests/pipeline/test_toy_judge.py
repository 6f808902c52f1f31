"""The stub engine as a judge: it knows the truth, and errs as often as it is told."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from annotators.judge.modes import MODES
from annotators.judge.template import load_template
from pipeline.engines.toy_judge import is_judging, judge

PROBLEM = "Add up: 3 + 5 + 8 + 2"
RIGHT = ["3 + 5 = 8", "8 + 8 = 16", "16 + 2 = 18", "The answer is 18."]
WRONG = ["3 + 5 = 8", "8 + 8 = 17", "17 + 2 = 19", "The answer is 19."]


def prompt_of(mode: str, steps: Sequence[str], problem: str = PROBLEM) -> str:
    return load_template("", MODES[mode]).render(MODES[mode], problem, steps, "18").text


def says(
    steps: Sequence[str], mode: str = "each_step", draw: int = 0, **rates: float
) -> dict[str, object]:
    given = {"sensitivity": 1.0, "alarm": 0.0, "shared": 0.0, "prose": 0.0, **rates}
    return dict(json.loads(judge(prompt_of(mode, steps), draw, 0, **given)))


def flags(steps: Sequence[str], **given: object) -> list[bool]:
    said = says(steps, **given)["verdicts"]  # type: ignore[arg-type]
    assert isinstance(said, dict)
    return [said[str(step)] == "incorrect" for step in range(len(steps))]


@pytest.mark.parametrize("mode", ["each_step", "reverse", "reference", "own_solution"])
def test_without_errors_it_tells_the_truth_of_every_step(mode: str) -> None:
    assert flags(RIGHT, mode=mode) == [False] * 4
    assert flags(WRONG, mode=mode) == [False, True, False, False]
    assert says(WRONG, mode)["correction"] == "8 + 8 = 16"


def test_it_names_the_first_error() -> None:
    assert says(RIGHT, "first_error")["first_error"] == -1
    assert says(WRONG, "first_error")["first_error"] == 1


def test_it_judges_the_last_step_it_is_shown() -> None:
    assert says(WRONG[:2], "one_step")["verdict"] == "incorrect"
    assert says(WRONG[:3], "one_step")["verdict"] == "correct"


def test_words_around_a_step_do_not_matter_and_no_step_is_incorrect() -> None:
    assert flags(["Clearly, 3 + 5 = 8", *RIGHT[1:]]) == [False] * 4
    assert flags([RIGHT[0], ":", *RIGHT[2:]])[1]


@pytest.mark.parametrize(("name", "step"), [("sensitivity", 1), ("alarm", 0)])
@pytest.mark.parametrize("rate", [0.2, 0.7])
def test_it_errs_at_the_rate_it_is_told(name: str, step: int, rate: float) -> None:
    said = [flags(WRONG, draw=draw, **{name: rate})[step] for draw in range(600)]
    assert sum(said) / 600 == pytest.approx(rate, abs=0.06)


def test_shared_steps_fall_the_same_in_every_draw_and_mode() -> None:
    def one(mode: str, draw: int) -> list[bool]:
        return flags(WRONG, mode=mode, draw=draw, sensitivity=0.5, alarm=0.5, shared=1.0)

    assert all(
        one(mode, draw) == one("each_step", 0)
        for mode in ("each_step", "reverse")
        for draw in range(8)
    )


def test_with_prose_it_writes_no_json() -> None:
    said = judge(prompt_of("each_step", RIGHT), 0, 0, 1.0, 0.0, 0.0, 1.0)
    assert "{" not in said


@pytest.mark.parametrize("mode", MODES)
def test_a_judges_prompt_is_known_from_a_policys(mode: str) -> None:
    assert is_judging(prompt_of(mode, RIGHT))
    assert not is_judging(f"{PROBLEM}\n3 + 5 = 8\n\n")


def test_a_prompt_without_a_toy_problem_gets_an_answer() -> None:
    text = prompt_of("each_step", ["So 8."], problem="What is it?")
    assert json.loads(judge(text, 0, 0, 1.0, 0.0, 0.0, 0.0))["verdicts"] == {"0": "incorrect"}
