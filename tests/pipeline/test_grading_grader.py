"""Grading whole solutions, with a real pool of workers."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.errors import StepsmithError
from pipeline.grading.grader import PRELOAD, Grader
from pipeline.verdict import Grade, Reason, Verdict
from pipeline.workers import CheckerPool, CheckerTimeout


@pytest.fixture(scope="module")
def grader() -> Iterator[Grader]:
    with CheckerPool(1, wall_s=10.0, preload=PRELOAD) as pool:
        yield Grader(pool)


def grade(
    grader: Grader, text: str, answer: str | None, answer_type: str = "number", finish: str = "stop"
) -> Grade:
    return asyncio.run(grader.grade(text, answer, answer_type, finish))


def test_a_right_answer(grader: Grader) -> None:
    assert grade(grader, "The answer is 12.", "12") == Grade(Verdict.CORRECT, None, "12")


def test_a_wrong_answer(grader: Grader) -> None:
    assert grade(grader, "The answer is 13.", "12") == Grade(Verdict.INCORRECT, None, "13")


def test_a_truth_value(grader: Grader) -> None:
    seen = grade(grader, "The answer is False.", "True", "boolean")
    assert seen == Grade(Verdict.INCORRECT, None, "False")


def test_an_expression_goes_to_math_verify(grader: Grader) -> None:
    seen = grade(grader, "So \\boxed{\\sqrt{8}}", "2\\sqrt{2}", "expression")
    assert seen == Grade(Verdict.CORRECT, None, "\\sqrt{8}")


@pytest.mark.parametrize(
    ("text", "finish", "reason"),
    [
        ("The answer is 12.", "failed", Reason.FAILED),
        ("", "stop", Reason.UNREADABLE),
        (" \n", "length", Reason.UNREADABLE),
        ("The answer is 12.\0", "stop", Reason.UNREADABLE),
        ("The answer is 12", "length", Reason.TRUNCATED),
        ("6 + 6 = 1", "length", Reason.TRUNCATED),
        ("I do not know, 12 maybe.", "stop", Reason.UNPARSABLE),
        ("The answer is " + "1" * 200_000, "stop", Reason.UNPARSABLE),
        ("<think>So \\boxed{12}. Wait", "length", Reason.TRUNCATED),
        ("<think>So \\boxed{13}.", "stop", Reason.UNPARSABLE),
        ("<think>So \\boxed{13}.</think>\n", "stop", Reason.UNPARSABLE),
    ],
)
def test_what_cannot_be_graded_is_unknown(
    grader: Grader, text: str, finish: str, reason: Reason
) -> None:
    seen = grade(grader, text, "12", finish=finish)
    assert (seen.verdict, seen.reason) == (Verdict.UNKNOWN, reason)


def test_a_cut_after_the_complete_answer_is_graded(grader: Grader) -> None:
    assert grade(grader, "\\boxed{12} and so", "12", finish="length").verdict == "correct"


def test_the_answer_is_read_from_the_response(grader: Grader) -> None:
    text = "<think>Perhaps \\boxed{13}.</think>\n\nIt is \\boxed{12}."
    assert grade(grader, text, "12") == Grade(Verdict.CORRECT, None, "12")
    assert grade(grader, text, "13") == Grade(Verdict.INCORRECT, None, "12")


@pytest.mark.parametrize("answer", [None, ""])
def test_without_a_reference_the_answer_is_read_and_unknown(
    grader: Grader, answer: str | None
) -> None:
    seen = grade(grader, "\\boxed{12}", answer)
    assert seen == Grade(Verdict.UNKNOWN, Reason.NOT_COVERED, "12")


def test_an_answer_can_be_read_alone(grader: Grader) -> None:
    assert grader.read("\\boxed{12}", "text", "stop") == "12"
    assert grader.read("\\boxed{1", "text", "stop") == Grade(Verdict.UNKNOWN, Reason.UNPARSABLE)


@pytest.mark.parametrize(
    "answer",
    [
        "9**9**9",
        "(10^7)!",
        "\\frac{1}{" * 300 + "2" + "}" * 300,
        "9" * 200_000,
        "\\sum_{k<=10^9} k",
        "__import__('os').system('touch /tmp/canary')",
        "9^{9^{9^9}}",
        "\\int_0^1 \\int_0^1 \\int_0^1 x",
    ],
)
@pytest.mark.parametrize("answer_type", ["number", "expression", "boolean", "choice"])
def test_hostile_answers_are_unknown_at_once(grader: Grader, answer: str, answer_type: str) -> None:
    gold = {"boolean": "True", "choice": "B"}.get(answer_type, "12")
    start = time.monotonic()
    seen = grade(grader, f"\\boxed{{{answer}}}", gold, answer_type)
    assert seen.verdict is Verdict.UNKNOWN
    assert time.monotonic() - start < 5
    assert not Path("/tmp/canary").exists()


def test_a_check_without_an_end_is_a_time_out() -> None:
    class Stuck(CheckerPool):
        async def run(self, *_: object) -> object:
            raise CheckerTimeout("out of clock time")

    grader = Grader(Stuck(1))
    assert grade(grader, "\\boxed{\\sqrt{8}}", "2\\sqrt{2}").reason is Reason.TIMEOUT


def test_repeated_answers_are_checked_once() -> None:
    calls = []

    class Counting(CheckerPool):
        async def run(self, *_: object) -> object:
            calls.append(1)
            return ("correct", "")

    grader = Grader(Counting(1))
    for text in ("\\boxed{\\sqrt{8}}", "thus \\boxed{\\sqrt{8}}"):
        assert grade(grader, text, "2\\sqrt{2}").verdict == "correct"
    assert len(calls) == 1


def test_every_reference_answer_equals_itself(grader: Grader) -> None:
    answers = [
        *(("12", "number"), ("-1,234.5", "number"), ("3/4", "number"), ("50\\%", "number")),
        *(("3 hours", "number"), ("True", "boolean"), ("B", "choice"), ("Paris", "text")),
        *(("\\frac{\\sqrt{3}}{2}", "expression"), ("(1,2]", "expression"), ("x=5", "expression")),
        *(("\\{1, 2\\}", "expression"), ("1/2004!", "expression"), ("y=2x+3", "expression")),
    ]
    grades = asyncio.run(grader.self_check(answers))
    assert [g.verdict for g in grades] == ["correct"] * len(answers)


def test_a_reference_that_cannot_be_read_fails_the_self_check(grader: Grader) -> None:
    (seen,) = asyncio.run(grader.self_check([("perhaps", "boolean")]))
    assert seen == Grade(Verdict.UNKNOWN, Reason.UNPARSABLE, "perhaps")


def test_broken_workers_are_found_before_a_run() -> None:
    class Broken(CheckerPool):
        async def run(self, *_: object) -> object:
            return ("unknown", "unparsable")

    with pytest.raises(StepsmithError, match="Math-Verify does not work"):
        asyncio.run(Grader(Broken(1)).self_check([("12", "number")]))


def test_math_verify_is_not_imported_here() -> None:
    code = "import sys, json, pipeline.grading.grader; print(json.dumps(sorted(sys.modules)))"
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, check=True)
    assert not {"sympy", "math_verify"} & set(json.loads(done.stdout))
