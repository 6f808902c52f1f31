"""What a dataset cost, by stage.

Guarantees: every stage is counted from the tables, over all runs of the folder; a completion stands
in one stage; tokens of judges are read and written ones, those of samples and rollouts generated
ones. What the tables do not say (seconds of the engine, money of runs that ended) is not guessed:
None. Money is tokens times the recipe's own price, where it names one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from pipeline.human.log import HUMAN
from pipeline.labels.judges import of_judge
from pipeline.summary import Summary


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage."""

    name: str
    calls: int  # completions, calls of a judge, or steps read by a tool
    unit: str
    tokens: int
    seconds: float | None = None
    money: float | None = None


def costs(summary: Summary, evidence: pl.DataFrame, manifest: Mapping[str, Any]) -> list[Stage]:
    """In the order of a run; stages in which nothing happened are left out."""
    price = (manifest.get("recipe") or {}).get("run", {}).get("cost_of_million_tokens") or 0

    def stage(name: str, calls: int, unit: str, tokens: int) -> Stage:
        return Stage(name, calls, unit, tokens, None, tokens * price / 1e6 if price else None)

    found = [
        stage("screening", summary.sample_completions, "samples", summary.sample_tokens),
        stage("search", summary.rollouts, "rollouts", summary.rollout_tokens),
    ]
    found += [
        Stage(name, steps, "steps", tokens, seconds)
        for name, steps, tokens, seconds in _tools(evidence)
    ]
    for name, report in summary.judges.items():
        if report.test_tokens:
            test = (manifest.get("judges") or {}).get(name, {}).get("admission", {})
            probes = test.get("probes", 0)
            found.append(stage(f"{name}: admission test", probes, "probes", report.test_tokens))
        found.append(stage(name, report.calls, "calls", report.tokens))
    if summary.rationales.get("tried"):
        tried = summary.rationales
        found.append(stage("corrections", tried["tried"], "tried", tried["tokens"]))
    return [one for one in found if one.calls or one.tokens]


def _tools(evidence: pl.DataFrame) -> list[tuple[str, int, int, float]]:
    rows = (
        evidence.filter(~of_judge() & ~pl.col("annotator").is_in(["rollouts", HUMAN]))
        .group_by("annotator")
        .agg(
            steps=pl.len(),
            tokens=pl.col("tokens").fill_null(0).sum(),
            seconds=pl.col("seconds").fill_null(0.0).sum(),
        )
        .sort("annotator")
    )
    return list(rows.iter_rows())
