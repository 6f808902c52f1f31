"""Known verdicts on steps, laid beside the steps that labels speak of.

Guarantees: 1 correct, 0 incorrect, -1 unknown; origins that contradict each other on a step make
it unknown, and so does the absence of a row. The truth of a *prefix* follows: correct while every
step is, incorrect from the first incorrect step on if all before it are known, unknown otherwise
(ProcessBench, arXiv 2412.06559, annotates up to the first error only). Does not guess.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from pipeline.labels.layout import Bools, Ints, Labels8, Layout
from pipeline.verdict import Verdict


@dataclass(frozen=True, slots=True)
class StepTruth:
    """Truth of a table of solutions; steps flat, solutions as in the table."""

    prefix: Labels8  # of each prefix that ends with this step
    reached: Bools  # the step is not after the true first error
    first_error: Ints  # of each solution; -1: none
    decided: Bools  # whether that is known
    covered: Bools  # whether any truth is known of the solution


def step_verdicts(truth: pl.DataFrame) -> pl.DataFrame:
    """One row a step of `truth`: solution_id, step (Int64), verdict 1 / 0 / -1."""
    right = (pl.col("verdict") == Verdict.CORRECT.value).any()
    wrong = (pl.col("verdict") == Verdict.INCORRECT.value).any()
    return (
        truth.group_by("solution_id", pl.col("step").cast(pl.Int64))
        .agg(right=right, wrong=wrong)
        .select(
            "solution_id",
            "step",
            verdict=pl.when(pl.col("right") == pl.col("wrong"))
            .then(-1)
            .otherwise(pl.col("right").cast(pl.Int32)),
        )
    )


def align(ids: pl.Series, layout: Layout, truth: pl.DataFrame) -> StepTruth:
    index = pl.DataFrame({"solution_id": ids, "row": np.arange(len(ids))})
    rows = step_verdicts(truth).join(index, on="solution_id", how="inner")
    row, step = rows["row"].to_numpy(), rows["step"].fill_null(-1).to_numpy()
    inside = (step >= 0) & (step < layout.lengths[row])
    verdict = np.full(layout.num_steps, -1, dtype=np.int8)
    flat = layout.offsets[row[inside]] + step[inside]
    verdict[flat] = rows["verdict"].to_numpy()[inside]
    covered = layout.last_where(verdict >= 0) >= 0

    stop = layout.first_where(verdict != 1)  # first step that is not known to be correct
    clean = (stop == layout.lengths) & (layout.lengths > 0)
    wrong = np.zeros(layout.num_solutions, dtype=np.bool_)
    stopped = stop < layout.lengths
    wrong[stopped] = verdict[(layout.offsets[:-1] + stop)[stopped]] == 0
    before = layout.position < stop[layout.row]
    prefix = np.where(before, 1, np.where(wrong[layout.row], 0, -1)).astype(np.int8)
    return StepTruth(
        prefix=prefix,
        reached=layout.position <= stop[layout.row],
        first_error=np.where(clean, -1, stop),
        decided=clean | wrong,
        covered=covered,
    )
