"""Small tables: solutions as strings, a letter a step; evidence as (solution, step, …) rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl
import pyarrow as pa

from pipeline.schemas import EVIDENCE, PROBLEMS, SOLUTIONS


@dataclass
class Solution:
    """`id` is problem and text; `draws`: how many samples gave it."""

    problem: str
    text: str
    outcome: str | None = "incorrect"
    draws: int = 1
    counts: dict[int, tuple[int, int]] = field(default_factory=dict)  # step -> right, wrong
    valid: dict[int, tuple[int, int, int]] = field(default_factory=dict)  # votes on steps
    judged: dict[int, tuple[int, int, int]] = field(default_factory=dict)  # votes on prefixes
    scores: dict[int, float] = field(default_factory=dict)
    logprobs: Sequence[float | None] | None = None
    policy: str = "policy"
    tokens: int | None = None

    @property
    def id(self) -> str:
        return f"{self.problem}.{self.text}"

    def row(self) -> dict[str, Any]:
        logprobs = self.logprobs or [None] * len(self.text)
        return {
            "solution_id": self.id,
            "problem_id": self.problem,
            "policy": self.policy,
            "text": self.text,
            "steps": [
                {"text": letter, "start": t, "end": t + 1, "logprob": logprobs[t]}
                for t, letter in enumerate(self.text)
            ],
            "outcome": self.outcome,
            "draws": list(range(self.draws)),
            "tokens": self.tokens,
        }

    def hashes(self) -> list[str]:
        return [f"{self.problem}:{self.text[:m]}" for m in range(1, len(self.text) + 1)]

    def evidence(self) -> list[dict[str, Any]]:
        def row(annotator: str, target: str, step: int, votes: Sequence[int], score: float | None):
            names = zip(("correct", "incorrect", "unknown"), (*votes, 0, 0, 0), strict=False)
            return {
                "solution_id": self.id,
                "step": step,
                "annotator": annotator,
                "source": annotator,
                "target": target,
                "score": score,
                **dict(names),
            }

        kinds = (
            ("rollouts", "prefix_value", self.counts),
            ("checker", "step_valid", self.valid),
            ("critic", "prefix_correct", self.judged),
        )
        rows = [
            row(name, target, step, votes, None)
            for name, target, by_step in kinds
            for step, votes in by_step.items()
        ]
        rows += [row("rater", "prefix_value", step, (), x) for step, x in self.scores.items()]
        return rows


@dataclass
class Frames:
    """What `learn` and `fuse` take."""

    problems: pl.DataFrame
    solutions: pl.DataFrame
    evidence: pl.DataFrame


def frames(
    *solutions: Solution, domains: dict[str, str] | None = None, prover: str = "policy"
) -> Frames:
    names = sorted({one.problem for one in solutions})
    known = domains or {}
    rows = [{"problem_id": name, "domain": known.get(name, "sums")} for name in names]
    hashes = pl.Series([one.hashes() for one in solutions], dtype=pl.List(pl.String))
    return Frames(
        _frame(rows, PROBLEMS),
        _frame([one.row() for one in solutions], SOLUTIONS).with_columns(
            prefix_hashes=hashes, prover=pl.lit(prover)
        ),
        _frame([row for one in solutions for row in one.evidence()], EVIDENCE),
    )


def _frame(rows: list[dict[str, Any]], schema: pa.Schema) -> pl.DataFrame:
    table = pl.from_arrow(pa.Table.from_pylist(rows, schema))
    assert isinstance(table, pl.DataFrame)
    return table
