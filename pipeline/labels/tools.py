"""What tools said of single steps: the `step_valid` evidence of a shard.

Guarantees: a step is refuted if any tool calls it incorrect, and confirmed if some tool calls it
correct and none incorrect; unknown is neither. `verdicts` lists every tool that decided or has
something to show, in the order of annotator and source, with its details' texts as the reason.
Does not weigh tools against each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from pipeline.labels.counts import locate
from pipeline.labels.layout import Bools, Layout
from pipeline.schemas import STEP_VERDICT
from pipeline.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Tools:
    """Per step: refuted, confirmed; and the list of verdicts a step as an Arrow array."""

    refuted: Bools
    confirmed: Bools
    verdicts: Any


def read_tools(evidence: pl.DataFrame, ids: pl.Series, layout: Layout) -> Tools:
    rows = locate(
        evidence,
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
    texts = pl.col("detail").list.eval(pl.element().struct.field("text").drop_nulls())
    rows = (
        rows.with_columns(pl.Series("flat", flat), verdict=verdict)
        .filter((pl.col("verdict") != "unknown") | (pl.col("detail").list.len() > 0))
        .sort("flat", "annotator", "source")
        .select(
            "flat",
            "annotator",
            "verdict",
            reason=pl.when(pl.col("detail").list.len() > 0).then(texts.list.join("; ")),
        )
    )
    flat = rows["flat"].to_numpy()
    refuted = np.zeros(layout.num_steps, dtype=np.bool_)
    confirmed = np.zeros(layout.num_steps, dtype=np.bool_)
    refuted[flat[(rows["verdict"] == Verdict.INCORRECT.value).to_numpy()]] = True
    confirmed[flat[(rows["verdict"] == Verdict.CORRECT.value).to_numpy()]] = True
    structs = pa.StructArray.from_arrays(
        [rows[field.name].to_arrow().cast(pa.string()) for field in STEP_VERDICT],
        fields=list(STEP_VERDICT),
    )
    of_step = Layout.of_lengths(np.bincount(flat, minlength=layout.num_steps))
    return Tools(refuted, confirmed & ~refuted, of_step.lists(structs))
