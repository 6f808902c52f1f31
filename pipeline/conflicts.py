"""What rollouts say of a solution's first error against what judges say of it.

    both_none       neither finds an error          only_rollouts   judges find none
    same_step       both name it, and the same      only_judge      rollouts find none
    different_step  both name one                   undecided       at least one of them is

Guarantees: every solution is in one cell, by the columns mc_first_error and judge_first_error; with
truth each cell says how often either is right (the exact step, or none on clean ones) over the
cell's solutions whose true first error is known and on which that side decides; None where there is
no such solution. Does not say how sure a share is.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import polars as pl

from pipeline.metrics import share

CELLS = ("both_none", "same_step", "different_step", "only_rollouts", "only_judge", "undecided")


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of the table."""

    name: str
    solutions: int
    known: int  # of them, solutions whose true first error is known
    rollouts_right: float | None
    judge_right: float | None

    def as_dict(self) -> dict[str, str | int | float | None]:
        return asdict(self)


def conflicts(solutions: pl.DataFrame) -> list[Cell]:
    """All cells, in order. Columns mc_first_error, judge_first_error, and true_first_error (null:
    not known)."""
    sides = ("mc_first_error", "judge_first_error")
    true = pl.col("true_first_error")
    counted = solutions.group_by(cell().alias("cell")).agg(
        pl.len().alias("solutions"),
        true.count().alias("known"),
        *((pl.col(side) == true).sum().alias(f"{side}_right") for side in sides),
        *((pl.col(side) - true).count().alias(f"{side}_judged") for side in sides),
    )
    found = {row["cell"]: row for row in counted.iter_rows(named=True)}
    none = dict.fromkeys(counted.columns, 0)
    return [
        Cell(
            name,
            row["solutions"],
            row["known"],
            *(share(row[f"{side}_right"], row[f"{side}_judged"]) for side in sides),
        )
        for name, row in ((name, found.get(name, none)) for name in CELLS)
    ]


def cell() -> pl.Expr:
    ours, theirs = pl.col("mc_first_error"), pl.col("judge_first_error")
    return (
        pl.when(ours.is_null() | theirs.is_null())
        .then(pl.lit("undecided"))
        .when((ours == -1) & (theirs == -1))
        .then(pl.lit("both_none"))
        .when(ours == theirs)
        .then(pl.lit("same_step"))
        .when(theirs == -1)
        .then(pl.lit("only_rollouts"))
        .when(ours == -1)
        .then(pl.lit("only_judge"))
        .otherwise(pl.lit("different_step"))
    )
