"""Rollouts from corrected prefixes, with an engine whose answers are known."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from annotators.judge.confirm import Attempt, Confirmer
from annotators.judge.correction import Tried
from pipeline.engines.base import FAILED, Completion, Prompt, Sampling
from pipeline.grading.grader import Grader
from pipeline.journal import Journal
from pipeline.meter import Meter
from pipeline.problems import Problem
from pipeline.prompt import load_prompt
from pipeline.purchase import Purchaser
from pipeline.workers import CheckerPool
from tests.scripted_engine import ScriptedEngine

PROBLEM = Problem(
    problem_id="p", source="s", domain="toy", language="en", text="Add up: 3 + 5 + 8",
    answer="16", answer_type="number", meta="{}",
)  # fmt: skip
SAID: list[str | Completion] = [
    "The answer is 16.",
    "The answer is 17.",
    FAILED,
    Completion("8 + 8 =", "length", 7),
]


def run(tmp_path: Path, attempts: list[Attempt]) -> tuple[list[Tried], ScriptedEngine]:
    engine = ScriptedEngine(lambda prompt, draw: SAID[draw])
    pool = CheckerPool(1)
    journal = Journal(tmp_path / "journal")
    journal.load()

    async def work() -> list[Tried]:
        purchaser = Purchaser(engine, engine.identity, Sampling(), 0, journal, Meter())
        confirmer = Confirmer(purchaser, load_prompt("{problem}\n"), Grader(pool))
        try:
            return await confirmer.all(attempts)
        finally:
            await journal.close()

    try:
        return asyncio.run(work()), engine
    finally:
        pool.close()


@pytest.mark.parametrize(
    ("draws", "expected"),
    [(1, Tried(1, 1, 18)), (2, Tried(1, 2, 36)), (4, Tried(1, 2, 43))],
)
def test_failed_and_cut_rollouts_are_no_outcome(
    tmp_path: Path, draws: int, expected: Tried
) -> None:
    found, _ = run(tmp_path, [Attempt(PROBLEM, "3 + 5 = 8\n\n", draws)])
    assert found == [expected]


def test_the_prompt_is_the_problem_and_the_corrected_prefix_as_text(tmp_path: Path) -> None:
    _, engine = run(tmp_path, [Attempt(PROBLEM, "3 + 5 = 8\n\n", 2)])
    assert [request.prompt for request in engine.asked] == [
        Prompt("Add up: 3 + 5 + 8\n3 + 5 = 8\n\n")
    ]


def test_equal_corrections_are_bought_once_and_their_tokens_counted_once(tmp_path: Path) -> None:
    same = "3 + 5 = 8\n\n"
    found, engine = run(
        tmp_path, [Attempt(PROBLEM, same, 1), Attempt(PROBLEM, same, 2), Attempt(PROBLEM, same, 1)]
    )
    assert found == [Tried(1, 1, 18), Tried(1, 2, 18), Tried(1, 1, 0)]
    assert [request.n for request in engine.asked] == [2]
