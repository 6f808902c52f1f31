"""What all judges together say of a step: one number, and so one signal.

Judges err together: the votes of one judge share its misreadings, two judges share half of theirs,
and one judge under two names shares all. Taken one by one they would count once each. So the share
of "incorrect" votes of every source is joined by Fisher's linear discriminant into one score, whose
weights know how the sources vary together on steps of one kind; the score is cut into categories,
and what a category says of a step is learnt as for any other signal. A judge entered twice gets
half the weight twice, and nothing changes; one that is wrong more often than right gets a negative
one.

Guarantees: votes that are missing (failed, unparsed, never asked) say nothing; unknown is no vote;
scores follow from evidence and weights alone, not from what else is in the shard. `worth` shrinks
what the categories say by what chance alone would have shown (James and Stein), so a judge whose
votes have nothing to do with errors moves nothing. Does not know how judges err together in places
where nothing else than judges speaks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from scipy.special import betaln, gammaln

from pipeline.labels.counts import locate
from pipeline.labels.judges import TARGETS, of_judge
from pipeline.labels.layout import Bools, Floats, Ints, Layout
from pipeline.posterior.forest import Forest
from pipeline.posterior.observed import ERROR, FINE, NONE, OPEN, Signal

PSEUDO = 20.0  # observations that an admission test is worth, of wrong steps and of right ones
RIDGE = 0.005  # variance that no source is without: keeps equal sources apart
CHANCE = 2.0  # times what chance alone shows is taken off
_STRENGTH = 1.0  # of a judge's own votes, where only its rates are known: how they go together
_AT_ERRORS, _ELSEWHERE = (0.25, 0.5, 0.75), (0.5, 0.9)  # quantiles of the score, to cut it at


@dataclass(frozen=True)
class Rates:
    """Of one judge, from its admission test: P(says incorrect | the step is wrong), and right."""

    wrong: float
    right: float


@dataclass(frozen=True)
class Panel:
    """`sources`: "<annotator> <source>". `weights`, `centres`: of each one's share of "incorrect";
    the centre stands in where it has no vote. `prior`: pseudo-counts (contexts, categories)."""

    sources: tuple[str, ...]
    weights: Floats
    centres: Floats
    edges: Floats
    prior: Floats
    worth: float

    def signal(self, shares: Mapping[str, Floats], forest: Forest) -> Signal:
        """Category of each node from the sources' shares (nodes,), NaN for none."""
        score, spoken = score_of(self.sources, self.weights, self.centres, shares, forest.num_nodes)
        category = categories(self.edges, score, forest)
        return Signal(
            np.where(spoken, category, NONE),
            True,
            2 * (len(self.edges) + 1),
            groups_of(self.edges),
            self.worth,
            self.prior,
        )

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "sources": list(self.sources),
            "weights": self.weights.tolist(),
            "centres": self.centres.tolist(),
            "edges": self.edges.tolist(),
            "prior": self.prior.tolist(),
            "worth": self.worth,
        }

    @staticmethod
    def from_dict(raw: Mapping[str, Any]) -> Panel:
        return Panel(
            tuple(raw["sources"]),
            np.array(raw["weights"], dtype=np.float64),
            np.array(raw["centres"], dtype=np.float64),
            np.array(raw["edges"], dtype=np.float64),
            np.array(raw["prior"], dtype=np.float64),
            float(raw["worth"]),
        )


def shares_of(
    evidence: pl.DataFrame, ids: pl.Series, layout: Layout, forest: Forest
) -> dict[str, Floats]:
    """Of each judge's source: at each node, the share of "incorrect" among its votes on the step;
    NaN where it has none. Solutions that share a prefix share their votes on its steps."""
    found = {}
    votes = np.zeros((2, layout.num_steps))
    judges = evidence.filter(of_judge())
    if not len(judges):
        return {}
    columns = ("annotator", "source", "correct", "incorrect")
    rows = pl.concat(locate(judges, target, ids, layout, columns) for target in TARGETS)
    rows = rows.filter(pl.col("step") >= 0)
    parts = rows.partition_by("annotator", "source", as_dict=True)
    for (annotator, source), part in sorted(parts.items()):
        step = layout.offsets[part["row"].to_numpy()] + part["step"].to_numpy()
        for row, name in enumerate(("correct", "incorrect")):
            weights = part[name].fill_null(0).to_numpy()
            votes[row] = np.bincount(step, weights=weights, minlength=layout.num_steps)
        right, wrong = (
            np.bincount(forest.step_node, weights=row, minlength=forest.num_nodes) for row in votes
        )
        with np.errstate(invalid="ignore"):
            found[f"{annotator} {source}"] = wrong / (right + wrong)
    return found


