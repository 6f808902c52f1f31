"""Screening: drawing solutions, cutting and grading them, and filtering questions.

The samples of a problem are used three times: as solutions, as rollouts from the problem alone,
and as its self-confidence (pass rate). Equal texts are merged into one solution that remembers
its draws. A sample that failed has no text and is only counted, as unknown.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from pipeline.batches import problem_rows
from pipeline.engines.base import Completion, Engine, Prompt
from pipeline.grading.grader import Grader
from pipeline.majority import with_majority
from pipeline.problems import Problem
from pipeline.prompt import PromptTemplate
from pipeline.purchase import Purchaser
from pipeline.recipe import Questions
from pipeline.schemas import QUESTIONS, SOLUTIONS
from pipeline.segment import Rule, segment, token_ends
from pipeline.solution import solution_id, solution_row, step_rows
from pipeline.together import together
from pipeline.verdict import Grade, Verdict


@dataclass(frozen=True, slots=True)
class Screening:
    """What screening needs beside the problems; the same for every shard."""

    engine: Engine  # for its tokenizer alone
    template: PromptTemplate
    samples: int
    split: Rule
    questions: Questions
    grader: Grader
    seed: int


async def screen_shard(
    problems: Sequence[Problem], screening: Screening, purchaser: Purchaser
) -> dict[str, pa.Table] | None:
    """Tables `problems`, `solutions` and `questions`, in the order of `problems`; None where the
    run may not buy all of the samples."""
    found = await together(_screen_problem(problem, screening, purchaser) for problem in problems)
    screened = [one for one in found if one is not None]
    if len(screened) < len(found):
        return None
    solutions = [row for _, rows, _ in screened for row in rows]
    return {
        "problems": problem_rows([problem for problem, _, _ in screened]),
        "solutions": pa.Table.from_pylist(solutions, schema=SOLUTIONS),
        "questions": pa.Table.from_pylist([q for _, _, q in screened], schema=QUESTIONS),
    }


async def _screen_problem(
    problem: Problem, screening: Screening, purchaser: Purchaser
) -> tuple[Problem, list[dict[str, Any]], dict[str, Any]] | None:
    prompt = problem_prompt(problem.text, screening)
    if not purchaser.can_draw(prompt, 0, screening.samples):
        return None
    completions = await purchaser.draw(problem.problem_id, prompt, 0, screening.samples)
    if purchaser.too_late(completions):
        return None
    problem = await with_majority(
        problem,
        [(c.text, c.finish_reason) for c in completions],
        screening.questions.pseudo_answer,
        screening.grader,
    )
    grades = await screening.grader.grade_all(
        [(c.text, c.finish_reason) for c in completions], problem.answer, problem.answer_type
    )
    rows: dict[str, dict[str, Any]] = {}
    for draw, (completion, grade) in enumerate(zip(completions, grades, strict=True)):
        if completion.finish_reason == "failed":
            continue
        row = rows.get(completion.text)
        if row is None:
            rows[completion.text] = _solution(
                problem, screening, purchaser, completion, grade, draw
            )
        else:
            row["draws"].append(draw)
    question = _question(problem, screening, completions, grades, len(rows))
    return problem, list(rows.values()), question


def problem_prompt(text: str, screening: Screening) -> Prompt:
    """The rendered prompt, with token ids where the engine's tokenizer is on this side."""
    rendered = screening.template.render(text)
    return Prompt(rendered, screening.engine.encode(rendered))


def _solution(
    problem: Problem,
    screening: Screening,
    purchaser: Purchaser,
    completion: Completion,
    grade: Grade,
    draw: int,
) -> dict[str, Any]:
    revision, prompt_hash = purchaser.identity.model_revision, screening.template.hash
    return solution_row(
        solution_id=solution_id(problem.problem_id, revision, prompt_hash, completion.text),
        problem_id=problem.problem_id,
        policy=revision,
        prompt_hash=prompt_hash,
        text=completion.text,
        steps=cut_steps(completion, screening),
        grade=grade,
        origin="sampled",
        token_ids=completion.token_ids,
        finish_reason=completion.finish_reason,
        tokens=completion.tokens,
        draws=[draw],
        seed=screening.seed,
    )


def cut_steps(completion: Completion, screening: Screening) -> list[dict[str, Any]]:
    """The STEP structs of a completion's text."""
    spans = segment(completion.text, screening.split)
    ids = completion.token_ids
    chars = None if ids is None else screening.engine.char_ends(ids)
    ends = None if chars is None else token_ends(spans, chars)[0]
    return step_rows(completion.text, spans, ends, completion.logprobs)


def _question(
    problem: Problem,
    screening: Screening,
    completions: Sequence[Completion],
    grades: Sequence[Grade],
    distinct: int,
) -> dict[str, Any]:
    counts = Counter(grade.verdict for grade in grades)
    right, wrong = counts[Verdict.CORRECT], counts[Verdict.INCORRECT]
    known = right + wrong
    return {
        "problem_id": problem.problem_id,
        "samples": len(completions),
        "correct": right,
        "incorrect": wrong,
        "unknown": counts[Verdict.UNKNOWN],
        "distinct": distinct,
        "pass_rate": right / known if known else None,
        "question_reason": "weak_majority"
        if problem.answer is None
        else question_reason(problem.problem_id, right, wrong, screening.questions, screening.seed),
        "tokens": sum(c.tokens for c in completions),
    }


def question_reason(
    problem_id: str, right: int, wrong: int, questions: Questions, seed: int
) -> str | None:
    """Why a question is not searched, or None (OmegaPRM, section 3.4: drop all or none right)."""
    if right + wrong == 0:
        return "no_outcome"
    share = _share(problem_id, seed)
    if wrong == 0 and share >= questions.keep_all_right:
        return "all_right"
    if right == 0 and share >= questions.keep_all_wrong:
        return "all_wrong"
    if right and right / (right + wrong) < questions.min_pass_rate:
        return "low_pass_rate"
    return None


def _share(problem_id: str, seed: int) -> float:
    """A fixed place in [0, 1) for each problem, so that a kept share is the same in every run."""
    digest = hashlib.blake2b(f"{seed}\0{problem_id}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64
