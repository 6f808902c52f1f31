"""What all judges together say of a step: one number, and so one signal.

Judges err together: the votes of one judge share its misreadings, two judges share half of theirs,
and one judge under two names shares all. Taken one by one they would count once each. So the share
of "incorrect" votes of every source is joined by Fisher's linear discriminant into one score, whose
weights know how the sources vary together on steps of one kind, and the score is cut into
categories. A judge entered twice gets half the weight twice, and nothing changes; one that is wrong
more often than right gets a negative one.

Judges also err where the policy does: what is rare among its samples they call incorrect, whether
or not it is. Taken for a signal of its own that would count the rarity twice. So steps are in
classes by what the policy's own samples say of them, and what a category says is learnt within each
(panel_learning.py).

Guarantees: votes that are missing (failed, unparsed, never asked) say nothing; unknown is no vote;
scores follow from evidence and weights alone, not from what else is in the shard. Does not know how
judges err together in places where nothing else than judges speaks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from pipeline.labels.counts import locate
from pipeline.labels.judges import TARGETS, of_judge
from pipeline.labels.layout import Bools, Floats, Ints, Layout
from pipeline.posterior.forest import Forest
from pipeline.posterior.observed import NONE, Signal


@dataclass(frozen=True)
class Panel:
    """`sources`: "<annotator> <source>". `weights`, `centres`: of each one's share of "incorrect";
    the centre stands in where it has no vote. `edges`: of the score's categories. `rarity`: class
    of each category of the policy's own samples, and last that of a step on which they say nothing.
    `worth`: of the whole signal (`Signal`)."""

    sources: tuple[str, ...]
    weights: Floats
    centres: Floats
    edges: Floats
    rarity: Ints
    worth: float

    @property
    def kinds(self) -> int:
        """Categories of the score."""
        return len(self.edges) + 1

    @property
    def groups(self) -> int:
        """Of prefixes of one solution and of several, each by classes of rarity."""
        return 2 * (int(self.rarity.max()) + 1)

    def signal(self, shares: Mapping[str, Floats], sampled: Signal, forest: Forest) -> Signal:
        """Category of each node from the sources' shares (nodes,), NaN for none. `sampled`: what
        the policy's own samples say.

        A prefix of several solutions has the mean of several readings, and is no usual prefix: it
        has categories of its own, and whose it has says nothing.
        """
        score, spoken = score_of(self.sources, self.weights, self.centres, shares, forest.num_nodes)
        classes = self.groups // 2
        group = classes * (forest.through > 1) + self.rarity[sampled.category]
        category = self.kinds * group + np.searchsorted(self.edges, score)
        return Signal(
            np.where(spoken, category, NONE),
            True,
            self.kinds * self.groups,
            np.repeat(np.arange(self.groups), self.kinds),
            self.worth,
        )

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "sources": list(self.sources),
            "weights": self.weights.tolist(),
            "centres": self.centres.tolist(),
            "edges": self.edges.tolist(),
            "rarity": self.rarity.tolist(),
            "worth": self.worth,
        }

    @staticmethod
    def from_dict(raw: Mapping[str, Any]) -> Panel:
        return Panel(
            tuple(raw["sources"]),
            np.array(raw["weights"], dtype=np.float64),
            np.array(raw["centres"], dtype=np.float64),
            np.array(raw["edges"], dtype=np.float64),
            np.array(raw["rarity"], dtype=np.int64),
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
    # Rounded: equal votes have equal scores, in whatever order they add up.
    return np.round(score, 9), spoken
