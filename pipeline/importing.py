"""Imported solutions as rows of our tables: cut, graded, with their problems and their truth.

Guaranteed: pieces that a file gives are kept as they are; a solution without pieces is cut by the
rule; a solution whose problem has no answer is unknown, never incorrect.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import accumulate
from typing import Any

import pyarrow as pa

from pipeline.batches import problem_rows
from pipeline.errors import ProblemFileError
from pipeline.grading.compare import compare, guess_answer_type
from pipeline.grading.grader import Grader
from pipeline.majority import with_majority
from pipeline.problems import Problem
from pipeline.schemas import QUESTIONS, SOLUTIONS, TRUTH
from pipeline.segment import SEGMENT_VERSION, Rule, segment, spans_of
from pipeline.shapes import ImportedSolution
from pipeline.solution import solution_row, step_rows
from pipeline.verdict import Grade, Verdict


def problem_of(solution: ImportedSolution) -> Problem:
    """The problem as the solution's row tells it."""
    answer = solution.answer
    return Problem(
        problem_id=solution.problem_id,
        text=solution.problem,
        answer=answer,
        answer_type=guess_answer_type(answer) if answer else "",
        source=solution.source or "imported",
        domain=solution.domain or "unknown",
        language=solution.language or "und",
        meta="{}",
        level=solution.level,
        answer_origin=_origin(solution),
        answer_agreement=solution.answer_agreement,
    )


def _origin(solution: ImportedSolution) -> str | None:
    if not solution.answer:
        return None
    return "given" if solution.answer_agreement is None else "majority"


def problems_of(solutions: Iterable[ImportedSolution]) -> tuple[list[Problem], set[str]]:
    """Each problem once, in the order of the file, from the first row that tells its answer; and
    the ids of those whose rows tell different answers: they have none.

    Raises ProblemFileError where one id stands for two texts.
    """
    first: dict[str, ImportedSolution] = {}
    conflicting: set[str] = set()
    for solution in solutions:
        known = first.setdefault(solution.problem_id, solution)
        if known.problem.strip() != solution.problem.strip():
            raise ProblemFileError(
                f"problem_id {solution.problem_id!r} stands for two problems, in the rows of the "
                f"solutions {known.solution_id!r} and {solution.solution_id!r}; give each problem "
                f"an id of its own, or leave the column out",
                problem_id=solution.problem_id,
            )
        if solution.answer is None:
            continue
        if known.answer is None:
            first[solution.problem_id] = solution
        elif not _same_answer(known.answer, solution.answer):
            conflicting.add(solution.problem_id)
    problems = [problem_of(solution) for solution in first.values()]
    nobody_knows = {"answer": None, "answer_type": "", "answer_origin": None}
    return [
        replace(p, **nobody_knows) if p.problem_id in conflicting else p  # type: ignore[arg-type]
        for p in problems
    ], conflicting


def _same_answer(one: str, other: str) -> bool:
    if one == other:
        return True
    grade = compare(one, other, guess_answer_type(one))
    return grade is not None and grade.verdict is Verdict.CORRECT


def cut(solution: ImportedSolution, rule: Rule) -> list[tuple[int, int]]:
    """The span of every step."""
    if solution.steps is None:
        return segment(solution.text, rule)
    return spans_of(accumulate(map(len, solution.steps)))


def segmentation_of(given: Sequence[bool], rule: Rule) -> str:
    """What cut the steps of some solutions: their file where it brought pieces, our rule else."""
    ours = f"{rule}@{SEGMENT_VERSION}"
    if all(given):
        return "imported"
    return f"imported, {ours}" if any(given) else ours


async def grade(solution: ImportedSolution, problem: Problem, grader: Grader) -> Grade:
    end = solution.finish_reason or "stop"
    return await grader.grade(solution.text, problem.answer, problem.answer_type, end)


def imported_row(
    solution: ImportedSolution, spans: Sequence[tuple[int, int]], grade: Grade
) -> dict[str, Any]:
    return solution_row(
        solution_id=solution.solution_id,
        problem_id=solution.problem_id,
        policy=solution.policy,
        prompt_hash=None,
        text=solution.text,
        steps=step_rows(solution.text, spans),
        grade=grade,
        origin="imported",
        finish_reason=solution.finish_reason,
    )


def truth_rows(solutions: Iterable[ImportedSolution]) -> Iterator[dict[str, Any]]:
    """Rows of the truth table, for solutions whose file holds labels."""
    for solution in solutions:
        for step, verdict in enumerate(solution.truth or ()):
            yield {
                "solution_id": solution.solution_id,
                "step": step,
                "verdict": verdict.value,
                "origin": "imported",
            }


async def import_shard(
    problems: Sequence[Problem],
    solutions: Sequence[ImportedSolution],
    rule: Rule,
    pseudo_answer: float,
    grader: Grader,
) -> dict[str, pa.Table]:
    """Tables `problems`, `solutions`, `questions` and, where the file holds labels, `truth`, in the
    order of `problems`: what `screen_shard` gives for drawn ones. No sample was drawn, so no
    question has a pass rate: one is left out only where none of its solutions has a known outcome.
    """
    texts: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for solution in solutions:
        texts[solution.problem_id].append((solution.text, solution.finish_reason or "stop"))
    problems = await asyncio.gather(
        *(with_majority(p, texts[p.problem_id], pseudo_answer, grader) for p in problems)
    )
    problem_of = {problem.problem_id: problem for problem in problems}
    grades = await asyncio.gather(
        *(grade(solution, problem_of[solution.problem_id], grader) for solution in solutions)
    )
    of_problem: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for solution, found in zip(solutions, grades, strict=True):
        row = imported_row(solution, cut(solution, rule), found)
        of_problem[solution.problem_id].append(row)
    rows = [row for problem in problems for row in of_problem[problem.problem_id]]
    questions = [_question(problem, of_problem[problem.problem_id]) for problem in problems]
    truth = list(truth_rows(solutions))
    return {
        "problems": problem_rows(problems),
        "solutions": pa.Table.from_pylist(rows, schema=SOLUTIONS),
        "questions": pa.Table.from_pylist(questions, schema=QUESTIONS),
    } | ({"truth": pa.Table.from_pylist(truth, schema=TRUTH)} if truth else {})


def _question(problem: Problem, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    known = any(row["outcome"] != Verdict.UNKNOWN.value for row in rows)
    return {
        "problem_id": problem.problem_id,
        "samples": 0,
        "correct": 0,
        "incorrect": 0,
        "unknown": 0,
        "distinct": len({row["text"] for row in rows}),
        "pass_rate": None,
        "question_reason": "weak_majority"
        if problem.answer is None
        else None
        if known
        else "no_outcome",
        "tokens": 0,
    }
