"""Screening: samples, merged, cut, graded, and questions filtered."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.engines.base import Completion, Sampling
from pipeline.engines.stub import StubEngine
from pipeline.grading.grader import Grader
from pipeline.journal import Journal
from pipeline.meter import Meter
from pipeline.problems import Problem
from pipeline.prompt import PromptTemplate
from pipeline.purchase import Purchaser
from pipeline.recipe import Questions
from pipeline.sampling import Screening, cut_steps, question_reason, screen_shard
from pipeline.workers import CheckerPool

ALL = Questions(keep_all_right=1.0, keep_all_wrong=1.0)
SUM = Problem("p", "Add up: 3 + 5 + 8", "16", "number", "t", "d", "en", "{}")
RIGHT = "3 + 5 = 8\n\n8 + 8 = 16\n\nThe answer is 16."


@pytest.fixture(scope="module")
def grader() -> Iterator[Grader]:
    with CheckerPool(1) as pool:
        yield Grader(pool)


def screening(engine: StubEngine, grader: Grader, samples: int = 4) -> Screening:
    template = PromptTemplate("", "\n")
    return Screening(engine, template, samples, "blank_line", Questions(), grader, 0)


def screen(
    folder: Path,
    grader: Grader,
    spec: str,
    sampling: Sampling = Sampling(),  # noqa: B008
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    engine = StubEngine(spec)
    purchaser = Purchaser(engine, engine.identity, sampling, 0, Journal(folder), Meter())
    tables = asyncio.run(screen_shard([SUM], screening(engine, grader), purchaser))
    return tables["solutions"].to_pylist(), tables["questions"].to_pylist()[0]


def test_equal_samples_are_one_solution_that_remembers_its_draws(
    tmp_path: Path, grader: Grader
) -> None:
    (solution,), question = screen(tmp_path, grader, "error=0")
    assert (solution["text"], solution["draws"]) == (RIGHT, [0, 1, 2, 3])
    assert (solution["outcome"], solution["final_answer"]) == ("correct", "16")
    assert [s["text"] for s in solution["steps"]] == [
        "3 + 5 = 8\n\n",
        "8 + 8 = 16\n\n",
        "The answer is 16.",
    ]
    assert (question["samples"], question["correct"], question["distinct"]) == (4, 4, 1)
    assert (question["pass_rate"], question["question_reason"]) == (1.0, "all_right")


def test_failed_samples_are_counted_as_unknown_and_are_no_solution(
    tmp_path: Path, grader: Grader
) -> None:
    solutions, question = screen(tmp_path, grader, "fail=1")
    assert solutions == []
    assert (question["unknown"], question["pass_rate"]) == (4, None)
    assert (question["question_reason"], question["tokens"]) == ("no_outcome", 0)


def test_cut_samples_are_unknown_never_incorrect(tmp_path: Path, grader: Grader) -> None:
    (solution,), question = screen(tmp_path, grader, "error=0", Sampling(max_tokens=15))
    assert (solution["outcome"], solution["outcome_reason"]) == ("unknown", "truncated")
    assert (question["incorrect"], question["unknown"]) == (0, 4)


def test_steps_know_their_tokens_and_mean_logprob(grader: Grader) -> None:
    completion = Completion(
        "a\n\nb", "stop", 5, tuple(map(ord, "a\n\nb")), (-1.0, -2.0, -3.0, -0.5)
    )
    steps = cut_steps(completion, screening(StubEngine(), grader))
    assert [(s["start"], s["end"], s["token_end"], s["logprob"]) for s in steps] == [
        (0, 3, 3, -2.0),
        (3, 4, 4, -0.5),
    ]


def test_without_token_ids_steps_have_no_token_ends(grader: Grader) -> None:
    steps = cut_steps(Completion("a\n\nb", "stop", 5), screening(StubEngine(), grader))
    assert [(s["text"], s["token_end"], s["logprob"]) for s in steps] == [
        ("a\n\n", None, None),
        ("b", None, None),
    ]


@pytest.mark.parametrize(
    ("right", "wrong", "questions", "reason"),
    [
        (0, 0, ALL, "no_outcome"),
        (4, 0, Questions(), "all_right"),
        (0, 4, Questions(), "all_wrong"),
        (1, 3, Questions(), None),
        (4, 0, ALL, None),
        (0, 4, ALL, None),
        (2, 2, Questions(min_pass_rate=0.75), "low_pass_rate"),
        (3, 1, Questions(min_pass_rate=0.75), None),
    ],
)
def test_why_a_question_is_not_searched(
    right: int, wrong: int, questions: Questions, reason: str | None
) -> None:
    assert question_reason("p", right, wrong, questions, 0) == reason


def test_a_kept_share_is_a_share_and_the_same_every_time() -> None:
    half = Questions(keep_all_right=0.5)
    kept = [question_reason(f"p{n}", 4, 0, half, 0) is None for n in range(400)]
    assert 150 < sum(kept) < 250
    assert kept == [question_reason(f"p{n}", 4, 0, half, 0) is None for n in range(400)]
