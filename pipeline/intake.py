"""What a recipe takes in: problems, and solutions and rollouts that somebody already paid for.

Guaranteed: the same files give the same problems and solutions in the same order; what cannot be
used is counted by reason; where solutions are imported, each belongs to the problem whose very text
it states (an id alone is not believed: files number their problems from 0), and each problem has
at least one; no problem stands in the evaluation sets of `[decontaminate]`. Not guaranteed: that a
reference answer can be graded; the caller checks that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import pyarrow as pa

from pipeline.contamination.decontamination import Checked, Decontamination
from pipeline.errors import ProblemFileError
from pipeline.imported import read_solutions
from pipeline.importing import problems_of
from pipeline.problems import Problem, read_problems
from pipeline.recipe import Recipe
from pipeline.shapes import ImportedSolution
from pipeline.verdict import Verdict

IMPORTED = pa.schema(
    [
        ("solution_id", pa.string()),
        ("problem_id", pa.string()),
        ("policy", pa.string()),
        ("text", pa.string()),
        ("steps", pa.list_(pa.string())),
        ("truth", pa.list_(pa.string())),
        ("meta", pa.string()),
        ("finish_reason", pa.string()),
        ("prefix_hashes", pa.list_(pa.string())),  # ours: whose prefix imported rollouts continue
    ]
)


@dataclass(frozen=True, slots=True)
class Intake:
    """Usable problems; their imported solutions (None: to be drawn); what was set aside.

    `renamed`: problem ids of the solutions' file, and what these problems are called here.
    """

    problems: list[Problem]
    solutions: list[ImportedSolution] | None
    set_aside: Counter[str]
    renamed: Mapping[str, str] = field(default_factory=dict)
    checked: Checked | None = None  # against evaluation sets; hits are no more among `problems`

    def need_problems(self, source: str) -> None:
        """Raises ProblemFileError that says why nothing is left."""
        if not self.problems:
            aside = self.set_aside + (self.checked.counts() if self.checked else Counter())
            reasons = ", ".join(f"{reason}: {count}" for reason, count in aside.items())
            raise ProblemFileError(
                f"{source}: no usable problem is left ({reasons or 'it holds none'})", file=source
            )


def read_intake(recipe: Recipe) -> Intake:
    """Without problems that stand in evaluation sets. Raises ProblemFileError."""
    intake = _read_intake(recipe)
    if not recipe.decontaminate.sets:
        return intake
    checked = Decontamination(recipe.decontaminate).check(intake.problems)
    solutions = intake.solutions
    if solutions is not None:
        solutions = [one for one in solutions if one.problem_id not in checked.hits]
    return replace(
        intake,
        problems=[one for one in intake.problems if one.problem_id not in checked.hits],
        solutions=solutions,
        checked=checked,
    )


def _read_intake(recipe: Recipe) -> Intake:
    need_answers = not recipe.questions.pseudo_answer
    if not recipe.solutions.source:
        read = read_problems(
            recipe.problems.source,
            recipe.problems.columns,
            recipe.problems.limit,
            need_answers=need_answers,
        )
        return Intake(read.problems, None, Counter(row.reason for row in read.set_aside))
    imported = read_solutions(recipe.solutions.source)
    aside = Counter(f"solution: {row.reason}" for row in imported.set_aside)
    if recipe.problems.source:
        read = read_problems(
            recipe.problems.source, recipe.problems.columns, need_answers=need_answers
        )
        problems = read.problems
        aside.update(row.reason for row in read.set_aside)
        solutions = _match(imported.solutions, problems)
        aside["solution: no_problem"] += len(imported.solutions) - len(solutions)
    else:
        problems, conflicting = problems_of(imported.solutions)
        solutions = imported.solutions
        aside["conflicting_answers"] += len(conflicting)
        problems = [problem for problem in problems if problem.problem_id not in conflicting]
        if need_answers:
            aside["empty_answer"] += sum(problem.answer is None for problem in problems)
            problems = [problem for problem in problems if problem.answer is not None]
    has_one = {solution.problem_id for solution in solutions}
    aside["no_solution"] += sum(problem.problem_id not in has_one for problem in problems)
    problems = [problem for problem in problems if problem.problem_id in has_one]
    problems = problems[: recipe.problems.limit or None]
    kept = {problem.problem_id for problem in problems}
    solutions = [solution for solution in solutions if solution.problem_id in kept]
    old = {solution.solution_id: solution.problem_id for solution in imported.solutions}
    renamed = {old[solution.solution_id]: solution.problem_id for solution in solutions}
    return Intake(problems, solutions, +aside, renamed)


def _match(
    solutions: Sequence[ImportedSolution], problems: Sequence[Problem]
) -> list[ImportedSolution]:
    """Those whose problem is there, with its id."""
    text_of = {problem.problem_id: problem.text.strip() for problem in problems}
    by_text = {problem.text.strip(): problem.problem_id for problem in problems}
    found = []
    for solution in solutions:
        text = solution.problem.strip()
        if text_of.get(solution.problem_id) == text:
            found.append(solution)
        elif (problem_id := by_text.get(text)) is not None:
            found.append(replace(solution, problem_id=problem_id))
    return found


def solutions_table(solutions: Sequence[ImportedSolution]) -> pa.Table:
    """What is kept of imported solutions beside a batch; the rest is in its problems."""
    rows = [{name: getattr(solution, name) for name in IMPORTED.names} for solution in solutions]
    return pa.Table.from_pylist(rows, schema=IMPORTED)


def solutions_of(table: pa.Table, problems: Sequence[Problem]) -> list[ImportedSolution]:
    """The inverse of `solutions_table`, for the problems of one shard."""
    problem_of = {problem.problem_id: problem for problem in problems}
    return [
        ImportedSolution(
            **row | {"truth": row["truth"] and [Verdict(one) for one in row["truth"]]},
            problem=problem_of[row["problem_id"]].text,
            answer=problem_of[row["problem_id"]].answer,
        )
        for row in table.to_pylist()
    ]
