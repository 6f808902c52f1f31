"""From stored tables to what a search works on: solutions cut into prefixes, by problem."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from annotators.rollouts import SearchTask
from annotators.search.probe import Candidate
from pipeline.engines.base import Engine, Prompt
from pipeline.prefix import CutSolution, about_tokens
from pipeline.problems import Problem
from pipeline.prompt import PromptTemplate
from pipeline.verdict import Verdict


def search_tasks(
    problems: Sequence[Problem],
    solutions: pa.Table,
    questions: pa.Table,
    engine: Engine,
    template: PromptTemplate,
    same_tokenizer: Callable[[str | None], bool],
) -> list[SearchTask]:
    """One task a problem, in the order of `problems`; `engine` and `template` are the prover's.

    `same_tokenizer`: whether the policy of a revision, which wrote a solution, has the prover's.
    Where it has not, prefixes are text: ids of one tokenizer mean nothing to the other.
    """
    by_problem: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in solutions.to_pylist():
        by_problem[row["problem_id"]].append(row)
    question_of = {row["problem_id"]: row for row in questions.to_pylist()}
    tasks = []
    for problem in problems:
        rendered = template.render(problem.text)
        rows = by_problem[problem.problem_id]
        same = {row["policy"]: same_tokenizer(row["policy"]) for row in rows}
        ids = engine.encode(rendered) if any(same.values()) else None
        candidates = [
            Candidate(
                cut_solution(row, Prompt(rendered, ids if same[row["policy"]] else None), engine),
                Verdict(row["outcome"]),
                length(row),
                (row["draws"] or [-1])[0],
                len(row["draws"] or ()),
                tuple(step["logprob"] for step in row["steps"]),
            )
            for row in rows
        ]
        mean = sum(c.tokens for c in candidates) / max(len(candidates), 1)
        question = question_of[problem.problem_id]
        steps = {row["solution_id"]: row["steps"] for row in rows}
        policy = min((row["policy"] or "" for row in rows), default="")
        tasks.append(SearchTask(problem, candidates, mean, question, policy, steps))
    return tasks


def length(row: Mapping[str, Any]) -> int:
    """Tokens of a solution, guessed where nobody counted them (imported)."""
    return int(row["tokens"] or about_tokens(row["text"]))


def cut_solution(row: Mapping[str, Any], prompt: Prompt, engine: Engine) -> CutSolution:
    """A row of the solutions table as a search sees it."""
    steps = row["steps"]
    ids = row["token_ids"] if prompt.token_ids is not None else None
    chars = engine.char_ends(tuple(ids)) if ids is not None else None
    cuts = [step["token_end"] for step in steps]
    known = chars is not None and None not in cuts
    return CutSolution(
        solution_id=row["solution_id"],
        problem_id=row["problem_id"],
        prompt=prompt,
        text=row["text"],
        ends=tuple(step["end"] for step in steps),
        token_ids=tuple(ids) if known and ids is not None else None,
        token_ends=tuple(cuts) if known else None,
        char_ends=tuple(chars) if known and chars is not None else None,
    )
