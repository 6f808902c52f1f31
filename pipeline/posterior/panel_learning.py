"""How judges' votes are read, learnt from steps as everything else has them.

What kinds the steps are of (`contexts`) is taken from a posterior that knows no judge, and neither
it nor its parameters are fitted again with the judges in it: a cut, as Plummer (2015, "Cuts in
Bayesian graphical models") has it. Fitted together, the judges' alarms on right answers, which no
rollout contradicts, were taken for errors that change nothing, then confirmed each other, and three
in ten faultless solutions were lost (docs/log.md). The price of the cut: where little else than a
judge speaks, its reliability is taken for less than it is.

Guarantees: a pure function; `worth` shrinks what the categories say by what chance alone would have
shown (James and Stein), so a judge whose votes have nothing to do with errors moves next to
nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import betaln, gammaincinv, gammaln

from pipeline.labels.layout import Floats, Ints
from pipeline.posterior.forest import Forest
from pipeline.posterior.observed import ERROR, FINE, OPEN, Signal
from pipeline.posterior.panel import Panel, score_of

PSEUDO = 20.0  # observations that what is known beforehand is worth, in each context
RIDGE = 0.005  # variance that no source is without: keeps equal sources apart
CHANCE = 0.95  # quantile of what chance alone would show, which is taken off
RARITIES = 4  # classes of steps by what the policy's own samples say
_STRENGTH = 1.0  # of a judge's own votes, where only its rates are known: how they go together
_AT_ERRORS, _ELSEWHERE = (0.25, 0.5, 0.75), (0.5, 0.9)  # quantiles of the score, to cut it at
_LEAST = 1e-6  # of a context's observations


@dataclass(frozen=True)
class Rates:
    """Of one judge, from its admission test: P(says incorrect | the step is wrong), and right."""

    wrong: float
    right: float


@dataclass(frozen=True)
class Learnt:
    """`table` (contexts, categories): chances within each group of the panel's signal."""

    panel: Panel
    table: Floats


def learn_panel(
    shares: Mapping[str, Floats],
    sampled: Signal,
    rare: Floats,
    forest: Forest,
    contexts: Floats,
    rates: Mapping[str, Rates],
) -> Learnt | None:
    """`contexts` (3, nodes): expected number of steps of each kind (ERROR, FINE, OPEN) before each
    node, from all evidence but the judges'. `rare` (3, categories): table of `sampled`, what the
    policy's own samples say. None where no judge has a vote."""
    sources = sorted(name for name, share in shares.items() if np.isfinite(share).any())
    if not sources:
        return None
    known = [rates.get(name.split(" ")[0]) for name in sources]
    weights, centres = _discriminant(np.stack([shares[name] for name in sources]), contexts, known)
    score, spoken = score_of(sources, weights, centres, shares, forest.num_nodes)
    edges = _edges(score[spoken], contexts[:, spoken])
    rarity = _rarities(rare, sampled.category[spoken])
    panel = Panel(tuple(sources), weights, centres, edges, rarity, 1.0)
    signal = panel.signal(shares, sampled, forest)
    counts = signal.counts(contexts)
    tested = _tested(panel, known)
    by_group = counts.reshape(3, panel.groups, panel.kinds)
    total = by_group.sum(axis=1) + tested
    # In the contexts' own proportions, so that a category says nothing until it was seen.
    share = np.maximum(total.sum(axis=1, keepdims=True), _LEAST)
    total += share / share.sum()
    pooled = total / total.sum(axis=1, keepdims=True)
    worth = _worth(np.concatenate([by_group, tested[:, None]], axis=1))
    table = signal.shares(counts + PSEUDO * np.tile(pooled, panel.groups))
    return Learnt(replace(panel, worth=worth), table)


def table_near(table: Floats, signal: Signal, contexts: Floats) -> Floats:
    """Of a part of the steps, `signal` and `contexts` of which are given, drawn to that of all."""
    return signal.shares(signal.counts(contexts) + PSEUDO * table)


