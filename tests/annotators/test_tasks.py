"""From stored rows to solutions that can be cut."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from annotators.tasks import cut_solution, search_tasks
from pipeline.engines.base import Prompt
from pipeline.engines.stub import StubEngine
from pipeline.problems import Problem
from pipeline.prompt import PromptTemplate
from pipeline.schemas import QUESTIONS, SOLUTIONS
from pipeline.verdict import Verdict

TEMPLATE = PromptTemplate("", "\n")


def row(text: str = "ab", token_ids: list[int] | None = None, **changed: Any) -> dict[str, Any]:
    """Two steps of one letter; tokens are code points."""
    steps = [
        {"text": text[t], "start": t, "end": t + 1, "token_end": t + 1, "logprob": None}
        for t in range(len(text))
    ]
    ids = list(map(ord, text)) if token_ids is None else token_ids
    return {
        "solution_id": f"s-{text}",
        "problem_id": "p",
        "text": text,
        "steps": steps,
        "token_ids": ids,
        "outcome": "incorrect",
        "tokens": 3,
    } | changed


def problem(problem_id: str) -> Problem:
    return Problem(problem_id, f"Q{problem_id}", "5", "number", "t", "d", "en", "{}")


def test_a_solution_of_tokens_is_cut_at_tokens() -> None:
    cut = cut_solution(row(), Prompt("Q", (81,)), StubEngine())
    assert (cut.token_ids, cut.token_ends, cut.char_ends) == ((97, 98), (1, 2), (1, 2))
    assert cut.prefix(1).prompt == Prompt("Qa", (81, 97))


def test_without_ids_of_the_prompt_a_solution_is_text() -> None:
    cut = cut_solution(row(), Prompt("Q"), StubEngine())
    assert cut.prefix(2).prompt == Prompt("Qab")


def test_without_ids_of_its_own_a_solution_is_text() -> None:
    cut = cut_solution(row() | {"token_ids": None}, Prompt("Q", (81,)), StubEngine())
    assert cut.prefix(0).prompt == Prompt("Q", (81,))
    assert cut.prefix(1).prompt == Prompt("Qa")


def test_a_step_without_a_token_end_makes_it_text() -> None:
    broken = row()
    broken["steps"][1]["token_end"] = None
    assert cut_solution(broken, Prompt("Q", (81,)), StubEngine()).token_ids is None


def tasks(same_tokenizer: bool) -> Any:
    solutions = pa.Table.from_pylist(
        [row("ab"), row("cd", tokens=6, outcome="correct"), row("ef", problem_id="r")],
        schema=SOLUTIONS,
    )
    questions = pa.Table.from_pylist([{"problem_id": i} for i in "prq"], schema=QUESTIONS)
    problems = [problem("q"), problem("p"), problem("r")]
    return search_tasks(
        problems, solutions, questions, StubEngine(), TEMPLATE, lambda _: same_tokenizer
    )


def test_tasks_follow_the_problems_with_their_solutions() -> None:
    found = [(t.problem.problem_id, [c.solution.text for c in t.candidates]) for t in tasks(True)]
    assert found == [("q", []), ("p", ["ab", "cd"]), ("r", ["ef"])]


def test_a_task_knows_outcomes_mean_length_and_question() -> None:
    task = tasks(True)[1]
    assert [c.outcome for c in task.candidates] == [Verdict.INCORRECT, Verdict.CORRECT]
    assert (task.mean_tokens, task.question["problem_id"]) == (4.5, "p")


def test_ids_of_another_tokenizer_are_not_used() -> None:
    assert tasks(True)[1].candidates[0].solution.prefix(1).prompt.token_ids == tuple(
        map(ord, "Qp\na")
    )
    assert tasks(False)[1].candidates[0].solution.prefix(1).prompt == Prompt("Qp\na")
