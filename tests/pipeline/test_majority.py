"""Majority answers of problems without a reference."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from pipeline.grading.grader import Grader
from pipeline.majority import with_majority
from pipeline.problems import Problem
from pipeline.workers import CheckerPool

OPEN = Problem("p", "Q", None, "", "s", "d", "en", "{}")


@pytest.fixture(scope="module")
def grader() -> Iterator[Grader]:
    with CheckerPool(1) as pool:
        yield Grader(pool)


def majority(grader: Grader, *answers: str, least: float = 0.5, problem: Problem = OPEN) -> Problem:
    samples = [
        (f"So \\boxed{{{answer}}}" if answer else "I give up.", "stop") for answer in answers
    ]
    return asyncio.run(with_majority(problem, samples, least, grader))


def test_what_most_samples_say_stands_in_with_its_share(grader: Grader) -> None:
    found = majority(grader, "7", "5", "7", "7")
    assert (found.answer, found.answer_type) == ("7", "number")
    assert (found.answer_origin, found.answer_agreement) == ("majority", 0.75)


def test_answers_that_are_equal_vote_together(grader: Grader) -> None:
    found = majority(grader, "0.5", "3", "3", "\\frac{1}{2}", "0.5")
    assert (found.answer, found.answer_agreement) == ("0.5", 0.6)


def test_samples_without_an_answer_count_against_it(grader: Grader) -> None:
    assert majority(grader, "7", "7", "", "", "").answer is None


def test_a_weak_majority_is_none(grader: Grader) -> None:
    assert majority(grader, "7", "7", "5", "4", least=0.6).answer is None


def test_a_tie_is_no_majority(grader: Grader) -> None:
    assert majority(grader, "7", "7", "5", "5").answer is None


def test_a_cut_sample_has_no_vote(grader: Grader) -> None:
    samples = [("The answer is 7", "length"), ("The answer is 5.", "stop")]
    found = asyncio.run(with_majority(OPEN, samples, 0.5, grader))
    assert (found.answer, found.answer_agreement) == ("5", 0.5)


def test_it_is_off_by_default(grader: Grader) -> None:
    assert majority(grader, "7", "7", least=0.0) is OPEN


def test_a_given_answer_stays(grader: Grader) -> None:
    given = Problem("p", "Q", "9", "number", "s", "d", "en", "{}", answer_origin="given")
    assert majority(grader, "7", "7", problem=given) is given
