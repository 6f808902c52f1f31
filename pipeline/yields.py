"""How much of each class is kept, and how well errors are placed in what is kept.

A filter that keeps half of the solutions may keep nearly all clean ones and hardly an erroneous
one, and a yield over all of them hides that.

Guarantees: with truth the classes are `erroneous` and `clean` by the true first error, and
solutions of which it is not known are in neither; without truth they are what rollouts call them
(view hard), `undecided` among them. Precision is over kept solutions whose published first error
names a step: the share that name the right one (on clean ones any is wrong). None where undefined.
Does not compare views: it speaks of the rows as published.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import polars as pl

from pipeline.metrics import share


@dataclass(frozen=True, slots=True)
class ClassYield:
    """One class."""

    name: str  # erroneous / clean / undecided
    by: str  # truth / rollouts: who says so
    solutions: int
    kept: int
    kept_share: float | None
    located: int  # kept solutions whose first error names a step
    location_precision: float | None  # None where truth is not known

    def as_dict(self) -> dict[str, str | int | float | None]:
        return asdict(self)


def class_yields(solutions: pl.DataFrame) -> list[ClassYield]:
    """By truth where the true first error of any solution is known, by rollouts otherwise. Columns
    keep, first_error, mc_first_error, true_first_error."""
    known = solutions["true_first_error"].count() > 0
    by, column = ("truth", "true_first_error") if known else ("rollouts", "mc_first_error")
    first = pl.col(column)
    classes = {"erroneous": first >= 0, "clean": first == -1}
    if not known:
        classes["undecided"] = first.is_null()
    return [_of_class(name, by, solutions.filter(mask), known) for name, mask in classes.items()]


def _of_class(name: str, by: str, members: pl.DataFrame, known: bool) -> ClassYield:
    kept = members.filter("keep")
    located = kept.filter(pl.col("first_error") >= 0)
    right = int((located["first_error"] == located["true_first_error"]).sum())
    return ClassYield(
        name=name,
        by=by,
        solutions=len(members),
        kept=len(kept),
        kept_share=share(len(kept), len(members)),
        located=len(located),
        location_precision=share(right, len(located)) if known else None,
    )
