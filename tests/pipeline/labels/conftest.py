"""Small frames for label tests: a solution is written as its counts, such as "5/8" or "0/2?6"
(c right of n known, ?u unknown, a trailing ! for censored; "" for not measured), and a judge's
votes as "5-3" or "5-3?1" (correct, incorrect, unknown; "" for none)."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

from pipeline import recipe
from pipeline.labels.derive import Provenance, derive
from pipeline.schemas import EVIDENCE, PROBLEMS, SOLUTIONS, TREE

COUNT = re.compile(r"(\d+)/(\d+)(?:\?(\d+))?(!)?")
VOTES = re.compile(r"(\d+)-(\d+)(?:\?(\d+))?")


@dataclass
class Case:
    """One solution with its evidence; its problem is `problem`."""

    counts: Sequence[str]
    outcome: str | None = "incorrect"
    root: str = ""
    id: str = "s0"
    problem: str = "p0"
    draws: int = 1
    text: str = ""
    tools: dict[int, tuple[int, int]] = field(default_factory=dict)  # step -> correct, incorrect
    votes: dict[str, Sequence[str]] = field(default_factory=dict)  # of a judge, on each step
    critiques: dict[str, Sequence[str]] = field(default_factory=dict)  # the same, of the prefix
    origin: str = "sampled"
    texts: Sequence[str] | None = None  # of the steps; their numbers if None
    hashes: Sequence[str] | None = None  # prefix hashes, one a step
    parts: Sequence[str | None] | None = None
    parent: str | None = None
    fork_len: int | None = None

    def solution(self) -> dict[str, Any]:
        steps = [
            {
                "text": self.texts[t] if self.texts else f"{t}\n",
                "start": 2 * t,
                "end": 2 * t + 2,
                "token_end": 3 * t + 3,
                "part": self.parts[t] if self.parts else None,
            }
            for t in range(len(self.counts))
        ]
        return {
            "solution_id": self.id,
            "problem_id": self.problem,
            "text": self.text or f"text of {self.id}",
            "steps": steps,
            "outcome": self.outcome,
            "draws": list(range(self.draws)),
            "origin": self.origin,
            "parent_solution_id": self.parent,
            "fork_len": self.fork_len,
        }

    def evidence(self) -> list[dict[str, Any]]:
        rows = []
        for step, text in enumerate([self.root, *self.counts], start=-1):
            match = COUNT.fullmatch(text)
            if match:
                c, n, u, censored = match.groups()
                rows.append(
                    self._row(step, "prefix_value", int(c), int(n) - int(c), int(u or 0))
                    | {"censored": censored is not None}
                )
        for step, (right, wrong) in self.tools.items():
            row = self._row(step, "step_valid", right, wrong, int(right + wrong == 0))
            detail = [{"rule": "sum", "start": 0, "end": 1, "text": "one"}, {"text": "two"}]
            rows.append(row | {"annotator": "arithmetic", "detail": detail if wrong else []})
        for target, judges in (("step_valid", self.votes), ("prefix_correct", self.critiques)):
            for judge, votes in judges.items():
                for step, text in enumerate(votes):
                    match = VOTES.fullmatch(text)
                    if match:
                        row = self._row(step, target, *(int(n or 0) for n in match.groups()))
                        rows.append(row | {"annotator": judge})
        return rows

    def _row(self, step: int, target: str, c: int, i: int, u: int) -> dict[str, Any]:
        return {
            "solution_id": self.id,
            "step": step,
            "annotator": "rollouts",
            "source": "abc",
            "target": target,
            "correct": c,
            "incorrect": i,
            "unknown": u,
            "censored": False,
        }


def frame(rows: list[dict[str, Any]], schema: pa.Schema) -> pl.DataFrame:
    table = pl.from_arrow(pa.Table.from_pylist(rows, schema))
    assert isinstance(table, pl.DataFrame)
    return table


def frames(*cases: Case, problem: dict[str, Any] | None = None) -> tuple[pl.DataFrame, ...]:
    """Problems, solutions, evidence."""
    problems = frame(
        [
            {"problem_id": p, "text": "Q?"} | (problem or {})
            for p in sorted({case.problem for case in cases})
        ],
        PROBLEMS,
    )
    hashes = pl.Series([case.hashes for case in cases], dtype=pl.List(pl.String))
    return (
        problems,
        frame([case.solution() for case in cases], SOLUTIONS).with_columns(prefix_hashes=hashes),
        frame([row for case in cases for row in case.evidence()], EVIDENCE),
    )


def table(
    *cases: Case,
    questions: recipe.Questions | None = None,
    k: int = 8,
    tree: list[dict[str, Any]] | None = None,
    problem: dict[str, Any] | None = None,
    **settings: Any,
):
    """`derive` on these solutions, as a list of rows; `problem`: more of each problem."""
    labelled = derive(
        *frames(*cases, problem=problem),
        recipe.Labels(**settings),
        questions or recipe.Questions(),
        k,
        Provenance("prover", "blank_line/1", "hash"),
        None if tree is None else frame(tree, TREE),
    )
    return labelled.to_pylist()


@pytest.fixture
def case() -> type[Case]:
    return Case


@pytest.fixture
def tables() -> Callable[..., tuple[pl.DataFrame, ...]]:
    return frames


@pytest.fixture
def rows() -> Callable[..., list[dict[str, Any]]]:
    return table


@pytest.fixture
def row() -> Callable[..., dict[str, Any]]:
    """The row of one solution, written as its counts."""

    def one(*counts: str, outcome: str | None = "incorrect", root: str = "", **settings: Any):
        said = {name: settings.pop(name, {}) for name in ("tools", "votes", "critiques")}
        return table(Case(counts, outcome, root, **said), **settings)[0]

    return one
