"""Forward-backward over the forest, on the grid of difficulty: the posterior itself.

A path of a solution goes over the states clean, wrong and repaired. Up the trees go the
likelihoods of everything below a node, down the trees those of everything else; their product is
the posterior of the node's state. Only clean prefixes lead to clean ones, so the chance that the
first error is step t is P(clean before t) - P(clean after t): the marginals are all that is needed.

Guarantees: finite numbers for any evidence, also one that contradicts itself; nothing is NaN;
P(clean) never rises from a node to the next; what nothing was seen of follows the prior. Work and
memory are linear in nodes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.labels.layout import Floats, Ints
from pipeline.posterior import likelihood
from pipeline.posterior.curves import Curves, curves, own_curves
from pipeline.posterior.forest import Forest
from pipeline.posterior.observed import Observed
from pipeline.posterior.parameters import Parameters, position_bin

_LEAST = 1e-250  # keeps products and quotients finite
_ZERO = 1e-300


@dataclass(frozen=True)
class Posterior:
    """`clean`, `wrong`, `repaired`: (nodes, grid), P(state, difficulty | everything); they add up
    to 1 at each node. `difficulty`: (problems, grid). `log_likelihood`: (problems,), without the
    coefficients of counts (binomial, beta-binomial, multinomial), which depend on nothing here.
    `table`, `share`: what it was inferred with (parameters.py)."""

    clean: Floats
    wrong: Floats
    repaired: Floats
    difficulty: Floats
    log_likelihood: Floats
    flows: Flows | None
    table: Curves
    share: float


@dataclass(frozen=True)
class Flows:
    """What `fit` counts: expected transitions into each node, (nodes, grid)."""

    fine: Floats  # no error, none open: clean to clean or repaired to repaired
    error: Floats  # clean or repaired to wrong, or to repaired where it is harmless
    harmless: Floats  # of these, the harmless ones
    open: Floats  # wrong to wrong
    repair: Floats  # wrong to repaired


@dataclass(frozen=True)
class _Up:
    clean: Floats  # (nodes, grid): likelihood of everything at and below a node, by state, scaled
    wrong: Floats
    repaired: Floats
    to_good: Floats  # message to the node before, from a clean state
    to_wrong: Floats
    to_repaired: Floats
    scale: Floats  # (roots, grid): the logarithm that was divided out


@dataclass(frozen=True)
class Chances:
    """Transition probabilities into each node."""

    hazard: Floats  # (nodes, grid), or (nodes, 1)
    repair: float
    harmless: float


def infer(
    seen: Observed, parameters: Parameters, with_flows: bool = False, table: Curves | None = None
) -> Posterior:
    forest = seen.forest
    table = curves(seen.rows, parameters) if table is None else table
    earlier = seen.earlier
    if earlier is None:
        prior = parameters.weights[None, :]
        hazard = parameters.hazard(own=True)[position_bin(forest.depth, forest.length)]
        chances = Chances(hazard, parameters.repair, parameters.harmless)
    else:
        prior = earlier.prior(parameters)
        chain = earlier.chain
        chances = Chances(earlier.hazard, chain.repair, chain.harmless)
    states = likelihood.states(seen, table, parameters)
    steps = likelihood.steps(seen, parameters)
    up = _up(forest, states, steps, chances)
    roots = forest.levels[0]
    log = np.log(np.maximum(prior, 1e-12)) + up.scale
    log += likelihood.log_roots(seen, table.good, own_curves(seen.rows, parameters, table).good)
    log += np.log(np.maximum(up.clean[roots], _LEAST))
    top = log.max(axis=1, keepdims=True, initial=-np.inf)
    difficulty = np.exp(log - top)
    total = difficulty.sum(axis=1, keepdims=True)
    difficulty /= total
    return _down(
        forest,
        states,
        steps,
        chances,
        up,
        difficulty,
        (top + np.log(total))[:, 0],
        with_flows,
        table,
        parameters.share,
    )


def _up(
    forest: Forest, states: likelihood.States, steps: likelihood.Steps, chances: Chances
) -> _Up:
    clean, wrong, repaired = states.clean.copy(), states.wrong.copy(), states.repaired.copy()
    to_good, to_wrong, to_repaired = (np.empty_like(clean) for _ in range(3))
    scale = states.scale + steps.scale
    r, q = chances.repair, chances.harmless
    for level in reversed(forest.levels[1:]):
        c, w, p = clean[level], wrong[level], repaired[level]
        top = np.maximum(np.maximum(c, w), np.maximum(p, _LEAST))
        c /= top
        w /= top
        p /= top
        scale[level] += np.log(top)
        h = chances.hazard[level]
        error = h * steps.error[level] * ((1 - q) * w + q * p)
        fine = (1 - h) * steps.fine[level]
        to_good[level] = np.maximum(fine * c + error, _LEAST)
        to_repaired[level] = np.maximum(fine * p + error, _LEAST)
        to_wrong[level] = np.maximum(
            r * steps.fine[level] * p + (1 - r) * steps.open[level] * w, _LEAST
        )
        parents, starts = _families(forest.parent[level])
        if len(parents) == level.stop - level.start:  # only children
            clean[parents] *= to_good[level]
            wrong[parents] *= to_wrong[level]
            repaired[parents] *= to_repaired[level]
            scale[parents] += scale[level]
            continue
        if level.start == forest.num_problems:  # below the roots, which are clean
            scale[parents] += np.add.reduceat(scale[level] + np.log(to_good[level]), starts)
            break
        logs = [np.add.reduceat(np.log(m[level]), starts) for m in (to_good, to_wrong, to_repaired)]
        top = np.maximum(np.maximum(logs[0], logs[1]), logs[2])
        clean[parents] *= np.exp(logs[0] - top)
        wrong[parents] *= np.exp(logs[1] - top)
        repaired[parents] *= np.exp(logs[2] - top)
        scale[parents] += np.add.reduceat(scale[level], starts) + top
    return _Up(clean, wrong, repaired, to_good, to_wrong, to_repaired, scale[forest.levels[0]])


def _families(parent: Ints) -> tuple[Ints, Ints]:
    """The distinct parents of neighbours, and where each one's children begin."""
    new = np.ones(len(parent), dtype=np.bool_)
    new[1:] = parent[1:] != parent[:-1]
    starts = np.flatnonzero(new)
    return parent[starts], starts


