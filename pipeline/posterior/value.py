"""The value of each prefix under the posterior: its mean, and an interval with a given mass.

In a state and at a difficulty, the value of a prefix is Beta around the curve's value; rollouts
from the prefix sharpen it, and so do the prover's own samples that go on from there: of the value,
each is one more rollout. Over states and difficulties that is a mixture, often with two humps
(clean or not). Its equal-tailed interval is read off its distribution function on a fixed grid,
finest near 0 and 1, and rounded outward to two decimals: finer ones would claim what no number of
rollouts that anyone buys can show, and so a value of exactly 0 or 1 can be inside.

The distribution functions I_x(a + c, b + i) follow from I_x(a, b) of the curve alone, step by step:

    I_x(a + 1, b) = I_x(a, b) - f / a        f = x^a (1 - x)^b / B(a, b)
    I_x(a, b + 1) = I_x(a, b) + f / b
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from scipy.special import betainc, betaln, xlog1py, xlogy

from pipeline.labels.layout import Floats, Ints
from pipeline.posterior.earlier import shapes
from pipeline.posterior.infer import Posterior
from pipeline.posterior.observed import Observed, distinct

VALUES = np.sin(np.linspace(0, np.pi / 2, 121)) ** 2
_ROWS = 2048  # of the curves' tables whose functions are remembered, 43 KiB each
_TINY = 1e-9
_MOST_STEPS = 64  # from (a, b); farther off, the function itself is cheaper


@dataclass(frozen=True)
class Values:
    """Of each node; the root's too."""

    mean: Floats
    low: Floats
    high: Floats


def values(seen: Observed, posterior: Posterior, mass: float) -> Values:
    """`mass`: of the interval."""
    places, place, correct, incorrect, key = _keys(seen)
    shape = shapes(places, posterior.table, posterior.share)
    a = np.hstack([shape.good[0], shape.wrong[0]])
    worth = a + np.hstack([shape.good[1], shape.wrong[1]])
    center = a / worth
    weight = np.hstack([posterior.clean + posterior.repaired, posterior.wrong])
    total = worth[place] + (correct + incorrect)[:, None]
    means = (a[place] + correct[:, None]) / total
    mean = np.einsum("ij,ij->i", weight, means[key])
    low, high = np.empty(len(key)), np.empty(len(key))
    tail = (1 - mass) / 2
    order = np.argsort(key, kind="stable")
    bounds = np.searchsorted(key[order], np.arange(len(place) + 1))
    starts = np.flatnonzero(np.diff(place, prepend=-1, append=-1))
    for begin, end in pairwise(starts.tolist()):  # the keys of a place
        nodes = order[bounds[begin] : bounds[end]]
        inside = (bounds[begin : end + 1] - bounds[begin]).tolist()
        weights = weight[nodes]
        mixture = np.empty((len(nodes), len(VALUES)))
        at = place[begin]
        every = _below(center[at], worth[at], correct[begin:end], incorrect[begin:end])
        for (first, last), below in zip(pairwise(inside), every, strict=True):
            np.matmul(weights[first:last], below, out=mixture[first:last])
        under = np.count_nonzero(mixture <= tail, axis=1) - 1
        low[nodes] = VALUES[np.maximum(under, 0)]
        over = np.count_nonzero(mixture < 1 - tail, axis=1)
        high[nodes] = VALUES[np.minimum(over, len(VALUES) - 1)]
    # What is a hundredth already stays it, though it is not quite one in binary.
    low = np.floor(100 * low + _TINY) / 100
    high = np.ceil(100 * high - _TINY) / 100
    return Values(mean, np.minimum(low, mean), np.maximum(high, mean))


def _keys(seen: Observed) -> tuple[Ints, Ints, Ints, Ints, Ints]:
    """Distinct places (4, places); the place, right and wrong rollouts of each key, and the key of
    each node."""
    counts = np.stack([seen.correct, seen.incorrect])
    if seen.continued is not None:
        counts = counts + seen.continued.T
    keys, key = distinct(np.stack([*seen.places, *counts]))
    places, place = distinct(keys[:4])
    return places, place, keys[4], keys[5], key


def _below(center: Floats, worth: Floats, correct: Ints, incorrect: Ints) -> Iterator[Floats]:
    """Distribution functions (points, VALUES) around `center` after each of some counts, which
    come in order; each is overwritten by the next."""
    a, b = (center * worth)[:, None], ((1 - center) * worth)[:, None]
    start, f = _start(center.tobytes(), worth.tobytes())
    # Factors are laid out in full or looked up: most of the time would go into making them.
    k = np.arange(_MOST_STEPS + 1)[:, None, None]
    n_k, after_a, after_b = worth[:, None] + k, 1 / (a + k + 1), 1 / (b + k + 1)
    x, rest = (np.tile(one, (len(center), 1)) for one in (VALUES, 1 - VALUES))
    after_c, step_c = start.copy(), f / a  # after c right ones; what one more takes off
    below, step = np.empty_like(start), np.empty_like(start)
    at_c, at_i = 0, -1
    for c, i in zip(correct.tolist(), incorrect.tolist(), strict=True):
        if c + i > _MOST_STEPS:
            yield betainc(a + c, b + i, VALUES)
            continue
        while at_c < c:
            after_c -= step_c
            step_c *= x
            step_c *= n_k[at_c] * after_a[at_c]
            at_c, at_i = at_c + 1, -1
        if at_i < 0:
            np.copyto(below, after_c)
            np.multiply(step_c, (a + c) / b, out=step)
            at_i = 0
        while at_i < i:
            below += step
            step *= rest
            step *= n_k[c + at_i] * after_b[at_i]
            at_i += 1
        yield below


@lru_cache(_ROWS)
def _start(center: bytes, worth: bytes) -> tuple[Floats, Floats]:
    """I_x(a, b) and f. Remembered, as the same rows of curves come up in shard after shard."""
    n = np.frombuffer(worth)[:, None]
    a = np.frombuffer(center)[:, None] * n
    b = n - a
    f = np.exp(xlogy(a, VALUES) + xlog1py(b, -VALUES) - betaln(a, b))
    return np.asarray(betainc(a, b, VALUES), dtype=np.float64), f
