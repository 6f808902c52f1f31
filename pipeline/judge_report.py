"""What each judge of a dataset was worth and cost: its admission test, and its calls, counted.

The test's figures come from the manifest (`judges`), the counts from the table `judgements`.
Guarantees: a call that failed and an answer that could not be read are counted apart, the latter
after the retry; a figure that is undefined is None. Solutions on which a judge was not asked have
no rows, so they cost nothing here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl


@dataclass(frozen=True, slots=True)
class JudgeReport:
    """Of one judge."""

    sensitivity: float | None  # on planted errors
    specificity: float | None
    fooled_bound: float | None  # of master keys, 95 % one-sided
    not_admitted: list[str]  # reasons; empty: it is admitted
    solutions: int
    calls: int
    unread: int  # answers that could not be read, after the retry
    failed: int
    tokens: int  # read and written
    test_tokens: int  # of the admission test; 0 where another folder paid for it

    def warning(self, name: str) -> str | None:
        if not self.not_admitted:
            return None
        return (
            f"annotators.{name} was not admitted: {'; '.join(self.not_admitted)}. Its votes count "
            f"for what they were found to be worth in view posterior, and as they are in others"
        )


def judge_reports(
    tests: Mapping[str, Mapping[str, Any]], judgements: pl.LazyFrame | None
) -> dict[str, JudgeReport]:
    """By name. `tests`: the manifest's `judges`."""
    counts = {} if judgements is None else _counts(judgements)
    none = dict.fromkeys(("solutions", "calls", "unread", "failed", "tokens"), 0)
    found = {}
    for name in dict.fromkeys((*tests, *counts)):
        test = tests.get(name, {})
        admission = test.get("admission", {})
        found[name] = JudgeReport(
            _share(admission.get("sensitivity")),
            _share(admission.get("specificity")),
            admission.get("fooled_bound"),
            list(test.get("not_admitted", [])),
            test_tokens=test.get("admission_spent", admission.get("tokens", 0)),
            **counts.get(name, none),
        )
    return found


def _counts(judgements: pl.LazyFrame) -> dict[str, dict[str, int]]:
    failed = pl.col("finish_reason") == "failed"
    rows = (
        judgements.group_by("annotator")
        .agg(
            solutions=pl.col("solution_id").n_unique(),
            calls=pl.len(),
            unread=(pl.col("verdicts").is_null() & ~pl.col("retried") & ~failed).sum(),
            failed=failed.sum(),
            tokens=pl.col("tokens").sum() + pl.col("prompt_tokens").sum(),
        )
        .sort("annotator")
        .collect()
    )
    return {str(row.pop("annotator")): row for row in rows.iter_rows(named=True)}


def _share(share: Mapping[str, int] | None) -> float | None:
    return share["count"] / share["of"] if share and share["of"] else None
