"""What rollouts, judges and tools make of a dataset together: conflicts, yields, joint errors.

Guarantees: solutions of questions that were not searched are left out and counted, for nobody
rolled them out; conflicts are empty where no judge voted, and joint errors where truth is not
given. Tables of schema 3 and older, which know no judge, are read as such. Does not change a label.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from pipeline.conflicts import Cell, conflicts
from pipeline.joint_errors import JointErrors, joint_errors, sources
from pipeline.labels.keep import QUESTION_REASONS
from pipeline.labels.layout import Layout
from pipeline.step_truth import align
from pipeline.yields import ClassYield, class_yields

FIRST_ERRORS = ("mc_first_error", "judge_first_error")
VOTES = ("judge_correct", "judge_incorrect", "judge_unknown")


@dataclass(frozen=True, slots=True)
class Consensus:
    """Of one table of labels."""

    solutions: int
    not_searched: int  # left out
    conflicts: tuple[Cell, ...]
    yields: tuple[ClassYield, ...]
    joint_errors: tuple[JointErrors, ...]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        parts = ("conflicts", "yields", "joint_errors")
        counts = {"solutions": self.solutions, "not_searched": self.not_searched}
        return counts | {part: [one.as_dict() for one in getattr(self, part)] for part in parts}


def consensus(
    labels: pl.DataFrame, evidence: pl.DataFrame, truth: pl.DataFrame | None = None
) -> Consensus:
    """Of tables of schemas LABELS, EVIDENCE and TRUTH."""
    used = searched(labels)
    layout = Layout.of_lengths(used["label"].list.len().cast(pl.Int64).to_numpy())
    if truth is None:
        known = used.with_columns(true_first_error=pl.lit(None, dtype=pl.Int64))
        pairs = []
    else:
        true = align(used["solution_id"], layout, truth)
        first = pl.Series(true.first_error).zip_with(
            pl.Series(true.decided), pl.Series([None], dtype=pl.Int64)
        )
        known = used.with_columns(true_first_error=first)
        pairs = joint_errors(sources(used, evidence, layout), true)
    return Consensus(
        len(used),
        len(labels) - len(used),
        tuple(conflicts(known)) if judged(used.lazy()) else (),
        tuple(class_yields(known)),
        tuple(pairs),
    )


def searched(labels: pl.DataFrame) -> pl.DataFrame:
    """Solutions of questions that were searched, with the columns that older tables lack."""
    missing = [name for name in FIRST_ERRORS if name not in labels.columns]
    dropped = pl.col("keep_reason").is_in(QUESTION_REASONS).fill_null(False)
    return labels.filter(~dropped).with_columns(
        pl.lit(None, dtype=pl.Int32).alias(name) for name in missing
    )


def judged(labels: pl.LazyFrame) -> bool:
    """Whether any judge was asked about any step."""
    if VOTES[0] not in labels.collect_schema().names():
        return False
    asked = pl.any_horizontal((pl.col(name).list.max() > 0).any() for name in VOTES)
    return bool(labels.select(asked).collect().item())


def counted(labels: pl.LazyFrame) -> tuple[dict[str, int], dict[str, tuple[int, int]]]:
    """Solutions of each conflict, and kept and all of each class by rollouts, read column by
    column; both empty where no judge was asked."""
    if not judged(labels):
        return {}, {}
    unknown = pl.lit(None, dtype=pl.Int64).alias("true_first_error")
    columns = ("keep", "keep_reason", "first_error", *FIRST_ERRORS)
    solutions = searched(labels.select(*columns, unknown).collect())
    return (
        {cell.name: cell.solutions for cell in conflicts(solutions)},
        {one.name: (one.kept, one.solutions) for one in class_yields(solutions)},
    )
