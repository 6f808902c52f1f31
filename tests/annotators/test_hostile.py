"""Every annotator of text on the hostile corpus, in limited workers, as a run asks it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from annotators.checkers import CHECKERS, build_checker
from annotators.steps import SolutionText, annotate_solutions
from pipeline.workers import CheckerPool
from tests.annotators.hostile import LENGTH, LETTERS, NUMBERS, corpus

SECONDS = 5.0  # of a check; each takes a twentieth of it
REASONS = {"unreadable", "not_covered", "undecided"}
GOOD = SolutionText("good", "Every wug is kind. Max is a wug.", ("Max is a wug.", "2 + 2 = 5"))
SAID = {  # of the good solution's steps, whatever came before it
    "algebra": ["not_covered", "undecided"],
    "arithmetic": ["not_covered", "incorrect"],
    "consistency": ["not_covered", "not_covered"],
    "logic": ["correct", "not_covered"],
    "quantities": ["not_covered", "not_covered"],
    "program": ["not_covered", "not_covered"],
}


@pytest.fixture(scope="module")
def pool() -> Iterator[CheckerPool]:
    with CheckerPool(2) as pool:
        yield pool


def annotate(name: str, texts: list[SolutionText], pool: CheckerPool) -> list[dict[str, Any]]:
    table = asyncio.run(annotate_solutions(build_checker(name, {}), texts, pool))
    return table.to_pylist()


def said(row: dict[str, Any]) -> str:
    """The verdict; of an unknown one, its reason."""
    if row["unknown"]:
        return str(row["detail"][0]["text"])
    return "incorrect" if row["incorrect"] else "correct"


@pytest.mark.parametrize("name", CHECKERS)
def test_hostile_text_is_unknown_in_time_and_runs_nothing(
    name: str, pool: CheckerPool, tmp_path: Path
) -> None:
    canary = tmp_path / "canary"
    texts = corpus(canary)
    rows = annotate(name, [*texts, GOOD], pool)
    assert len(rows) == sum(len(text.steps) for text in texts) + 2
    hostile = [row for row in rows if row["solution_id"] != "good"]
    # A busy machine may not start a program's sandbox in time.
    allowed = REASONS | ({"timeout"} if name == "program" else set())
    judged = {row["solution_id"] for row in hostile if said(row) not in allowed}
    assert judged <= {
        text.solution_id for text in texts if "Max is kind." in text.steps and name == "logic"
    }
    assert max(row["seconds"] for row in rows) < SECONDS
    assert not canary.exists()
    assert [said(row) for row in rows[-2:]] == SAID[name]


@pytest.mark.parametrize("name", CHECKERS)
@pytest.mark.parametrize("text", ["", "\x00", "Max \ud800", "a" * 1_000_000])
def test_a_step_that_is_no_text_is_unreadable(name: str, text: str, pool: CheckerPool) -> None:
    (row,) = annotate(name, [SolutionText("s", "Q", (text,))], pool)
    assert said(row) == "unreadable"


@pytest.mark.parametrize("text", [*NUMBERS[:2], "2^(2^(2^(2^(2^2)))) = 5", "1/0 + 1 = 2"])
def test_an_equation_beyond_the_limits_is_undecided(text: str, pool: CheckerPool) -> None:
    (row,) = annotate("arithmetic", [SolutionText("s", "Q", (text,))], pool)
    assert said(row) == "undecided"


def test_the_corpus_is_hostile() -> None:
    """Long, deep and strange enough: what the limits are for."""
    assert min(map(len, LENGTH)) > 900_000
    assert any(len(text) > 200_000 for text in NUMBERS)
    assert {"\u202e", "\u200b", "\x00", "\ud800"} <= set("".join(LETTERS))
