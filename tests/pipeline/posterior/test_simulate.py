"""The price that a budget affords, and which probes are worth a price."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pipeline.labels.layout import Floats
from pipeline.posterior.choose import MOST, bits, choose
from pipeline.posterior.infer import infer
from pipeline.posterior.observed import Observed
from pipeline.posterior.simulate import HIGHEST, LOWEST, Market, _play, price_of
from tests.pipeline.posterior.tiny import RIGHT, WRONG, known, node_of, seen_of
from tests.pipeline.posterior.world import draw

SEED = 7


def tokens_of(seen: Observed, each: float = 20.0) -> Floats:
    """In proportion to the steps left; none from the problem alone and from whole solutions."""
    forest = seen.forest
    tokens = each * (forest.length - forest.depth).astype(np.float64)
    tokens[forest.levels[0]] = np.inf
    tokens[tokens == 0] = np.inf
    return tokens


@pytest.fixture(scope="module")
def market() -> Market:
    """Forty problems of which only the solutions are known yet."""
    seen, _ = draw(known(), problems=40, solutions=3, steps=5, rollouts=0, seed=SEED)
    seen = replace(seen, votes={}, signals={})
    return Market(seen, known(), tokens_of(seen))


def spending(market: Market, price: float, seed: int) -> float:
    """What the search spends where a value is drawn for each prefix from the model's own states."""
    random = np.random.default_rng(seed)
    seen, parameters = market.seen, market.parameters
    now = infer(seen, parameters)
    point = np.array([random.choice(11, p=one) for one in now.difficulty])[seen.forest.problem]
    wrong = np.zeros(seen.forest.num_nodes, dtype=np.bool_)
    open_, repaired = now.wrong.sum(axis=1), now.repaired.sum(axis=1)
    for leaf in seen.forest.leaf:
        u, node = random.random(), int(leaf)
        while seen.forest.parent[node] >= 0:
            wrong[node] = u > 1 - open_[node]
            node = int(seen.forest.parent[node])
    assert (open_ + repaired <= 1 + 1e-9).all()
    table, at = now.table, (seen.row, point)
    curve = np.where(wrong, table.wrong[at], table.good[at]).clip(1e-4, 1 - 1e-4)
    worth = np.where(wrong, table.worth_wrong[at], table.worth_good[at])
    value = random.beta(curve * worth, (1 - curve) * worth)
    spent = 0.0
    while True:
        nodes = choose(seen, infer(seen, parameters), market.tokens, price)
        if not len(nodes):
            return spent
        spent += float(market.tokens[nodes].sum())
        right = random.random(len(nodes)) < value[nodes]
        correct, incorrect = seen.correct.copy(), seen.incorrect.copy()
        correct[nodes] += right
        incorrect[nodes] += ~right
        seen = replace(seen, correct=correct, incorrect=incorrect)


def test_nothing_is_worth_anything_without_a_budget(market: Market) -> None:
    assert price_of([market], 0, SEED) == float("inf")
    assert price_of([market], -5, SEED) == float("inf")


def test_a_budget_that_cannot_be_spent_takes_the_lowest_price() -> None:
    seen = seen_of({"solutions": {"a": WRONG, "b": RIGHT}})  # nothing may be rolled out
    assert price_of([Market(seen, known(), tokens_of(seen))], 1000, SEED) == LOWEST
    assert price_of([], 1000, SEED) == LOWEST


@pytest.mark.parametrize("budget", [5_000, 30_000])
def test_at_the_price_the_search_spends_about_its_budget(market: Market, budget: float) -> None:
    """Against draws of its own that the price was not found on, over several of them."""
    price = price_of([market], budget, SEED)
    mean = np.mean([spending(market, price, seed) for seed in range(4)])
    assert mean == pytest.approx(budget, rel=0.2)


