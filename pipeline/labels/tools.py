"""What tools said of single steps: the `step_valid` evidence of a shard, but for judges'.

Guarantees: a step is refuted if any tool calls it incorrect, and confirmed if some tool calls it
correct and none incorrect; unknown is neither. A judge's votes are opinions and refute nothing
(`pipeline.labels.judges` counts them). Does not weigh tools against each other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from pipeline.labels.counts import locate
from pipeline.labels.judges import of_judge
from pipeline.labels.layout import Bools, Layout
from pipeline.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Tools:
    """Per step: refuted, confirmed."""

    refuted: Bools
    confirmed: Bools

    @staticmethod
    def of(rows: pl.DataFrame, layout: Layout) -> Tools:
        """From the rows of `read_tools`."""
        flat = rows["flat"].to_numpy()
        refuted = np.zeros(layout.num_steps, dtype=np.bool_)
        confirmed = np.zeros(layout.num_steps, dtype=np.bool_)
        refuted[flat[(rows["verdict"] == Verdict.INCORRECT.value).to_numpy()]] = True
        confirmed[flat[(rows["verdict"] == Verdict.CORRECT.value).to_numpy()]] = True
        return Tools(refuted, confirmed & ~refuted)


def read_tools(evidence: pl.DataFrame, ids: pl.Series, layout: Layout) -> pl.DataFrame:
    """One row for each step and source: flat (the step), annotator, source, verdict, detail."""
    rows = locate(
        evidence.filter(~of_judge()),
        "step_valid",
        ids,
        layout,
        ("annotator", "source", "correct", "incorrect", "detail"),
    ).filter(pl.col("step") >= 0)
    flat = layout.offsets[rows["row"].to_numpy()] + rows["step"].to_numpy()
    verdict = (
        pl.when(pl.col("incorrect").fill_null(0) > 0)
        .then(pl.lit(Verdict.INCORRECT.value))
        .when(pl.col("correct").fill_null(0) > 0)
        .then(pl.lit(Verdict.CORRECT.value))
        .otherwise(pl.lit(Verdict.UNKNOWN.value))
    )
    return rows.select(
        "annotator",
        "source",
        "detail",
        flat=pl.Series(flat, dtype=pl.Int64),
        verdict=verdict,
    )
