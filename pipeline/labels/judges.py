"""What judges said of the steps of a shard: votes, counted.

A judge's evidence has one row for each solution, step, source (a mode of a judge) and target; its
columns correct, incorrect and unknown count the calls that voted so. A verdict on the step
(`step_valid`) and a first-error critique (`prefix_correct`: "correct" before the place it names,
"incorrect" at it, nothing after it) are votes alike: each says whether this is a step that errs.

Guarantees: votes of all sources, targets and judges add up, in whatever order the rows stand; a
call that could not be read is an unknown vote and is on neither side; evidence on solutions or
steps that are not in the shard is left out. `majority` is the side with more votes; a tie, or no
vote at all, is undecided. Does not weigh votes: ten samples of one judge count as ten here, as in
the published vote views; the posterior knows better.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from pipeline.judge_name import JUDGE, PREFIX, is_judge
from pipeline.labels.counts import locate
from pipeline.labels.layout import NULL, Ints, Labels8, Layout

__all__ = ["Votes", "is_judge", "of_judge", "pooled", "read_votes", "votes_of"]

COUNTS = ("correct", "incorrect", "unknown")
TARGETS = ("step_valid", "prefix_correct")


def of_judge() -> pl.Expr:
    """Rows of evidence whose annotator is a judge; never null."""
    name = pl.col("annotator").cast(pl.String)  # of an empty table it may have no type
    return ((name == JUDGE) | name.str.starts_with(PREFIX)).fill_null(False)


@dataclass(frozen=True, slots=True)
class Votes:
    """Of each step of a shard, flat."""

    correct: Ints
    incorrect: Ints
    unknown: Ints

    @property
    def decided(self) -> Ints:
        """Votes for either side."""
        return self.correct + self.incorrect

    @property
    def majority(self) -> Labels8:
        """1 correct, 0 incorrect, NULL for a tie and where nobody voted."""
        return np.where(
            self.correct > self.incorrect,
            np.int8(1),
            np.where(self.incorrect > self.correct, np.int8(0), NULL),
        )


def read_votes(evidence: pl.DataFrame, ids: pl.Series, layout: Layout) -> pl.DataFrame:
    """One row for each step and judge that voted on it: flat (the step), annotator, and the three
    counts; by step and name."""
    said = evidence.filter(of_judge())
    if said.is_empty():  # as in most runs
        return pl.DataFrame(
            schema={"flat": pl.Int64, "annotator": pl.String, **dict.fromkeys(COUNTS, pl.Int64)}
        )
    rows = pl.concat(
        [locate(said, target, ids, layout, ("annotator", *COUNTS)) for target in TARGETS]
    ).filter(pl.col("step") >= 0)
    flat = layout.offsets[rows["row"].to_numpy()] + rows["step"].to_numpy()
    return (
        rows.with_columns(flat=pl.Series(flat, dtype=pl.Int64))
        .group_by("flat", "annotator")
        .agg(pl.col(name).cast(pl.Int64).sum() for name in COUNTS)
        .filter(pl.sum_horizontal(COUNTS) > 0)
        .sort("flat", "annotator")
    )


def pooled(votes: pl.DataFrame, layout: Layout) -> Votes:
    """All judges together, from the rows of `read_votes`."""
    flat = votes["flat"].to_numpy()
    return Votes(
        *(
            np.bincount(flat, votes[name].to_numpy(), layout.num_steps).astype(np.int64)
            for name in COUNTS
        )
    )


def votes_of(votes: pl.DataFrame, layout: Layout) -> dict[str, Votes]:
    """Each judge alone, by name."""
    names = votes["annotator"].unique().sort()
    return {name: pooled(votes.filter(pl.col("annotator") == name), layout) for name in names}