def score_of(
    sources: Sequence[str],
    weights: Floats,
    centres: Floats,
    shares: Mapping[str, Floats],
    nodes: int,
) -> tuple[Floats, Bools]:
    """The joint score of each node, and where any source has a vote."""
    score, spoken = np.zeros(nodes), np.zeros(nodes, dtype=np.bool_)
    for name, weight, centre in zip(sources, weights, centres, strict=True):
        if name in shares:
            there = np.isfinite(shares[name])
            spoken |= there
            score += np.where(there, weight * (shares[name] - centre), 0.0)
    return np.round(
        score, 9
    ), spoken  # equal votes have equal scores, in whatever order they add up


def categories(edges: Floats, score: Floats, forest: Forest) -> Ints:
    """A prefix of several solutions has the mean of several readings, and is no usual prefix: it
    has categories of its own, and whose it has says nothing."""
    return np.asarray(np.searchsorted(edges, score) + (len(edges) + 1) * (forest.through > 1))


def groups_of(edges: Floats) -> Ints:
    return np.repeat((0, 1), len(edges) + 1)


def learn_panel(
    shares: Mapping[str, Floats],
    forest: Forest,
    contexts: Floats,
    rates: Mapping[str, Rates],
) -> Panel | None:
    """`contexts` (3, nodes): expected number of steps of each kind (ERROR, FINE, OPEN) before each
    node, from all evidence but the judges'. None where no judge has a vote."""
    sources = sorted(name for name, share in shares.items() if np.isfinite(share).any())
    if not sources:
        return None
    x = np.stack([shares[name] for name in sources])
    there = np.isfinite(x)
    x = np.where(there, x, 0.0)
    own = [rates.get(name.split(" ")[0]) for name in sources]
    means = np.empty((2, len(sources)))
    for number, context in enumerate((ERROR, FINE)):
        weight = contexts[context] * there
        for j, known in enumerate(own):
            pseudo = 0.0 if known is None else PSEUDO
            rate = 0.0 if known is None else (known.right if number else known.wrong)
            total = weight[j].sum() + pseudo
            means[number, j] = (weight[j] @ x[j] + pseudo * rate) / max(total, 1e-9)
    within = np.zeros((len(sources), len(sources)))
    both = np.zeros_like(within)
    for number, context in enumerate((ERROR, FINE)):
        off = np.where(there, x - means[number][:, None], 0.0)
        within += (off * contexts[context]) @ off.T
        both += (contexts[context] * there) @ there.T.astype(np.float64)
    within /= np.maximum(both, 1.0)
    weights = np.linalg.solve(within + RIDGE * np.eye(len(sources)), means[0] - means[1])
    size = np.abs(weights).sum()
    weights = weights / size if size > 0 else weights
    score, spoken = score_of(sources, weights, means.mean(axis=0), shares, forest.num_nodes)
    edges = _edges(score[spoken], contexts[:, spoken])
    category = categories(edges, score, forest)[spoken]
    prior = _prior(sources, weights, means.mean(axis=0), edges, own)
    counts = np.stack(
        [
            np.bincount(category, weights=row, minlength=2 * len(edges) + 2)
            for row in contexts[:, spoken]
        ]
    )
    worth = _worth(counts + prior, groups_of(edges))
    return Panel(tuple(sources), weights, means.mean(axis=0), edges, prior, worth)


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


def _prior(
    sources: Sequence[str],
    weights: Floats,
    centres: Floats,
    edges: Floats,
    rates: Sequence[Rates | None],
) -> Floats:
    """What the admission tests say of the categories: as if all sources gave the same share of
    "incorrect", as often as a few votes that go together would."""
    known = [rate for rate in rates if rate is not None]
    size = len(edges) + 1
    if not known:
        return np.zeros((3, 2 * size))
    votes = np.arange(5)
    score = np.round(np.array([weights @ (v / 4 - centres) for v in votes]), 9)
    category = np.searchsorted(edges, score)
    prior = np.zeros((3, size))
    wrong, right = (
        float(np.mean([getattr(one, name) for one in known])) for name in ("wrong", "right")
    )
    for context, rate in ((ERROR, wrong), (FINE, right), (OPEN, (wrong + right) / 2)):
        a, b = np.clip(rate, 0.01, 0.99) * _STRENGTH, np.clip(1 - rate, 0.01, 0.99) * _STRENGTH
        log = betaln(a + votes, b + 4 - votes) - betaln(a, b)
        log += gammaln(5) - gammaln(votes + 1) - gammaln(5 - votes)
        prior[context] = np.bincount(category, weights=np.exp(log), minlength=size)
    return np.tile(PSEUDO * prior / prior.sum(axis=1, keepdims=True), 2)


def _worth(counts: Floats, groups: Ints) -> float:
    """1 for categories that tell errors from right steps beyond doubt, 0 where chance would too."""
    gain, freedom = 0.0, 0
    for group in np.unique(groups):
        table = counts[[ERROR, FINE]][:, groups == group]
        expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / max(table.sum(), 1e-9)
        seen = table > 0
        gain += 2 * float((table[seen] * np.log(table[seen] / expected[seen])).sum())
        freedom += max(int((table.sum(axis=0) > 0).sum()) - 1, 0)
    return max(0.0, 1.0 - CHANCE * freedom / gain) if gain > 0 else 0.0
