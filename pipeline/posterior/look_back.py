"""From what was seen of an earlier prover to what it tells of another one (earlier.py)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.special import logsumexp

from pipeline.labels.layout import Floats, Ints
from pipeline.posterior.curves import curves
from pipeline.posterior.earlier import UNIT, Earlier
from pipeline.posterior.infer import infer
from pipeline.posterior.likelihood import of_keys
from pipeline.posterior.observed import Observed
from pipeline.posterior.parameters import Parameters, position_bin

_LEAST = 1e-12


def look_back(seen: Observed, parameters: Parameters) -> Earlier:
    """`seen`: of the earlier prover, whose samples the solutions may be; `parameters`: its own,
    with a table for every signal. Difficulty is averaged out by what is known of each problem."""
    forest = seen.forest
    table = curves(seen.rows, parameters)
    difficulty = infer(seen, parameters, table=table).difficulty
    log = np.log(np.maximum(difficulty, _LEAST))
    keys = of_keys(seen.measured, seen.shapes_of(table, parameters))
    node, key = seen.measured.node, seen.measured.key
    good, wrong = np.zeros((2, forest.num_nodes))
    for state, by_key in zip((good, wrong), keys, strict=True):
        state[node] = logsumexp(log[forest.problem[node]] + by_key[key], axis=1)
    before = seen.earlier
    if before is None:
        own = parameters.hazard(own=True)[position_bin(forest.depth, forest.length)]
        hazard = np.einsum("ij,ij->i", difficulty[forest.problem], own)[:, None]
        chain = parameters
    else:  # the solutions' chain is that of the first prover; what it said of the states goes on
        hazard, chain = before.hazard, before.chain
        good, wrong = good + before.good, wrong + before.wrong
    counts = np.stack([seen.correct, seen.incorrect])
    if seen.continued is not None:
        counts = counts + seen.continued.T
    counts[:, forest.levels[0]] = 0  # the problem's difficulty has them
    drawn = counts.sum(axis=0)
    over_good, over_wrong = (
        np.rint((counts[0] - drawn * _mean(curve, difficulty, seen)) / UNIT).astype(np.int64)
        for curve in (table.good, table.wrong)
    )
    return Earlier(drawn, over_good, over_wrong, good, wrong, hazard, difficulty, parameters, chain)


def _mean(curve: Floats, difficulty: Floats, seen: Observed) -> Floats:
    """Of a curve at each node, over what is known of the problem's difficulty."""
    return np.asarray((curve[seen.row] * difficulty[seen.forest.problem]).sum(axis=1))


def under(seen: Observed, earlier: Earlier, correct: Ints, incorrect: Ints) -> Observed:
    """The same solutions and signals under another prover, which had such rollouts from each node:
    what was seen of the earlier one stands in `earlier` alone."""
    return replace(
        seen,
        correct=correct,
        incorrect=incorrect,
        samples=np.zeros_like(seen.samples),
        repeats=np.zeros_like(seen.repeats),
        one_policy=True,
        continued=None,
        earlier=earlier,
    )
