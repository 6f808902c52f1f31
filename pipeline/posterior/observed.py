"""What the posterior reads of a shard: a forest and what was seen at its nodes.

Contexts of what speaks of a step: the step makes an error (`ERROR`), makes none where none is open
(`FINE`; a step that repairs counts as fine), or stands on an open error (`OPEN`). Of what speaks of
a prefix's correctness: no step is wrong (`CLEAN`), or some is. Of what speaks of its value: no
error is open (`GOOD`), or one is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from pipeline.labels.layout import Bools, Floats, Ints, Labels8
from pipeline.posterior.curves import Curves, Rows
from pipeline.posterior.earlier import Earlier, Shapes, shapes
from pipeline.posterior.forest import Forest
from pipeline.posterior.parameters import Parameters

ERROR, FINE, OPEN = range(3)
CLEAN, NOT_CLEAN = range(2)
GOOD, WRONG = range(2)
NONE = -1  # no observation
JUDGES = "judges"  # the signal of all judges together (panel.py)


@dataclass(frozen=True)
class Signal:
    """A category for each node, NONE for none, of the step before it or of the prefix's value.

    `size`: how many categories there are, whether or not all were seen. `groups`: of each category;
    which group a node's is in says nothing (it is what could be known of it), and the categories
    of one group exclude each other. None: all are one group. `worth`: of what it says, in
    independent observations; its log-likelihood is weighed by that.
    """

    category: Ints
    of_step: bool
    size: int
    groups: Ints | None = None
    worth: float = 1.0

    def counts(self, contexts: Floats) -> Floats:
        """Expected observations of each category in each context: (contexts, size); `contexts`
        (contexts, nodes)."""
        at = np.flatnonzero(self.category != NONE)
        category = self.category[at]
        found = [np.bincount(category, weights=row[at], minlength=self.size) for row in contexts]
        return np.array(found, dtype=np.float64)

    def shares(self, counts: Floats) -> Floats:
        """Counts (contexts, size) as chances within each group."""
        groups = np.zeros(self.size, dtype=np.int64) if self.groups is None else self.groups
        total = np.stack([np.bincount(groups, weights=row) for row in counts])
        return np.asarray(counts / total[:, groups])


@dataclass(frozen=True)
class Votes:
    """Correct, incorrect and unknown votes of one kind of source at each node.

    `of_step`: they speak of the step before the node (contexts ERROR, FINE, OPEN); otherwise of
    the whole prefix (contexts CLEAN, NOT_CLEAN).
    """

    counts: Ints  # (nodes, 3)
    of_step: bool

    @cached_property
    def given(self) -> tuple[Ints, Ints, Ints]:
        """Nodes with votes, their distinct counts (kinds, 3), and which of these each node has."""
        nodes = np.flatnonzero(self.counts.any(axis=1))
        kinds, kind = distinct(self.counts[nodes].T)
        return nodes, kinds.T, kind


@dataclass(frozen=True)
class Observed:
    """`correct`, `incorrect`: rollouts from each node. A sample is a rollout from the root too; it
    counts there only where it is no solution here, in `repeats` (problems, 2): right and wrong
    samples whose text another one has.

    `samples`: of each problem, how many samples were drawn where it is known that some were right
    and some wrong (else it would not be here); 0 where nothing such is known. `truth` of each node:
    1 the prefix is clean, 0 it is not, NONE unknown. `one_policy`: the solutions are the
    prover's own; `continued` (nodes, 2) then: right and wrong samples through each node, roots
    excepted. `whole`: the rows of the curves of all, where this is a part of something larger.
    `earlier`: what another prover's rollouts tell; samples then stand there alone, and `samples`
    and `repeats` are 0.
    """

    forest: Forest
    correct: Ints
    incorrect: Ints
    outcome: Labels8  # of each solution
    samples: Ints
    repeats: Ints
    one_policy: bool = True
    continued: Ints | None = None
    signals: Mapping[str, Signal] = field(default_factory=dict)
    votes: Mapping[str, Votes] = field(default_factory=dict)
    truth: Labels8 | None = None
    whole: Rows | None = None
    earlier: Earlier | None = None

    @cached_property
    def rows(self) -> Rows:
        return self.whole or Rows.of(self.forest.length)

    def part(self, problems: Bools) -> tuple[Observed, Ints, Ints]:
        """Of some problems, with the nodes and the solutions that it keeps, in their order; the
        curves of the whole hold for it."""
        forest, nodes, solutions = self.forest.part(problems)
        signals = {
            name: replace(signal, category=signal.category[nodes])
            for name, signal in self.signals.items()
        }
        votes = {name: replace(one, counts=one.counts[nodes]) for name, one in self.votes.items()}
        part = replace(
            self,
            forest=forest,
            correct=self.correct[nodes],
            incorrect=self.incorrect[nodes],
            outcome=self.outcome[solutions],
            samples=self.samples[problems],
            repeats=self.repeats[problems],
            continued=None if self.continued is None else self.continued[nodes],
            signals=signals,
            votes=votes,
            truth=None if self.truth is None else self.truth[nodes],
            whole=self.rows,
            earlier=None if self.earlier is None else self.earlier.part(problems, nodes),
        )
        return part, nodes, solutions

    @cached_property
    def row(self) -> Ints:
        """Of each node in the curves' tables."""
        return self.rows.at(self.forest.length, self.forest.depth)

    @cached_property
    def measured(self) -> Measured:
        seen = np.flatnonzero((self.correct + self.incorrect > 0) & (self.forest.parent >= 0))
        keys = np.stack([*self.places[:, seen], self.correct[seen], self.incorrect[seen]])
        unique, inverse = distinct(keys)
        return Measured(seen, inverse, unique[:4], unique[4], unique[5])

    def shapes_of(self, table: Curves, parameters: Parameters) -> Shapes:
        """Of the keys of `measured`."""
        return shapes(self.measured.place, table, parameters.share)

    @cached_property
    def places(self) -> Ints:
        """(4, nodes): what the shape of a value depends on beside parameters (earlier.py)."""
        row, earlier = self.row, self.earlier
        if earlier is None:
            return np.stack([row, *np.zeros((3, len(row)), dtype=np.int64)])
        return np.stack([row, earlier.drawn, earlier.over_good, earlier.over_wrong])


@dataclass(frozen=True)
class Measured:
    """Nodes with rollouts, and their distinct (place, rollouts)."""

    node: Ints
    key: Ints  # of each of these nodes
    place: Ints  # (4, keys): of each key
    correct: Ints
    incorrect: Ints


def distinct(keys: Ints) -> tuple[Ints, Ints]:
    """Distinct columns, and the number of each column among them."""
    if not keys.shape[1]:
        return keys, np.zeros(0, dtype=np.int64)
    order = np.lexsort(keys[::-1])
    new = np.ones(len(order), dtype=np.bool_)
    new[1:] = (keys[:, order[1:]] != keys[:, order[:-1]]).any(axis=0)
    inverse = np.empty(len(order), dtype=np.int64)
    inverse[order] = np.cumsum(new) - 1
    return keys[:, order[new]], inverse
