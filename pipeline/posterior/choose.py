"""Which rollouts tell most: the next probes of a search, by what a token tells.

For a node, let B be "some step up to here is wrong". The next rollout's outcome y tells

    I(B; y) = H(y) - P(B) H(y | B) - P(not B) H(y | not B)   bits

of the place of the first error of *every* solution through the node, as the place is before or
behind the node; so the gain is I times their number. It is divided by the tokens that a rollout
from there is expected to write. A rollout's chance of success in a state takes in what earlier ones
from the same node said: the tenth tells less than the first.

Under another prover than the earlier one (earlier.py) the errors are known, as far as they are, and
the values are asked for: a rollout is worth what it narrows them, and the problem alone is a prefix
like any other.
"""

from __future__ import annotations

import numpy as np

from pipeline.labels.layout import Floats, Ints
from pipeline.posterior.earlier import shapes
from pipeline.posterior.infer import Posterior
from pipeline.posterior.observed import Observed

MOST = 64  # rollouts from one prefix
_TINY = 1e-12


def bits(seen: Observed, posterior: Posterior) -> Floats:
    """I(B; y) at each node."""
    good, wrong = (a / n for a, n in _counted(seen, posterior))
    clean = posterior.clean.sum(axis=1)
    other = np.maximum(1 - clean, _TINY)
    right_clean = (posterior.clean * good).sum(axis=1)
    right_other = (posterior.repaired * good + posterior.wrong * wrong).sum(axis=1)
    clean = np.maximum(clean, _TINY)
    gain = entropy(right_clean + right_other)
    gain -= clean * entropy(right_clean / clean) + other * entropy(right_other / other)
    return np.asarray(np.maximum(gain, 0.0))


def narrowing(seen: Observed, posterior: Posterior) -> Floats:
    """By how much one more rollout from each node is expected to lower the variance of its value:
    with the mean m and the variance s of that now, s**2 / (m (1 - m))."""
    (good, good_n), (wrong, wrong_n) = _counted(seen, posterior)
    right = posterior.clean + posterior.repaired
    mean = (right * good / good_n + posterior.wrong * wrong / wrong_n).sum(axis=1)
    square = right * good * (good + 1) / (good_n * (good_n + 1))
    square += posterior.wrong * wrong * (wrong + 1) / (wrong_n * (wrong_n + 1))
    variance = np.maximum(square.sum(axis=1) - mean**2, 0.0)
    return np.asarray(variance**2 / np.maximum(mean * (1 - mean), _TINY))


def _counted(
    seen: Observed, posterior: Posterior
) -> tuple[tuple[Floats, Floats], tuple[Floats, Floats]]:
    """In a good state and in the wrong one: a, and a + b, of the Beta of each node's value after
    its rollouts; (nodes, grid) each."""
    shape = shapes(seen.places, posterior.table, posterior.share)
    correct = seen.correct[:, None]
    drawn = correct + seen.incorrect[:, None]
    (a, b), (c, d) = shape.good, shape.wrong
    return (a + correct, a + b + drawn), (c + correct, c + d + drawn)


def choose(seen: Observed, posterior: Posterior, tokens: Floats, price: float) -> Ints:
    """The node of the best probe of each solution, where it is worth its price; each node once.

    `tokens`: expected for a rollout from each node; infinite where none may be drawn.
    """
    node, rate = proposals(seen, posterior, tokens)
    return np.unique(node[(rate >= price) & (rate > 0)])


def proposals(seen: Observed, posterior: Posterior, tokens: Floats) -> tuple[Ints, Floats]:
    """Of each solution: the node of its best probe, and what that tells a token."""
    forest = seen.forest
    gain = bits if seen.earlier is None else narrowing
    rate = gain(seen, posterior) * forest.through / tokens
    rate[seen.correct + seen.incorrect >= MOST] = 0.0
    if seen.earlier is None:
        rate[forest.levels[0]] = 0.0  # a problem's rollouts are its samples
    # The best on the way from the root to each node, down the trees.
    best, node = rate.copy(), np.arange(forest.num_nodes)
    for level in forest.levels[1:]:
        parent = forest.parent[level]
        better = best[parent] >= best[level]
        best[level] = np.where(better, best[parent], best[level])
        node[level] = np.where(better, node[parent], node[level])
    return node[forest.leaf], best[forest.leaf]


def entropy(p: Floats) -> Floats:
    """Of a yes-or-no question, in bits."""
    p = np.clip(p, _TINY, 1 - _TINY)
    return np.asarray(-(p * np.log2(p) + (1 - p) * np.log2(1 - p)))
