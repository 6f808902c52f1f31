"""The fewest tokens that any method needs for first errors as good as a method's.

A prefix's rollouts say nothing but whether an error is open there (W), and n of them at most
min(n C, H(W)) bits of it, C being the capacity of the channel from W to a rollout's outcome. Given
the path, rollouts are independent, so the bits of all prefixes add up to no less than what is
learnt of the place of the first error. Fano's inequality (Cover and Thomas 2006, theorem 2.10.1)
says how many bits an accuracy needs:

    bits needed  >=  sum of H(place)  -  N (h(e) + e log2 T)     e: share of wrong places

for T steps, which with "none" are T + 1 places. The cheapest bits are bought first, which no
method can know: what comes out is a bound, not a goal.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import entr

from bench.quality_metrics import capacity
from pipeline.labels.layout import Floats
from pipeline.posterior.infer import infer
from pipeline.posterior.observed import Observed
from pipeline.posterior.parameters import Parameters


@dataclass(frozen=True)
class Bound:
    """Of a cell, before its first rollout. `bits` and `rate` of its prefixes, cheapest first."""

    entropy: float  # of the places of all solutions' first errors, bits
    solutions: int
    places: float  # of a solution, mean over solutions
    bits: Floats  # that each prefix can give at most
    rate: Floats  # bits a token, at most

    def tokens(self, accuracy: float) -> float:
        """A solution, at least, for this accuracy (exact places, over all solutions)."""
        error = min(1 - accuracy, (self.places - 1) / self.places)
        unsure = float(entr(error) + entr(1 - error)) / np.log(2)
        unsure += error * np.log2(max(self.places - 1, 1))
        needed = max(self.entropy - self.solutions * unsure, 0.0)
        total = np.cumsum(self.bits)
        whole = int(np.searchsorted(total, needed))
        if whole == len(total):
            return float("inf")  # rollouts cannot say so much
        before = total[whole - 1] if whole else 0.0
        tokens = (self.bits[:whole] / self.rate[:whole]).sum()
        return float(tokens + (needed - before) / self.rate[whole]) / self.solutions


def bound(seen: Observed, parameters: Parameters, tokens: Floats) -> Bound:
    """`seen`: without rollouts. `tokens`: of a rollout from each node, infinite where none is."""
    forest, posterior = seen.forest, infer(seen, parameters)
    clean = posterior.clean.sum(axis=1)
    node, leaf = forest.step_node, forest.leaf
    first = np.maximum(clean[forest.parent[node]] - clean[node], 0.0)
    of_step = entr(first).sum() + entr(clean[leaf]).sum()
    wrong = posterior.wrong.sum(axis=1)
    point = posterior.difficulty[forest.problem]
    good, bad = (
        (point * curve[seen.row]).sum(axis=1)
        for curve in (posterior.table.good, posterior.table.wrong)
    )
    most = (entr(wrong) + entr(1 - wrong)) / np.log(2)
    rate = capacity(good, bad) / tokens
    open_to = np.flatnonzero((rate > 0) & (forest.through > 0) & (forest.parent >= 0))
    order = open_to[np.argsort(-rate[open_to], kind="stable")]
    # A bit about a shared prefix tells of every solution through it.
    through = forest.through[order]
    return Bound(
        float(of_step / np.log(2)),
        len(leaf),
        float(forest.depth[leaf].mean()) + 1,
        (most[order] * through),
        rate[order] * through,
    )
