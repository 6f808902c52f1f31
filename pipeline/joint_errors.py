"""Whether sources of evidence err together: agreement of two that do proves little.

Sources, each by the first error that it names: `rollouts` (view hard), every judge alone by its
majority at each step, `tools` (the first step that any of them refuted; where they refute none
they decide nothing), and `posterior` where the labels are of that view.

Guarantees: a pair is compared over solutions whose true first error is known and on which both
decide; a source is wrong where it names another step than the true one, names one on a clean
solution, or none on an erroneous one. lift = P(both wrong) / (P(a wrong) P(b wrong)): 1 where
errors are independent; None where either is never wrong. Does not correct for difficulty: sources
that are fooled by the same hard problems have a lift too.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import combinations

import numpy as np
import polars as pl

from pipeline.labels.after_error import first_error
from pipeline.labels.judges import read_votes, votes_of
from pipeline.labels.layout import Bools, Ints, Layout
from pipeline.labels.tools import Tools, read_tools
from pipeline.metrics import share
from pipeline.step_truth import StepTruth


@dataclass(frozen=True, slots=True)
class JointErrors:
    """One pair of sources."""

    a: str
    b: str
    solutions: int  # both decide, and truth is known
    wrong_a: int
    wrong_b: int
    both_wrong: int
    lift: float | None
    same_step: float | None  # of both_wrong: both name one step, and the same
    both_missed: float | None  # of both_wrong: both say that there is none

    def as_dict(self) -> dict[str, str | int | float | None]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Named:
    """The first error that a source names of each solution (-1: none), and where it decides."""

    first: Ints
    decided: Bools


def sources(labels: pl.DataFrame, evidence: pl.DataFrame, layout: Layout) -> dict[str, Named]:
    """Those that decide anything, by name."""
    ids = labels["solution_id"]
    found = {"rollouts": _column(labels["mc_first_error"])}
    for name, votes in votes_of(read_votes(evidence, ids, layout), layout).items():
        found[name] = Named(*first_error(votes.majority, layout))
    refuted = layout.first_where(Tools.of(read_tools(evidence, ids, layout), layout).refuted)
    found["tools"] = Named(refuted, refuted < layout.lengths)
    if (labels["view"] == "posterior").any():
        found["posterior"] = _column(labels["first_error"])
    return {name: named for name, named in found.items() if named.decided.any()}


def joint_errors(named: dict[str, Named], truth: StepTruth) -> list[JointErrors]:
    """Every pair, in the order of `named`."""
    return [_pair(a, b, named[a], named[b], truth) for a, b in combinations(named, 2)]


def _pair(name_a: str, name_b: str, a: Named, b: Named, truth: StepTruth) -> JointErrors:
    compared = truth.decided & a.decided & b.decided
    wrong_a, wrong_b = (compared & (one.first != truth.first_error) for one in (a, b))
    both = wrong_a & wrong_b
    same = both & (a.first == b.first)
    count, num_a, num_b, num_both = (int(m.sum()) for m in (compared, wrong_a, wrong_b, both))
    return JointErrors(
        a=name_a,
        b=name_b,
        solutions=count,
        wrong_a=num_a,
        wrong_b=num_b,
        both_wrong=num_both,
        lift=share(num_both * count, num_a * num_b),
        same_step=share(int((same & (a.first >= 0)).sum()), num_both),
        both_missed=share(int((same & (a.first < 0)).sum()), num_both),
    )


def _column(first: pl.Series) -> Named:
    decided = first.is_not_null().to_numpy()
    return Named(first.cast(pl.Int64).fill_null(-1).to_numpy(), np.asarray(decided))
