"""The published column `verdicts`: who said what of each step, and why.

Guarantees: one entry for each source of a tool that decided or has something to show, with its
details' texts as the reason, and one for each judge that was asked, its verdict by the majority of
its votes and their count as the reason; in the order of annotator and source. Unknown is a
verdict like the others. Does not list rollouts: they speak of a prefix, not of the step.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from pipeline.labels.layout import Layout
from pipeline.schemas import STEP_VERDICT
from pipeline.verdict import Verdict


def verdicts(tools: pl.DataFrame, votes: pl.DataFrame, layout: Layout) -> Any:
    """Flat, a list a step; from the rows of `tools.read_tools` and `judges.read_votes`."""
    texts = pl.col("detail").list.eval(pl.element().struct.field("text").drop_nulls())
    shown = pl.col("detail").list.len() > 0
    of_tools = tools.filter((pl.col("verdict") != Verdict.UNKNOWN.value) | shown).select(
        "flat", "annotator", "source", "verdict", reason=pl.when(shown).then(texts.list.join("; "))
    )
    rows = pl.concat([of_tools, _of_judges(votes)]).sort("flat", "annotator", "source")
    structs = pa.StructArray.from_arrays(
        [rows[field.name].to_arrow().cast(pa.string()) for field in STEP_VERDICT],
        fields=list(STEP_VERDICT),
    )
    counts = np.bincount(rows["flat"].to_numpy(), minlength=layout.num_steps)
    return Layout.of_lengths(counts).lists(structs)


def _of_judges(votes: pl.DataFrame) -> pl.DataFrame:
    right, wrong, unknown = pl.col("correct"), pl.col("incorrect"), pl.col("unknown")
    both = right + wrong
    verdict = by_majority()
    counted = (
        pl.when(verdict == Verdict.CORRECT.value)
        .then(pl.format("{} of {} votes correct", right, both))
        .otherwise(pl.format("{} of {} votes incorrect", wrong, both))
    )
    more = pl.when(unknown > 0).then(pl.format(", {} unknown", unknown)).otherwise(pl.lit(""))
    alone = pl.format("no vote, {} unknown", unknown)
    return votes.select(
        "flat",
        "annotator",
        source=pl.lit(None, dtype=pl.String),
        verdict=verdict,
        reason=pl.when(both > 0).then(pl.concat_str(counted, more)).otherwise(alone),
    )


def by_majority() -> pl.Expr:
    """The verdict of columns correct and incorrect as votes; a tie is unknown."""
    right, wrong = pl.col("correct"), pl.col("incorrect")
    return (
        pl.when(wrong > right)
        .then(pl.lit(Verdict.INCORRECT.value))
        .when(right > wrong)
        .then(pl.lit(Verdict.CORRECT.value))
        .otherwise(pl.lit(Verdict.UNKNOWN.value))
    )