def _discriminant(
    shares: Floats, contexts: Floats, rates: Sequence[Rates | None]
) -> tuple[Floats, Floats]:
    """Fisher's, of steps that err and of those that do not: weights (sources,), which add up to 1
    in size, and centres. `shares` (sources, nodes)."""
    there = np.isfinite(shares)
    x = np.where(there, shares, 0.0)
    means = np.empty((2, len(x)))
    within = np.zeros((len(x), len(x)))
    both = np.zeros_like(within)
    for number, context in enumerate((ERROR, FINE)):
        weight = contexts[context] * there
        for j, known in enumerate(rates):
            pseudo = 0.0 if known is None else PSEUDO
            rate = 0.0 if known is None else (known.right if number else known.wrong)
            total = weight[j].sum() + pseudo
            means[number, j] = (weight[j] @ x[j] + pseudo * rate) / max(total, 1e-9)
        off = np.where(there, x - means[number][:, None], 0.0)
        within += (off * contexts[context]) @ off.T
        both += weight @ there.T.astype(np.float64)
    within /= np.maximum(both, 1.0)
    weights = np.linalg.solve(within + RIDGE * np.eye(len(x)), means[0] - means[1])
    size = np.abs(weights).sum()
    return weights / size if size > 0 else weights, means.mean(axis=0)


def _rarities(rare: Floats, category: Ints) -> Ints:
    """Class of each category of the policy's samples, and last that of none: quarters of the steps
    that judges spoke of, by how much more often steps that err are in such a category."""
    odds = np.append(np.log(rare[ERROR] / rare[FINE]), 0.0)
    seen = odds[category]  # NONE is the last
    quarters = np.arange(1, RARITIES) / RARITIES
    cuts = np.unique(np.quantile(seen, quarters, method="inverted_cdf"))
    return np.asarray(np.searchsorted(cuts[cuts < seen.max()], odds))


def _edges(score: Floats, contexts: Floats) -> Floats:
    """Between scores as they are at errors and elsewhere."""
    order = np.argsort(score, kind="stable")
    ordered = score[order]
    found: list[float] = []
    for context, quantiles in ((ERROR, _AT_ERRORS), (FINE, _ELSEWHERE)):
        mass = np.cumsum(contexts[context][order])
        at = np.searchsorted(mass, np.array(quantiles) * mass[-1])
        found += ordered[np.minimum(at, len(ordered) - 1)].tolist()
    edges = np.unique(found)
    return np.asarray(edges[edges < ordered[-1]])  # a category above the last


def _tested(panel: Panel, rates: Sequence[Rates | None]) -> Floats:
    """What the admission tests say of the categories: as if all sources gave the same share of
    "incorrect", as often as a few votes that go together would. (contexts, kinds), counts."""
    known = [rate for rate in rates if rate is not None]
    if not known:
        return np.zeros((3, panel.kinds))
    votes = np.arange(5)
    score = np.round(np.array([panel.weights @ (v / 4 - panel.centres) for v in votes]), 9)
    category = np.searchsorted(panel.edges, score)
    found = np.zeros((3, panel.kinds))
    wrong, right = (
        float(np.mean([getattr(one, name) for one in known])) for name in ("wrong", "right")
    )
    for context, rate in ((ERROR, wrong), (FINE, right), (OPEN, (wrong + right) / 2)):
        a, b = np.clip(rate, 0.01, 0.99) * _STRENGTH, np.clip(1 - rate, 0.01, 0.99) * _STRENGTH
        log = betaln(a + votes, b + 4 - votes) - betaln(a, b)
        log += gammaln(5) - gammaln(votes + 1) - gammaln(5 - votes)
        found[context] = np.bincount(category, weights=np.exp(log), minlength=panel.kinds)
    return np.asarray(PSEUDO * found / found.sum(axis=1, keepdims=True))


def _worth(counts: Floats) -> float:
    """1 for categories that tell errors from right steps beyond doubt, 0 where chance would too.
    `counts` (contexts, groups, kinds): groups speak apart."""
    gain, freedom = 0.0, 0
    for table in counts[[ERROR, FINE]].transpose(1, 0, 2):
        expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / max(table.sum(), 1e-9)
        seen = table > 0
        gain += 2 * float((table[seen] * np.log(table[seen] / expected[seen])).sum())
        freedom += max(int((table.sum(axis=0) > 0).sum()) - 1, 0)
    if not freedom or gain <= 0:
        return 0.0
    chance = 2.0 * float(gammaincinv(freedom / 2, CHANCE))  # of chi-squared
    return max(0.0, 1.0 - chance / gain)
