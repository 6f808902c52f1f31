"""How likely what was seen is, in each state: the emissions of the hidden chain."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import betaln, digamma, gammaln

from pipeline.labels.layout import Floats, Ints
from pipeline.posterior.curves import LEAST, Curves
from pipeline.posterior.earlier import Shapes
from pipeline.posterior.observed import (
    CLEAN,
    ERROR,
    FINE,
    GOOD,
    NONE,
    NOT_CLEAN,
    OPEN,
    WRONG,
    Measured,
    Observed,
)
from pipeline.posterior.parameters import SLIP, Parameters

_LEAST_TRUTH = 1e-100  # truth may contradict itself too, and must outweigh everything else


@dataclass(frozen=True)
class Steps:
    """Likelihood of the signals on the step before each node, by context, divided by exp(scale)."""

    error: Floats  # (nodes, 1)
    fine: Floats
    open: Floats
    scale: Floats


@dataclass(frozen=True)
class States:
    """Likelihood of what was seen at each node, by state, each divided by exp(scale)."""

    clean: Floats  # (nodes, grid)
    wrong: Floats
    repaired: Floats
    scale: Floats


def log_counts(a: Floats, b: Floats, correct: Ints, incorrect: Ints) -> Floats:
    """Beta-binomial without its coefficient, which is the same in every state: (keys, grid)."""
    return np.asarray(betaln(a + correct[:, None], b + incorrect[:, None]) - betaln(a, b))


def slopes(a: Floats, b: Floats, correct: Ints, incorrect: Ints) -> tuple[Floats, Floats]:
    """Derivatives of `log_counts` with respect to a and to b: (keys, grid)."""
    c, i = correct[:, None], incorrect[:, None]
    both = digamma(a + b) - digamma(a + b + c + i)
    return digamma(a + c) - digamma(a) + both, digamma(b + i) - digamma(b) + both


def of_keys(measured: Measured, shapes: Shapes) -> tuple[Floats, Floats]:
    """Log-likelihood of the distinct rollout counts in a good and in the wrong state."""
    counts = (measured.correct, measured.incorrect)
    return log_counts(*shapes.good, *counts), log_counts(*shapes.wrong, *counts)


def log_roots(seen: Observed, good: Floats, own: Floats) -> Floats:
    """Of what is known of the problems alone: (problems, grid). `good`, `own`: the curves of good
    states, under rollouts and under the solutions' own hazard; of several parameters all of these
    have an axis before.

    Binomial, as difficulty is defined by the value of the root. That a problem is here at all,
    since some of its samples were right and some wrong, is a condition, and is divided out.
    """
    roots = seen.forest.levels[0]
    row = seen.row[roots]
    value = np.clip(good[..., row, :], LEAST, 1 - LEAST)
    log = seen.correct[roots, None] * np.log(value) + seen.incorrect[roots, None] * np.log1p(-value)
    value = np.clip(own[..., row, :], LEAST, 1 - LEAST)
    log += seen.repeats[:, :1] * np.log(value) + seen.repeats[:, 1:] * np.log1p(-value)
    n = np.maximum(seen.samples, 2)[:, None]
    mixed = np.log1p(-(value**n) - (1 - value) ** n)
    return np.asarray(log - np.where(seen.samples[:, None] >= 2, mixed, 0.0))


def log_votes(counts: Ints, mean: Floats, strength: float) -> Floats:
    """Dirichlet-multinomial, without its coefficient: (rows,)."""
    total = counts.sum(axis=1)
    inner = gammaln(counts + strength * mean) - gammaln(strength * mean)
    return np.asarray(inner.sum(axis=1) + gammaln(strength) - gammaln(strength + total))


def states(seen: Observed, table: Curves, parameters: Parameters) -> States:
    nodes, points = seen.forest.num_nodes, table.good.shape[1]
    clean = np.zeros((nodes, points))
    wrong = np.zeros((nodes, points))
    measured = seen.measured
    good_keys, wrong_keys = of_keys(measured, seen.shapes_of(table, parameters))
    clean[measured.node] = good_keys[measured.key]
    wrong[measured.node] = wrong_keys[measured.key]
    if seen.earlier is not None:
        clean += seen.earlier.good[:, None]
        wrong += seen.earlier.wrong[:, None]
    repaired = clean.copy()
    for name, votes in seen.votes.items():
        if votes.of_step or name not in parameters.tables:
            continue
        at, kinds, kind = votes.given
        for state, context in ((clean, CLEAN), (wrong, NOT_CLEAN), (repaired, NOT_CLEAN)):
            mean, strength = parameters.tables[name][context], parameters.strength[name]
            state[at] += log_votes(kinds, mean, strength)[kind, None]
    for name, signal in seen.signals.items():
        if signal.of_step or name not in parameters.tables:
            continue
        at = np.flatnonzero(signal.category != NONE)
        log = signal.worth * np.log(parameters.tables[name])[:, signal.category[at], None]
        clean[at] += log[GOOD]
        repaired[at] += log[GOOD]
        wrong[at] += log[WRONG]
    luck = (parameters if seen.earlier is None else seen.earlier.chain).luck
    for outcome, good, bad in ((1, 1 - SLIP, luck), (0, SLIP, 1 - luck)):
        leaf = np.unique(seen.forest.leaf[seen.outcome == outcome])
        clean[leaf] += np.log(good)
        repaired[leaf] += np.log(good)
        wrong[leaf] += np.log(bad)
    top = np.maximum(np.maximum(clean, wrong), repaired)
    clean, wrong, repaired = (np.exp(state - top) for state in (clean, wrong, repaired))
    if seen.truth is not None:
        clean[seen.truth == 0] *= _LEAST_TRUTH
        for state in (wrong, repaired):
            state[seen.truth == 1] *= _LEAST_TRUTH
    return States(clean, wrong, repaired, top)


def steps(seen: Observed, parameters: Parameters) -> Steps:
    log = np.zeros((3, seen.forest.num_nodes))
    for name, signal in seen.signals.items():
        if signal.of_step and name in parameters.tables:
            at = np.flatnonzero(signal.category != NONE)
            log[:, at] += signal.worth * np.log(parameters.tables[name][:, signal.category[at]])
    for name, votes in seen.votes.items():
        if votes.of_step and name in parameters.tables:
            at, kinds, kind = votes.given
            for context in (ERROR, FINE, OPEN):
                mean, strength = parameters.tables[name][context], parameters.strength[name]
                log[context, at] += log_votes(kinds, mean, strength)[kind]
    top = log.max(axis=0)
    likelihood = np.exp(log - top)[:, :, None]
    return Steps(likelihood[ERROR], likelihood[FINE], likelihood[OPEN], top[:, None])
