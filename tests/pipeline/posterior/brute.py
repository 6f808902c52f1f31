"""The posterior by enumeration: every assignment of states to the prefixes of a problem.

Written from the model's definition, node by node and without any of the product's arithmetic; only
the grid of difficulty and the parameters are the same. Left out, as there, are the coefficients of
counts (binomial, beta-binomial, multinomial), which no state and no difficulty changes.
"""

from __future__ import annotations

from itertools import product
from math import exp, lgamma, log

import numpy as np
from numpy.typing import NDArray

from pipeline.posterior.observed import NONE, Observed
from pipeline.posterior.parameters import GRID, SLIP, Parameters

STATES = "cwr"  # clean, wrong, repaired
GOOD = {"c": True, "w": False, "r": True}
ERROR, FINE, OPEN = range(3)  # what a step does, as signals see it
LEAST_TRUTH, LEAST_VALUE = 1e-100, 1e-4


class Brute:
    """Of one problem: `clean`, `wrong`, `repaired` (nodes, grid), `difficulty`, `log`."""

    def __init__(self, seen: Observed, parameters: Parameters, problem: int = 0) -> None:
        self.seen, self.parameters = seen, parameters
        forest = seen.forest
        self.nodes = [n for n in range(forest.num_nodes) if forest.problem[n] == problem]
        self.problem = problem
        points = len(GRID)
        by_state = {state: np.zeros((forest.num_nodes, points)) for state in STATES}
        total = np.zeros(points)
        for point in range(points):
            prior = exp(self._log_root(point)) * float(parameters.weights[point])
            for states in product(STATES, repeat=len(self.nodes) - 1):
                state = dict(zip(self.nodes, ("c", *states), strict=True))
                weight = prior * self._joint(state, point)
                total[point] += weight
                for node in self.nodes:
                    by_state[state[node]][node, point] += weight
        self.log = log(total.sum())
        self.difficulty: NDArray[np.float64] = total / total.sum()
        self.clean, self.wrong, self.repaired = (by_state[s] / total.sum() for s in STATES)

    def hazard(self, step: int, length: int, point: int, own: bool) -> float:
        """Of the step-th step, 1-based."""
        if step >= length:
            place = "last"
        elif step <= 1:
            place = "first"
        else:
            place = ("early", "middle", "late")[min(3 * (step - 1) // length, 2)]
        p = self.parameters
        score = p["hazard"] + exp(p["spread"]) * float(GRID[point]) + p[place]
        return _logistic(score + (p["own"] if own else 0.0))

    def value(self, kept: int, length: int, point: int, good: bool, own: bool = False) -> float:
        """Chance that a continuation of `kept` steps ends right."""
        if kept == length:
            return 1 - SLIP if good else _logistic(self.parameters["luck"])
        to_wrong = self.hazard(kept + 1, length, point, own)
        to_wrong *= 1 - _logistic(self.parameters["harmless"])
        if not good:
            to_wrong = 1 - _logistic(self.parameters["repair"])
        after_good = self.value(kept + 1, length, point, True, own)
        after_wrong = self.value(kept + 1, length, point, False, own)
        return (1 - to_wrong) * after_good + to_wrong * after_wrong

    def worth(self, kept: int, length: int, point: int, good: bool) -> float:
        """Rollouts that the value is worth: as the parameters say, but never so many that the
        other state's Beta has the smaller b (or the larger a)."""
        p = self.parameters
        own, other = (exp(p[name]) for name in ("agree_good", "agree_wrong")[:: 1 if good else -1])
        high, low = (_clip(self.value(kept, length, point, state)) for state in (True, False))
        if good:
            return min(own, other * max((1 - low) / (1 - high), 1.0))
        return min(own, other * max(high / low, 1.0))

    def _joint(self, state: dict[int, str], point: int) -> float:
        """P(states of all nodes, what was seen of them | difficulty)."""
        chance = 1.0
        for node in self.nodes:
            chance *= self._at(node, state[node], point)
            parent = int(self.seen.forest.parent[node])
            if parent >= 0:
                chance *= self._step(node, state[parent] + state[node], point)
                if not chance:
                    return 0.0
        return chance

    def _step(self, node: int, move: str, point: int) -> float:
        """P(move into a node, signals and votes on that step)."""
        forest, p = self.seen.forest, self.parameters
        h = self.hazard(int(forest.depth[node]), int(forest.length[node]), point, own=True)
        r, q = _logistic(p["repair"]), _logistic(p["harmless"])
        ways = {  # (chance, what the step does)
            "cc": [(1 - h, FINE)],
            "cw": [(h * (1 - q), ERROR)],
            "cr": [(h * q, ERROR)],
            "rr": [(1 - h, FINE), (h * q, ERROR)],
            "rw": [(h * (1 - q), ERROR)],
            "ww": [(1 - r, OPEN)],
            "wr": [(r, FINE)],
        }
        return sum(
            (chance * self._said(node, context) for chance, context in ways.get(move, [])), 0.0
        )

    def _said(self, node: int, context: int) -> float:
        """P(signals and votes on the step into a node | what it does)."""
        signal, votes = self.seen.signals["step"], self.seen.votes["checker"]
        chance = self._votes("checker", votes.counts[node].tolist(), context)
        if signal.category[node] != NONE:
            said = float(self.parameters.tables["step"][context, signal.category[node]])
            chance *= said**signal.worth
        return chance

    def _at(self, node: int, state: str, point: int) -> float:
        """P(what was seen of a prefix | its state)."""
        seen, p = self.seen, self.parameters
        forest, good = seen.forest, GOOD[state]
        depth, length = int(forest.depth[node]), int(forest.length[node])
        chance = self._votes("judge", seen.votes["judge"].counts[node].tolist(), int(state != "c"))
        signal = seen.signals["value"]
        category = signal.category[node]
        if category != NONE:
            chance *= float(p.tables["value"][int(not good), category]) ** signal.worth
        if depth:
            value = _clip(self.value(depth, length, point, good))
            strength = self.worth(depth, length, point, good)
            counts = (int(seen.correct[node]), int(seen.incorrect[node]))
            chance *= exp(_polya(counts, (value * strength, (1 - value) * strength)))
        outcomes = {
            int(o) for leaf, o in zip(forest.leaf, seen.outcome, strict=True) if leaf == node
        }
        for outcome in outcomes - {NONE}:
            right = 1 - SLIP if good else _logistic(p["luck"])
            chance *= right if outcome else 1 - right
        truth = NONE if seen.truth is None else int(seen.truth[node])
        if truth != NONE and truth != int(state == "c"):
            chance *= LEAST_TRUTH
        return chance

    def _votes(self, name: str, counts: list[int], context: int) -> float:
        p = self.parameters
        mean = [float(share) * p.strength[name] for share in p.tables[name][context]]
        return exp(_polya(tuple(counts), tuple(mean)))

    def _log_root(self, point: int) -> float:
        """Rollouts and repeated samples of the problem alone, given that it is here at all."""
        seen, root = self.seen, self.problem
        length, n = int(seen.forest.length[root]), int(seen.samples[root])
        value = _clip(self.value(0, length, point, good=True))
        own = _clip(self.value(0, length, point, good=True, own=True))
        found = seen.correct[root] * log(value) + seen.incorrect[root] * log(1 - value)
        found += seen.repeats[root, 0] * log(own) + seen.repeats[root, 1] * log(1 - own)
        return float(found - (log(1 - own**n - (1 - own) ** n) if n >= 2 else 0.0))


def _polya(counts: tuple[int, ...], mean: tuple[float, ...]) -> float:
    """Log-probability of an ordered sequence of draws from a Dirichlet-multinomial."""
    found = lgamma(sum(mean)) - lgamma(sum(mean) + sum(counts))
    return found + sum(lgamma(c + a) - lgamma(a) for c, a in zip(counts, mean, strict=True))


def _logistic(x: float) -> float:
    return 1 / (1 + exp(-x))


def _clip(value: float) -> float:
    return min(max(value, LEAST_VALUE), 1 - LEAST_VALUE)
