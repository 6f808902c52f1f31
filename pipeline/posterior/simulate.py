"""What a search would spend at a price, without spending it: the price that a budget affords.

The model knows how it would be answered: hidden states and values are drawn from the posterior, and
the search runs against them, all problems in step. The price of a token (bits) at which the mean
spending of these problems meets the budget is found by bisection on its logarithm.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from pipeline.labels.layout import Bools, Floats, Ints
from pipeline.posterior.choose import MOST, choose
from pipeline.posterior.curves import LEAST
from pipeline.posterior.infer import Posterior, infer
from pipeline.posterior.observed import Observed
from pipeline.posterior.parameters import Parameters

LOWEST, HIGHEST = 1e-7, 1.0  # bits a token
_HALVINGS = 9
_WAVES = 300


@dataclass(frozen=True)
class Market:
    """Some problems of one group, as they stand. `tokens`: of a rollout from each node; see
    `choose`. `most`: tokens that one problem may have."""

    seen: Observed
    parameters: Parameters
    tokens: Floats
    most: float = float("inf")


def price_of(markets: Sequence[Market], budget: float, seed: int) -> float:
    """The price at which the search of these problems is expected to write `budget` tokens.

    LOWEST where the budget cannot be spent, infinite where it is 0.
    """
    if budget <= 0:
        return float("inf")
    random = np.random.default_rng(seed)
    values = [_draw(m.seen, infer(m.seen, m.parameters), random) for m in markets]

    def spent(price: float) -> float:
        total = 0.0
        for market, value in zip(markets, values, strict=True):
            total += _spent(market, price, value, seed, budget)
            if total > budget:
                break
        return total

    if spent(LOWEST) <= budget:
        return LOWEST
    low, high = np.log(LOWEST), np.log(HIGHEST)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if spent(float(np.exp(middle))) > budget else (low, middle)
    return float(np.exp(high))


def _spent(market: Market, price: float, values: Floats, seed: int, budget: float) -> float:
    """Tokens that the search writes at a price; stops counting at twice the budget."""
    seen, parameters, tokens = market.seen, market.parameters, market.tokens
    # A number for each rollout that may come: a price changes how many come, not how they end.
    chance = np.random.default_rng(seed).random((MOST, len(values)))
    of_problem = np.zeros(seen.forest.num_problems)
    correct, incorrect = seen.correct.copy(), seen.incorrect.copy()
    for _ in range(_WAVES):
        now = replace(seen, correct=correct, incorrect=incorrect)
        nodes = choose(now, infer(now, parameters), tokens, price)
        owner = seen.forest.problem[nodes]
        nodes = nodes[of_problem[owner] + tokens[nodes] <= market.most]
        if not len(nodes):
            break
        np.add.at(of_problem, seen.forest.problem[nodes], tokens[nodes])
        if of_problem.sum() > 2 * budget:
            break
        right = chance[correct[nodes] + incorrect[nodes], nodes] < values[nodes]
        correct = correct + _at(nodes, right, len(correct))
        incorrect = incorrect + _at(nodes, ~right, len(correct))
    return float(of_problem.sum())


def _at(nodes: Ints, mask: Bools, size: int) -> Ints:
    return np.bincount(nodes[mask], minlength=size)


def _draw(seen: Observed, posterior: Posterior, random: np.random.Generator) -> Floats:
    """A value for each node: hidden states down the trees, then values given the states.

    Cutting the unit interval in the order clean, repaired, wrong at one number a solution keeps the
    marginals, and what is not clean stays so.
    """
    forest = seen.forest
    clean, repaired = posterior.clean.sum(axis=1), posterior.repaired.sum(axis=1)
    point = np.empty(forest.num_nodes, dtype=np.int64)
    difficulty = np.cumsum(posterior.difficulty, axis=1)
    of_problem = (random.random(len(difficulty))[:, None] > difficulty).sum(axis=1)
    point = np.minimum(of_problem, difficulty.shape[1] - 1)[forest.problem]
    # One number for each solution, handed to all its nodes, keeps clean prefixes ahead of the
    # first error; a shared node takes the first solution's.
    u = random.random(len(forest.leaf))[_owner(seen)]
    wrong = u > clean + repaired
    table, at = posterior.table, (seen.row, point)
    value = np.clip(np.where(wrong, table.wrong[at], table.good[at]), LEAST, 1 - LEAST)
    worth = np.where(wrong, table.worth_wrong[at], table.worth_good[at])
    return np.asarray(
        random.beta(value * worth + seen.correct, (1 - value) * worth + seen.incorrect)
    )


def _owner(seen: Observed) -> Ints:
    """The first solution through each node."""
    forest = seen.forest
    owner = np.zeros(forest.num_nodes, dtype=np.int64)
    node = forest.leaf.copy()
    for _ in forest.levels:
        owner[node[::-1]] = np.arange(len(node))[::-1]
        node = np.where(forest.parent[node] >= 0, forest.parent[node], node)
    return owner
