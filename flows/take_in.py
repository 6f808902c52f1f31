"""What a run plans: problems that are new in its folder and whose answers can be graded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import polars as pl
import pyarrow as pa

from flows.context import RunContext
from pipeline.batches import Batch, new_problems
from pipeline.contamination.decontamination import Checked
from pipeline.intake import read_intake, solutions_table
from pipeline.paid_file import read_paid
from pipeline.problems import Problem
from pipeline.recipe import Recipe
from pipeline.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Fresh:
    """A batch to be planned. `rejected`: by id, answers that do not grade as equal to themselves;
    `set_aside`: counts by reason; `imported`: tables that `plan_batch` splits by shard."""

    problems: list[Problem]
    rejected: dict[str, str]
    set_aside: Counter[str]
    imported: dict[str, pa.Table]
    checked: Checked | None  # against evaluation sets
    known: frozenset[str]  # problems that the folder held before


def take_in(recipe: Recipe, context: RunContext, batches: Sequence[Batch]) -> Fresh:
    """Raises ProblemFileError where there is nothing at all."""
    intake = read_intake(recipe)
    set_aside = Counter(intake.set_aside)
    fresh = new_problems(batches, intake.problems)
    known: frozenset[str] = frozenset()
    if intake.checked is not None:
        known = frozenset(name for batch in batches for name in batch.texts())
        set_aside += intake.checked.counts(besides=known)
    gradable = context.loop.call(_self_check(context, fresh))
    good = [problem for problem in fresh if problem.problem_id in gradable]
    rejected = {p.problem_id: p.answer or "" for p in fresh if p.problem_id not in gradable}
    if rejected:
        set_aside["answer_not_equal_to_itself"] = len(rejected)
    if not batches:
        left = replace(intake, problems=good, set_aside=set_aside, checked=None)
        left.need_problems(recipe.problems.source or recipe.solutions.source)
    imported: dict[str, pa.Table] = {}
    if intake.solutions is not None and good:
        kept = {problem.problem_id for problem in good}
        solutions = [s for s in intake.solutions if s.problem_id in kept]
        imported["solutions"] = solutions_table(solutions)
        old = len(intake.solutions) - len(solutions)
        if old and batches:
            set_aside["solution: of a problem that is no new one"] = old
        if recipe.solutions.rollouts:
            revision, source = context.prover.identity.model_revision, context.prover.source()
            paid = read_paid(recipe.solutions.rollouts, revision, source).with_columns(
                pl.col("problem_id").replace(dict(intake.renamed))
            )
            ours = {problem.problem_id for problem in intake.problems}
            set_aside["rollout: no_problem"] += len(paid.filter(~pl.col("problem_id").is_in(ours)))
            imported["rollouts"] = paid.to_arrow()
    return Fresh(good, rejected, +set_aside, imported, intake.checked, known)


async def _self_check(context: RunContext, problems: Sequence[Problem]) -> set[str]:
    """Ids of problems whose answer grades as equal to itself, or that have none."""
    asked = [p for p in problems if p.answer is not None]
    grades = await context.grader.self_check([(p.answer or "", p.answer_type) for p in asked])
    good = {
        problem.problem_id
        for problem, grade in zip(asked, grades, strict=True)
        if grade.verdict is Verdict.CORRECT
    }
    return good | {p.problem_id for p in problems if p.answer is None}
