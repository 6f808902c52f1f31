"""What labels and annotators are worth where truth is known: one slice for each truth.

Guarantees: the noise that the model itself estimates is taken over the very solutions whose truth
is known, so that the two can be compared; figures are None where undefined. Does not say how well a
slice that people chose stands for the whole.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from pipeline.consensus import Consensus, consensus
from pipeline.evaluation import Evaluation, evaluate
from pipeline.human.log import HUMAN
from pipeline.noise import Noise, estimated_of, measured_of
from pipeline.report.agreement import Measured, measured
from pipeline.report.first_errors import true_first
from pipeline.report.reliability import Bin, reliability
from pipeline.report.sources import PEOPLE, Sources
from pipeline.report.steps import UNDECIDED
from pipeline.report.words import Words


@dataclass(frozen=True)
class Slice:
    """One truth."""

    name: str
    steps: int  # of the dataset, whose truth is known
    solutions: int  # that have such a step
    labels: Evaluation
    bins: list[Bin]
    sources: list[Measured]
    consensus: Consensus
    noise: Noise | None  # of the labels, measured
    estimate: Noise | None  # by the model, on the same solutions

    @property
    def joint_lift(self) -> tuple[int, float | None] | None:
        """Of rollouts and the first judge: joint errors and their lift."""
        for one in self.consensus.joint_errors:
            if one.a == "rollouts" and one.b not in ("tools", "posterior"):
                return one.both_wrong, one.lift
        return None


def slice_of(name: str, sources: Sources, words: Words) -> Slice:
    truth = sources.slices[name]
    steps = sources.steps
    rows = steps.rows
    spoken = truth.filter(pl.col("verdict") != "unknown")
    inside = rows.select("solution_id").join(spoken, on="solution_id", how="inner")
    decided = steps.where(true_first(steps, truth) != UNDECIDED)
    return Slice(
        name=name,
        steps=inside.select("solution_id", "step").n_unique() if len(inside) else 0,
        solutions=inside["solution_id"].n_unique(),
        labels=evaluate(rows, truth),
        bins=reliability(sources.kept, truth),
        sources=measured(
            {one: said for one, said in words.items() if name != PEOPLE or one != HUMAN},
            steps,
            truth,
        ),
        consensus=consensus(rows, sources.evidence, truth),
        noise=measured_of(rows, truth),
        estimate=estimated_of(decided.rows) if len(decided.rows) else None,
    )
