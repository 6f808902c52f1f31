"""The solutions of a world, of both bundled policies together, with evidence and truth.

From the runs of `bench.label_quality` (`bench.quality_worlds`), whose completions are paid once.
Problems of the two policies are kept apart: the same text is two problems here, each with the
solutions of one policy.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl

from bench.quality_metrics import processbench
from bench.quality_worlds import Cell, truth_of
from flows.evidence import Evidence, shard_evidence, together
from pipeline.folder import DatasetFolder
from pipeline.labels import pieces
from pipeline.labels.layout import Bools, Floats, Ints, Labels8, Layout
from pipeline.metrics import brier, calibration_error
from pipeline.posterior.fuse import fuse
from pipeline.posterior.fused import Fused
from pipeline.posterior.fusion import Fusion
from pipeline.posterior.learn import learn
from pipeline.posterior.panel_learning import Rates
from pipeline.step_truth import StepTruth, align

WORLDS = ("chains", "deduction")
POLICIES = ("large", "small")
MASS = 0.9


@dataclass(frozen=True)
class Quality:
    f1: float
    calibration_error: float
    brier: float


@dataclass(frozen=True)
class World:
    """`known`: what the oracle says of prefixes and first errors. `right` (steps): of the step
    itself: 1, 0, or -1 unknown."""

    name: str
    seen: Evidence
    known: StepTruth
    right: Ints

    @cached_property
    def layout(self) -> Layout:
        return pieces.layout(self.seen.solutions)

    def evidence(self, *more: pl.DataFrame) -> pl.DataFrame:
        return pl.concat([self.seen.evidence, *more], how="diagonal_relaxed")

    def learn(
        self,
        evidence: pl.DataFrame,
        rates: dict[str, Rates] | None = None,
        truth: Labels8 | None = None,
    ) -> Fusion:
        seen = self.seen
        return learn(seen.problems, seen.solutions, evidence, True, truth, rates)

    def fuse(self, fusion: Fusion, evidence: pl.DataFrame) -> Fused:
        return fuse(fusion, self.seen.problems, self.seen.solutions, evidence, True, MASS)

    def quality(self, fused: Fused) -> Quality:
        decided, has = self.known.decided, self.known.prefix >= 0
        sound = self.known.prefix[has] == 1
        found = processbench(fused.place(self.layout)[decided], self.known.first_error[decided])
        p: Floats = fused.p_correct[has]
        error, score = calibration_error(p, sound), brier(p, sound)
        assert found.f1 is not None
        assert error is not None
        assert score is not None
        return Quality(found.f1, error, score)

    def undecided(self, fused: Fused) -> Bools:
        """Steps that are open before any judge."""
        return np.asarray((fused.p_correct > 0.1) & (fused.p_correct < 0.9))

    def first(self, solutions: int) -> World:
        """Whole problems, seeded, with at least so many solutions."""
        ids = self.seen.problems["problem_id"].unique().sort()
        order = ids.sample(fraction=1.0, shuffle=True, seed=5)
        count = self.seen.solutions.group_by("problem_id").len()
        running = pl.DataFrame({"problem_id": order}).join(
            count, on="problem_id", maintain_order="left"
        )
        kept = running.filter(pl.col("len").cum_sum().shift(1, fill_value=0) < solutions)
        part = self.seen.of(kept["problem_id"])
        mine = part.solutions.select("solution_id")
        part = Evidence(
            part.problems, part.solutions, part.evidence.join(mine, on="solution_id", how="semi")
        )
        return _world(self.name, part, self._truth)

    @cached_property
    def _truth(self) -> pl.DataFrame:
        return pl.DataFrame(
            {
                "solution_id": self.seen.solutions["solution_id"].gather(self.layout.row),
                "step": self.layout.position.astype(np.int32),
                "verdict": np.array(["incorrect", "correct", "unknown"])[self.right],
                "origin": ["oracle"] * self.layout.num_steps,
            }
        )


def load(name: str, out: Path, method: str) -> World:
    """`method`: the run whose evidence it is. Raises FileNotFoundError where it was not made."""
    parts, truths = [], []
    for policy in POLICIES:
        cell = Cell(name, policy, out)
        folder = DatasetFolder(cell.folder / method)
        if not folder.manifest.exists():
            raise FileNotFoundError(f"{folder.root}: run `make bench-quality` first")
        seen = together([shard_evidence(folder, shard) for shard in folder.shards()]).searched()
        mine = seen.solutions.select("solution_id")
        evidence = seen.evidence.join(mine, on="solution_id", how="semi")
        parts.append(_of_policy(Evidence(seen.problems, seen.solutions, evidence), policy))
        truth = truth_of(cell, folder.labels())
        truths.append(truth.with_columns(solution_id=policy + "-" + pl.col("solution_id")))
    return _world(name, together(parts), pl.concat(truths))


def _world(name: str, seen: Evidence, truth: pl.DataFrame) -> World:
    layout = pieces.layout(seen.solutions)
    ids = seen.solutions["solution_id"]
    rows = truth.join(
        pl.DataFrame({"solution_id": ids, "row": np.arange(len(ids)), "length": layout.lengths}),
        on="solution_id",
    ).filter(pl.col("step") < pl.col("length"))
    right = np.full(layout.num_steps, -1, dtype=np.int64)
    at = layout.offsets[rows["row"].to_numpy()] + rows["step"].to_numpy()
    words = {"correct": 1, "incorrect": 0, "unknown": -1}
    right[at] = rows["verdict"].replace_strict(words).to_numpy()
    return World(name, seen, align(ids, layout, truth), right)


def _of_policy(seen: Evidence, policy: str) -> Evidence:
    def named(table: pl.DataFrame, *columns: str) -> pl.DataFrame:
        return table.with_columns(
            [(policy + "-" + pl.col(column)).alias(column) for column in columns]
        )

    solutions = named(seen.solutions, "problem_id", "solution_id")
    if "prefix_hashes" in solutions.columns:
        hashes = pl.col("prefix_hashes").list.eval(policy + "-" + pl.element())
        solutions = solutions.with_columns(prefix_hashes=hashes)
    return Evidence(
        named(seen.problems, "problem_id"), solutions, named(seen.evidence, "solution_id")
    )
