"""Evidence drawn from the model itself, with known parameters."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.labels.layout import Layout
from pipeline.posterior.curves import Rows, curves
from pipeline.posterior.forest import plant
from pipeline.posterior.observed import NONE, Observed, Signal, Votes
from pipeline.posterior.parameters import SLIP, Parameters, position_bin
from tests.pipeline.posterior.tiny import TABLES

CLEAN, WRONG, REPAIRED = range(3)


def draw(
    parameters: Parameters, problems: int, solutions: int, steps: int, rollouts: int, seed: int
) -> tuple[Observed, NDArray[np.int64]]:
    """What is seen, and the true state of each node.

    Solutions share no prefix. `rollouts` from about two prefixes of each and from the problem
    alone, signals on every step, five votes on about every third.
    """
    random = np.random.default_rng(seed)
    count = problems * solutions
    layout = Layout.of_lengths(np.full(count, steps))
    problem = np.repeat(np.arange(problems), solutions)
    forest = plant(layout, problem, problems, None)
    point = random.choice(len(parameters.weights), problems, p=parameters.weights)
    hazard = parameters.hazard(own=True)
    state = np.zeros(count, dtype=np.int64)
    of_node = np.zeros(forest.num_nodes, dtype=np.int64)
    category = np.full(forest.num_nodes, NONE, dtype=np.int64)
    votes = np.zeros((forest.num_nodes, 3), dtype=np.int64)
    for step in range(1, steps + 1):
        node = forest.step_node[layout.position == step - 1]
        h = hazard[position_bin(np.array([step]), np.array([steps]))[0], point[problem]]
        errs = (state != WRONG) & (random.random(count) < h)
        repairs = (state == WRONG) & (random.random(count) < parameters.repair)
        context = np.where(errs, 0, np.where((state == WRONG) & ~repairs, 2, 1))
        harmless = random.random(count) < parameters.harmless
        state = np.where(
            errs & ~harmless, WRONG, np.where((errs & harmless) | repairs, REPAIRED, state)
        )
        of_node[node] = state
        category[node] = _choices(TABLES["step"][context], random)
        some = random.random(count) < 1 / 3
        mean = np.stack([random.dirichlet(2.0 * TABLES["checker"][c]) for c in context[some]])
        votes[node[some]] = random.multinomial(5, mean)
    right = np.where(state == WRONG, parameters.luck, 1 - SLIP)
    outcome = (random.random(count) < right).astype(np.int8)
    table = curves(Rows.of(np.array([steps])), parameters)
    good = of_node != WRONG
    node_point = point[forest.problem]
    value = np.where(
        good, table.good[forest.depth, node_point], table.wrong[forest.depth, node_point]
    )
    at = (forest.depth, node_point)
    worth = np.where(good, table.worth_good[at], table.worth_wrong[at])
    value = np.clip(value, 1e-4, 1 - 1e-4)
    value = np.where(forest.parent < 0, value, random.beta(value * worth, (1 - value) * worth))
    drawn = np.where(
        (random.random(forest.num_nodes) < 2 / steps) | (forest.depth == 0), rollouts, 0
    )
    drawn[forest.leaf] = 0
    correct = random.binomial(drawn, value)
    seen = Observed(
        forest=forest,
        correct=correct,
        incorrect=drawn - correct,
        outcome=outcome,
        samples=np.zeros(problems, dtype=np.int64),
        repeats=np.zeros((problems, 2), dtype=np.int64),
        signals={"step": Signal(category, of_step=True, size=3)},
        votes={"checker": Votes(votes, of_step=True)},
    )
    return seen, of_node


def _choices(rows: NDArray[np.float64], random: np.random.Generator) -> NDArray[np.int64]:
    return (random.random(len(rows))[:, None] > np.cumsum(rows, axis=1)).sum(axis=1)
