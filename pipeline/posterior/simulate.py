"""What a search would spend at a price, without spending it: the price that a budget affords.

The model knows how it would be answered: hidden states and values are drawn from the posterior, and
the search runs against them, all problems in step. The price begins high and falls whenever nothing
is worth it any more: a search at a lower price is one at a higher price that goes on, so a single
descent tells what every price on the way makes these problems spend.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.labels.layout import Bools, Floats, Ints
from pipeline.posterior.choose import MOST
from pipeline.posterior.earlier import shapes
from pipeline.posterior.infer import Posterior, infer
from pipeline.posterior.observed import Observed
from pipeline.posterior.parameters import Parameters
from pipeline.posterior.play import Play

LOWEST, HIGHEST = 1e-7, 1.0  # bits a token
_FALL = 0.85  # of the price, at least


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
    plays = [_play(market, random, seed) for market in markets]
    price, before = HIGHEST, (HIGHEST, 0.0)
    while True:
        rates = [play.advance(price, 2 * budget) for play in plays]
        spent = sum(play.spent for play in plays)
        if spent > budget:
            break
        best = max(rates, default=0.0)
        if price <= LOWEST or best < LOWEST:
            return LOWEST
        before = (price, spent)
        price = max(min(price * _FALL, best), LOWEST)
    # Between the last two prices spending is taken to be linear in the logarithm.
    part = (budget - before[1]) / (spent - before[1])
    return float(np.exp((1 - part) * np.log(before[0]) + part * np.log(price)))


def _play(market: Market, random: np.random.Generator, seed: int) -> Play:
    """Against drawn values."""
    seen = market.seen
    values = _draw(seen, infer(seen, market.parameters), random)
    # A number for each rollout that may come: a price changes how many come, not how they end.
    chance = np.random.default_rng(seed).random((MOST, len(values)))

    def answer(nodes: Ints, drawn: Ints) -> Bools:
        return np.asarray(chance[drawn, nodes] < values[nodes])

    return Play(seen, market.parameters, market.tokens, answer, market.most)


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
    shape = shapes(seen.places, posterior.table, posterior.share)
    at = (np.arange(forest.num_nodes), point)
    a, b = (np.where(wrong, w[at], g[at]) for g, w in zip(shape.good, shape.wrong, strict=True))
    return np.asarray(random.beta(a + seen.correct, b + seen.incorrect))


def _owner(seen: Observed) -> Ints:
    """The first solution through each node."""
    forest = seen.forest
    owner = np.zeros(forest.num_nodes, dtype=np.int64)
    node = forest.leaf.copy()
    for _ in forest.levels:
        owner[node[::-1]] = np.arange(len(node))[::-1]
        node = np.where(forest.parent[node] >= 0, forest.parent[node], node)
    return owner
