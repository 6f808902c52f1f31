"""Solutions that somebody already has: with steps or without, with human labels or without.

Guaranteed: `steps`, where a row gives them, are pieces that join to `text` exactly; `truth` is as
long as `steps`, and says nothing (unknown) where the labels say nothing. A row that fits no shape
of pipeline/shapes is set aside with its reason; a file without a single usable row raises
`ProblemFileError`. Not guaranteed: that the labels are right.

Ids come from the row, or from content: the same problem text gives the same `problem_id` as in
`read_problems`.
"""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.errors import ProblemFileError
from pipeline.rows import BadRow, Row, SetAside, columns_of, read_rows
from pipeline.shapes import SHAPES, ImportedSolution, parse
from pipeline.verdict import Verdict


@dataclass(frozen=True, slots=True)
class ImportedSet:
    """The usable solutions in file order, and the rows that are not."""

    solutions: list[ImportedSolution]
    set_aside: list[SetAside]


def read_solutions(
    source: str, *, neutral: Verdict = Verdict.CORRECT, wrong_branches: bool = False
) -> ImportedSet:
    """All solutions of `source` (the same kinds of source as `read_problems`).

    For PRM800K only: `neutral` is what a rating of 0 counts as, and `wrong_branches` adds, for
    each alternative step that was rated -1, the path up to there with that step as its end (in
    phase 1 the chosen path itself goes on with a right step, so it holds no error at all).
    """
    rows = read_rows(source)
    solutions: list[ImportedSolution] = []
    set_aside: list[SetAside] = []
    given: dict[str, int] = {}
    from_content: set[str] = set()
    for row in rows:
        try:
            parsed = parse(row.data, neutral, wrong_branches)
        except BadRow as bad:
            set_aside.append(SetAside(row.number, _problem_id(row), bad.reason, bad.detail))
            continue
        for solution, own_id in parsed:
            if own_id:
                _refuse_twice(source, given, solution.solution_id, row.number)
            elif solution.solution_id in from_content:
                detail = f"{solution.solution_id} is the same solution as one before"
                set_aside.append(
                    SetAside(row.number, solution.problem_id, "duplicate_solution", detail)
                )
                continue
            from_content.add(solution.solution_id)
            solutions.append(solution)
    if not solutions:
        first = set_aside[0]
        raise ProblemFileError(
            f"{source}: no row is a solution (row {first.row}: {first.reason}: {first.detail}); "
            f"columns are: {', '.join(columns_of(rows)) or 'none'}; shapes are: "
            f"{'; '.join(SHAPES)}",
            file=source,
            row=first.row,
            field=None,
        )
    return ImportedSet(solutions, set_aside)


def _refuse_twice(source: str, given: dict[str, int], name: str, row: int) -> None:
    if given.setdefault(name, row) != row:
        raise ProblemFileError(
            f"{source}: rows {given[name]} and {row} have the same id '{name}'",
            file=source,
            row=row,
            field="id",
            rows=(given[name], row),
        )


def _problem_id(row: Row) -> str | None:
    value = row.data.get("problem_id") if isinstance(row.data, dict) else None
    return value if isinstance(value, str) else None
