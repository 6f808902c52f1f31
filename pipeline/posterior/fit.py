"""Learning the global parameters: the most probable ones, given everything that was seen.

The marginal likelihood (problems' difficulty and solutions' paths summed out) times the priors is
climbed: the continuous parameters by L-BFGS, with the gradient that Fisher's identity gives (that
of the expected complete log-likelihood, at the point itself), the tables of signals and the weights
of the difficulty grid by EM steps in between, which have a closed form.

Guarantees: a pure function of the evidence; the same evidence gives the same parameters; no
evidence at all gives the priors' means. Does not guarantee a global optimum.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.optimize import minimize

from pipeline.labels.layout import Floats, Ints
from pipeline.posterior import likelihood
from pipeline.posterior.curves import curves, curves_of_all, own_good_of_all
from pipeline.posterior.earlier import SHARES, TIES, Shapes
from pipeline.posterior.infer import Flows, Posterior, infer
from pipeline.posterior.observed import ERROR, FINE, OPEN, Measured, Observed, Signal
from pipeline.posterior.parameters import (
    DEVIATIONS,
    GRID,
    MEANS,
    NAMES,
    NORMAL,
    Parameters,
    bounds,
    position_bin,
    start,
    starts,
)

ROUNDS = 4
STEPS = 12  # of L-BFGS in each round
_DELTA = 1e-4
_AT_ONCE = 1 << 17  # numbers in one array: where it is small, calls are what takes the time
_WEIGHT_OF_NORMAL = 20.0  # problems that the prior of the grid's weights is worth
_WEIGHT_OF_CATEGORY = 4.0  # observations that the prior of a signal's category is worth
_WEIGHT_OF_TABLE = 4.0  # votes that the prior of a context is worth
_TINY = 1e-6

# What votes are taken for until they are learnt: correct, incorrect, unknown in each context.
VOTES = np.array([[0.30, 0.40, 0.30], [0.60, 0.03, 0.37], [0.45, 0.25, 0.30]])


@dataclass(frozen=True)
class _Expected:
    """Sufficient statistics of the continuous parameters, under the posterior."""

    errors: Floats  # (bins, grid)
    fine: Floats
    repairs: float
    harmless: float
    harmful: float
    open: float
    # (keys, grid) each: what the rollouts' log-likelihood gains a unit of a and of b, in good
    # states and in wrong ones.
    rollouts: tuple[Floats, Floats, Floats, Floats]
    lucky: float  # wrong at the end, and graded right
    unlucky: float
    difficulty: Floats  # (problems, grid)


def fit(seen: Observed, begin: Parameters | None = None, rounds: int = ROUNDS) -> Parameters:
    """`begin`: where to start, with the tables of every signal that is known so far; None: from
    each of `starts` (and from an earlier prover's), and the most probable of what they come to."""
    if not seen.forest.num_problems:
        return with_tables(seen, begin or start())
    begins = [begin] if begin is not None else starts()
    if begin is None and seen.earlier is not None:
        begins.insert(0, seen.earlier.parameters)
    found = [_fit(seen, one, rounds) for one in begins]
    if len(found) == 1:
        return found[0]
    return min(found, key=lambda one: _objective(seen, one)[0])


def _fit(seen: Observed, begin: Parameters, rounds: int) -> Parameters:
    parameters = with_tables(seen, begin)
    for _ in range(rounds):
        parameters = _tables(seen, parameters.moved(_climb(seen, parameters)))
        if seen.earlier is not None:
            parameters = _related(seen, parameters)
    return parameters


def _related(seen: Observed, parameters: Parameters) -> Parameters:
    """The most probable `tie` and `share`, one after the other."""
    table = curves(seen.rows, parameters)  # of which neither is a part

    def score(one: Parameters) -> float:
        return float(infer(seen, one, table=table).log_likelihood.sum())

    ties = [replace(parameters, tie=value) for value in TIES]
    parameters = max(ties, key=score)
    return max((replace(parameters, share=value) for value in SHARES), key=score)


def _climb(seen: Observed, parameters: Parameters) -> Floats:
    def objective(vector: Floats) -> tuple[float, Floats]:
        return _objective(seen, parameters.moved(vector))

    ends = bounds(seen.one_policy)
    begin = np.clip(parameters.vector, *np.array(ends).T)
    # Its stubs do not know that, with jac=True, a function gives its gradient too.
    climb: Any = minimize
    found = climb(
        objective,
        begin,
        method="L-BFGS-B",
        jac=True,
        bounds=ends,
        options={"maxiter": STEPS},
    )
    return np.asarray(found.x)


def with_tables(seen: Observed, parameters: Parameters) -> Parameters:
    """A table for every signal that has none, which says nothing, and one for every vote."""
    tables, strength = dict(parameters.tables), dict(parameters.strength)
    for name, signal in seen.signals.items():
        if name not in tables:
            # Flat, whatever is in this shard: a label must not depend on its neighbours.
            tables[name] = signal.shares(np.ones((3 if signal.of_step else 2, signal.size)))
    for name, votes in seen.votes.items():
        if name not in tables:
            tables[name] = VOTES[[ERROR, FINE, OPEN]] if votes.of_step else VOTES[[FINE, ERROR]]
            strength[name] = 2.0
    return replace(parameters, tables=tables, strength=strength)


def _objective(seen: Observed, parameters: Parameters) -> tuple[float, Floats]:
    """Negative log posterior a problem, and its gradient."""
    posterior = infer(seen, parameters, with_flows=True)
    expected = _expected(seen, posterior, parameters)
    scale = 1.0 / seen.forest.num_problems
    means, deviations = _prior(seen)
    distance = (parameters.vector - means) / deviations
    value = posterior.log_likelihood.sum() - 0.5 * float(distance @ distance)
    moves = _DELTA * np.eye(len(NAMES))
    ends = [parameters.moved(parameters.vector + move) for move in (*moves, *-moves)]
    rows = max(seen.forest.num_problems, len(seen.measured.correct), 1)
    size = max(_AT_ONCE // (rows * len(GRID)), 1)
    parts = [ends[begin : begin + size] for begin in range(0, len(ends), size)]
    found = [value for part in parts for value in _complete(seen, part, expected)]
    above, below = np.array(found).reshape(2, -1)
    gradient = (above - below) / (2 * _DELTA) - distance / deviations
    return -value * scale, -gradient * scale


def _prior(seen: Observed) -> tuple[Floats, Floats]:
    """Means and standard deviations: a prover is expected to be somewhat like an earlier one."""
    if seen.earlier is None:
        return MEANS, DEVIATIONS
    return seen.earlier.parameters.vector, DEVIATIONS / 2


def _expected(seen: Observed, posterior: Posterior, parameters: Parameters) -> _Expected:
    forest, flows = seen.forest, posterior.flows
    assert flows is not None
    bins = position_bin(forest.depth, forest.length)
    inner = forest.parent >= 0
    by_bin = [np.flatnonzero(inner & (bins == number)) for number in range(5)]
    errors = np.array([flows.error[nodes].sum(axis=0) for nodes in by_bin])
    fine = np.array([flows.fine[nodes].sum(axis=0) for nodes in by_bin])
    measured = seen.measured
    good = _sums(
        posterior.clean[measured.node] + posterior.repaired[measured.node],
        measured.key,
        len(measured.correct),
    )
    wrong = _sums(posterior.wrong[measured.node], measured.key, len(measured.correct))
    ends = posterior.wrong.sum(axis=1)
    return _Expected(
        errors=errors,
        fine=fine,
        repairs=float(flows.repair.sum()),
        harmless=float(flows.harmless.sum()),
        harmful=float((flows.error - flows.harmless).sum()),
        open=float(flows.open.sum()),
        rollouts=_slopes(measured, seen.shapes_of(posterior.table, parameters), good, wrong),
        lucky=float(ends[np.unique(forest.leaf[seen.outcome == 1])].sum()),
        unlucky=float(ends[np.unique(forest.leaf[seen.outcome == 0])].sum()),
        difficulty=posterior.difficulty,
    )


def _slopes(
    measured: Measured, shapes: Shapes, good: Floats, wrong: Floats
) -> tuple[Floats, Floats, Floats, Floats]:
    """`good`, `wrong`: (keys, grid), how many nodes with these counts are in such a state."""
    counts = (measured.correct, measured.incorrect)
    found = []
    for count, shape in ((good, shapes.good), (wrong, shapes.wrong)):
        found += [count * slope for slope in likelihood.slopes(*shape, *counts)]
    return found[0], found[1], found[2], found[3]


def _complete(seen: Observed, several: list[Parameters], expected: _Expected) -> list[float]:
    """Expected complete log-likelihood of each, up to what the continuous parameters do not change;
    that of rollouts is linear around the point of `expected`, enough for a gradient there."""
    table = curves_of_all(seen.rows, several)
    shapes = seen.shapes_of(table, several[0])
    own = own_good_of_all(seen.rows, several, table.good)
    logs = likelihood.log_roots(seen, table.good, own)
    found = []
    for number, parameters in enumerate(several):
        # The chain of an earlier run's solutions is that of its own parameters, which are known.
        total = 0.0 if seen.earlier is not None else _chain(parameters, expected)
        for slope, shape in zip(expected.rollouts, (*shapes.good, *shapes.wrong), strict=True):
            total += float(np.vdot(slope, shape[number]))
        found.append(float(total + (expected.difficulty * logs[number]).sum()))
    return found


def _chain(parameters: Parameters, expected: _Expected) -> float:
    hazard = parameters.hazard(own=True)
    total = (expected.errors * np.log(hazard)).sum() + (expected.fine * np.log1p(-hazard)).sum()
    repair, luck = parameters.repair, parameters.luck
    total += expected.repairs * np.log(repair) + expected.open * np.log1p(-repair)
    harmless = parameters.harmless
    total += expected.harmless * np.log(harmless) + expected.harmful * np.log1p(-harmless)
    return float(total + expected.lucky * np.log(luck) + expected.unlucky * np.log1p(-luck))


def _tables(seen: Observed, parameters: Parameters) -> Parameters:
    """One EM step of what has a closed form."""
    posterior = infer(seen, parameters, with_flows=True)
    assert posterior.flows is not None
    weights = posterior.difficulty.sum(axis=0) + _WEIGHT_OF_NORMAL * NORMAL
    if seen.earlier is not None:  # part of what the new difficulty is drawn from
        weights = seen.earlier.parameters.weights
    by_step = _by_step(posterior.flows)
    clean = posterior.clean.sum(axis=1)
    by_state = np.stack([clean, 1 - clean])
    wrong = posterior.wrong.sum(axis=1)
    by_value = np.stack([1 - wrong, wrong])
    tables, strength = dict(parameters.tables), dict(parameters.strength)
    for name, signal in seen.signals.items():
        tables[name] = table_of(signal, by_step if signal.of_step else by_value)
    for name, votes in seen.votes.items():
        weights_of = by_step if votes.of_step else by_state
        tables[name], strength[name] = _votes(
            votes.counts, weights_of, tables[name], strength[name]
        )
    return replace(parameters, weights=weights / weights.sum(), tables=tables, strength=strength)


def contexts(seen: Observed, parameters: Parameters) -> Floats:
    """Expected number of steps that err, that do not, and that stand on an open error, before each
    node: (3, nodes)."""
    posterior = infer(seen, with_tables(seen, parameters), with_flows=True)
    assert posterior.flows is not None
    return _by_step(posterior.flows)


def _by_step(flows: Flows) -> Floats:
    return np.stack(
        [flows.error.sum(axis=1), (flows.fine + flows.repair).sum(axis=1), flows.open.sum(axis=1)]
    )


def table_of(signal: Signal, weights: Floats) -> Floats:
    """Chances of the categories in each context; `weights` (contexts, nodes)."""
    counts = signal.counts(weights)
    # In the contexts' own proportions, so that a category says nothing until it was seen.
    share = np.maximum(counts.sum(axis=1, keepdims=True), _TINY)
    counts += _WEIGHT_OF_CATEGORY * share / share.sum()
    return signal.shares(counts)


STRENGTHS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 64.0)


def _votes(counts: Ints, contexts: Floats, table: Floats, strength: float) -> tuple[Floats, float]:
    """Means of each context, votes weighed less the more they agree anyway; then the strength."""
    at = np.flatnonzero(counts.any(axis=1))
    if not len(at):
        return table, strength
    votes = counts[at]
    total = votes.sum(axis=1)
    worth = (1 + strength) / (total + strength)  # of each vote, in independent ones
    means = contexts[:, at] @ (votes * worth[:, None]) + _WEIGHT_OF_TABLE * table
    means /= means.sum(axis=1, keepdims=True)
    if total.max() == 1:
        return means, strength  # single votes say nothing of how they agree

    def score(value: float) -> float:
        log = [likelihood.log_votes(votes, mean, value) for mean in means]
        prior = -0.5 * np.log(value / 2.0) ** 2
        return float((contexts[:, at] * np.array(log)).sum() + prior)

    return means, max(STRENGTHS, key=score)


def _sums(values: Floats, key: Ints, size: int) -> Floats:
    found = np.zeros((size, values.shape[1]))
    np.add.at(found, key, values)
    return found