@pytest.mark.parametrize("budget", [5_000, 30_000])
def test_the_simulation_itself_spends_about_the_budget(market: Market, budget: float) -> None:
    price = price_of([market], budget, SEED)
    play = _play(market, np.random.default_rng(SEED), SEED)
    play.advance(price, 1e9)
    assert play.spent == pytest.approx(budget, rel=0.1)


def test_a_problem_has_no_more_than_its_most(market: Market) -> None:
    """Forty problems of three solutions with 300 tokens each, and a wave that crosses the line."""
    bounded = replace(market, most=300.0)
    play = _play(bounded, np.random.default_rng(SEED), SEED)
    play.advance(LOWEST, 1e9)
    assert 40 * 150 < play.spent <= 40 * (300 + 3 * 80)


def test_a_search_whose_price_falls_spends_what_one_at_the_last_price_does(market: Market) -> None:
    falling, at_once = (_play(market, np.random.default_rng(SEED), SEED) for _ in "12")
    for price in (3e-3, 1e-3, 5e-4, 2e-4):
        falling.advance(price, 1e9)
    at_once.advance(2e-4, 1e9)
    assert falling.spent > 5_000
    assert falling.spent == pytest.approx(at_once.spent, rel=0.05)


def test_a_larger_budget_never_raises_the_price(market: Market) -> None:
    prices = [price_of([market], budget, SEED) for budget in (500, 4_000, 5_000, 20_000)]
    assert prices == sorted(prices, reverse=True)
    assert LOWEST < prices[-1] < prices[0] <= HIGHEST


def test_equal_markets_have_equal_prices(market: Market) -> None:
    assert price_of([market], 5_000, SEED) == price_of([market], 5_000, SEED)


# choose

PROBLEM = {"solutions": {"abc": WRONG, "abd": WRONG, "xyz": RIGHT}}


def test_each_solution_proposes_its_best_prefix_once() -> None:
    seen = seen_of(PROBLEM)
    tokens = tokens_of(seen)
    now = infer(seen, known())
    rate = bits(seen, now) * seen.forest.through / tokens
    chosen = choose(seen, now, tokens, 1e-9)
    paths = {text: [node_of(PROBLEM, text[:m]) for m in (1, 2)] for text in PROBLEM["solutions"]}
    best = {max(nodes, key=lambda node: rate[node]) for nodes in paths.values()}
    assert chosen.tolist() == sorted(best)


def test_a_price_above_every_rate_buys_nothing() -> None:
    seen = seen_of(PROBLEM)
    now = infer(seen, known())
    rate = bits(seen, now) * seen.forest.through / tokens_of(seen)
    highest = rate[1:].max()
    assert len(choose(seen, now, tokens_of(seen), highest)) == 1
    assert len(choose(seen, now, tokens_of(seen), highest * 1.001)) == 0


def test_a_free_token_buys_only_where_something_is_told() -> None:
    seen = seen_of(PROBLEM)
    none = np.full(seen.forest.num_nodes, np.inf)
    assert choose(seen, infer(seen, known()), none, 0.0).tolist() == []


def test_a_prefix_with_the_most_rollouts_is_left_alone() -> None:
    problem = PROBLEM | {"counts": {"ab": (30, MOST - 30)}}
    seen = seen_of(problem)
    chosen = choose(seen, infer(seen, known()), tokens_of(seen), 1e-12)
    assert node_of(problem, "ab") not in chosen.tolist()


def test_a_shared_prefix_tells_of_every_solution_through_it() -> None:
    """Alone it is as little worth as a price allows; with a second solution it is bought."""
    seen = seen_of({"solutions": {"abc": WRONG, "abd": WRONG}})
    tokens = np.full(seen.forest.num_nodes, np.inf)
    node = node_of({"solutions": {"abc": 0, "abd": 0}}, "ab")
    tokens[node] = 10.0
    now = infer(seen, known())
    price = 1.5 * bits(seen, now)[node] / 10.0
    assert choose(seen, now, tokens, price).tolist() == [node]
    assert choose(seen, now, tokens, 1.5 * price).tolist() == []
