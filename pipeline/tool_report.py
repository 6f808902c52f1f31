"""How far a tool's word on single steps can be trusted: its flags against known truth.

Guarantees: a step counts once for an annotator, however many sources or rules flagged it; a flag
on a step whose truth is unknown is counted and judged neither way; None where undefined. A tool
speaks of *this* step, so it is compared with the step's own truth, not the prefix's. Judges are
no tools: `pipeline.consensus` speaks of them. Does not tell natural from injected errors: give it
the truth of one kind at a time.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import polars as pl

from pipeline.labels.judges import of_judge
from pipeline.metrics import share
from pipeline.step_truth import step_verdicts


@dataclass(frozen=True, slots=True)
class ToolReport:
    """One annotator."""

    annotator: str
    steps: int  # it was asked about
    flagged: int  # it called incorrect
    flagged_known: int  # of those, steps whose truth is known
    precision: float | None  # share of flagged_known that are incorrect
    incorrect: int  # truly incorrect steps that it was asked about
    recall: float | None  # share of them that it flagged

    def as_dict(self) -> dict[str, str | int | float | None]:
        return asdict(self)


def tool_report(evidence: pl.DataFrame, truth: pl.DataFrame) -> list[ToolReport]:
    """One report for each annotator with `step_valid` evidence but judges, by name."""
    flag = (pl.col("incorrect").fill_null(0) > 0).any()
    asked = (
        evidence.filter((pl.col("target") == "step_valid") & (pl.col("step") >= 0) & ~of_judge())
        .group_by("annotator", "solution_id", pl.col("step").cast(pl.Int64))
        .agg(flag=flag)
        .join(step_verdicts(truth), on=["solution_id", "step"], how="left")
    )
    wrong, flagged = pl.col("verdict") == 0, pl.col("flag")
    counts = (
        asked.group_by("annotator")
        .agg(
            steps=pl.len(),
            flagged=flagged.sum(),
            known=(flagged & (pl.col("verdict") >= 0)).sum(),
            hits=(flagged & wrong).sum(),
            incorrect=wrong.sum(),
        )
        .sort("annotator")
    )
    return [
        ToolReport(
            annotator=row["annotator"],
            steps=row["steps"],
            flagged=row["flagged"],
            flagged_known=row["known"],
            precision=share(row["hits"], row["known"]),
            incorrect=row["incorrect"],
            recall=share(row["hits"], row["incorrect"]),
        )
        for row in counts.iter_rows(named=True)
    ]