def _down(
    forest: Forest,
    states: likelihood.States,
    steps: likelihood.Steps,
    chances: Chances,
    up: _Up,
    difficulty: Floats,
    log_likelihood: Floats,
    with_flows: bool,
    table: Curves,
    share: float,
) -> Posterior:
    clean, wrong, repaired = (np.zeros_like(up.clean) for _ in range(3))
    flows = Flows(*(np.zeros_like(up.clean) for _ in range(5))) if with_flows else None
    clean[forest.levels[0]] = difficulty
    r, q = chances.repair, chances.harmless
    for level in forest.levels[1:]:
        parent = forest.parent[level]
        # P(state of the parent | everything but what is below this child), not normalised: its
        # posterior without this child's message.
        before = clean[parent]
        c = before / up.to_good[level]
        w = wrong[parent] / up.to_wrong[level]
        p = repaired[parent] / up.to_repaired[level]
        h = chances.hazard[level]
        fine = (1 - h) * steps.fine[level]
        error = h * steps.error[level]
        below_clean, below_wrong, below_repaired = (
            up.clean[level],
            up.wrong[level],
            up.repaired[level],
        )
        stay_clean = c * fine * below_clean
        stay_repaired = p * fine * below_repaired
        errs = (c + p) * error * (1 - q) * below_wrong
        harmless = (c + p) * error * q * below_repaired
        stays_wrong = w * (1 - r) * steps.open[level] * below_wrong
        repairs = w * r * steps.fine[level] * below_repaired
        total = stay_clean + stay_repaired + errs + harmless + stays_wrong + repairs
        factor = difficulty[forest.problem[level]] / np.maximum(total, _ZERO)
        kept = stay_clean * factor
        clean[level] = np.minimum(kept, before)  # rounding must not raise it
        wrong[level] = (errs + stays_wrong) * factor + (kept - clean[level])
        repaired[level] = (stay_repaired + harmless + repairs) * factor
        if total.min(initial=1.0) < _ZERO:  # impossible in every state: as before the step
            lost = total < _ZERO
            for state in (clean, wrong, repaired):
                state[level] = np.where(lost, state[parent], state[level])
        if flows is not None:
            flows.fine[level] = (stay_clean + stay_repaired) * factor
            flows.error[level] = (errs + harmless) * factor
            flows.harmless[level] = harmless * factor
            flows.open[level] = stays_wrong * factor
            flows.repair[level] = repairs * factor
    return Posterior(clean, wrong, repaired, difficulty, log_likelihood, flows, table, share)
