"""Steps that leave one prefix on different ways, and how each compares with the others.

GiGPO (arXiv 2505.10978) compares steps taken from one state; HGPO (arXiv 2602.22817) shows that
the comparison is biased where their histories differ. So a group here is a full prefix:
`fork_group` is the hash of all that stands before the step (the problem's id before the first).

Guarantees: a next prefix counts once in `fork_size` and in the mean, however many solutions share
it; `fork_advantage` is value[t] minus the mean over those of the group's prefixes that have a
value, so over them it adds up to 0; null where this step has no value or fewer than two of them
do; all three are null where the hashes are not known. Only solutions of this call are seen.
A prefix has one value whoever shares it; where evidence says otherwise, the mean takes the lowest.
Groups are told apart by 64 bits of a hash: in a shard of a million steps two of them are taken
for one with odds of 3 in 10^8. Does not weigh values by how sure they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.labels.layout import Bools, Floats, Ints, Layout, floats

Hashes = NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Forks:
    """The groups of a shard's steps. A way on is a pair of prefixes, before and after a step."""

    group: Any  # flat Arrow arrays
    size: Any
    _unknown: Bools
    _way: Ints  # of each step
    _group_of_way: Ints
    _num_groups: int

    @staticmethod
    def of(problem_ids: pl.Series, prefix_hash: pl.Series, layout: Layout) -> Forks:
        """`prefix_hash` of each step, flat."""
        before = pl.select(
            pl.when(prefix_hash.is_null())
            .then(None)
            .when(pl.Series(layout.position == 0))
            .then(problem_ids.gather(layout.row))
            .otherwise(prefix_hash.shift(1))
        ).to_series()
        # Steps whose prefix is not known make a group of their own, which is then forgotten.
        unknown = before.is_null().to_numpy()
        start, end = before.hash().to_numpy(), prefix_hash.hash().to_numpy()
        # The odd factor keeps (a, b) apart from (b, a).
        way, example = _numbered(start * np.uint64(0x9E3779B97F4A7C15) ^ end)
        group_of_way, groups = _numbered(start[example])
        size = np.bincount(group_of_way)[group_of_way[way]]
        return Forks(
            before.to_arrow(),
            pa.array(size.astype(np.int32), mask=unknown),
            unknown,
            way,
            group_of_way,
            len(groups),
        )

    def advantage(self, value: Floats) -> Any:
        """The flat Arrow array fork_advantage: each step's value less its group's mean."""
        known = ~np.isnan(value)
        lowest = np.full(len(self._group_of_way), np.inf)
        np.minimum.at(lowest, self._way[known], value[known])
        # Added up from the lowest, a mean depends neither on the order of rows nor on a hash.
        valued = np.argsort(lowest)[: np.isfinite(lowest).sum()]
        group = self._group_of_way[valued]
        count = np.bincount(group, minlength=self._num_groups)
        total = np.bincount(group, lowest[valued], minlength=self._num_groups)
        mean = np.full(self._num_groups, np.nan)
        np.divide(total, count, out=mean, where=count >= 2)
        change = value - mean[self._group_of_way[self._way]]
        return floats(np.where(self._unknown, np.nan, change))


def _numbered(keys: Hashes) -> tuple[Ints, Ints]:
    """Equal keys get one number, 0, 1, ...; and for each number a place where its key stands.

    np.unique asked for both does a stable sort, which is four times slower.
    """
    order = np.argsort(keys)
    ordered = keys[order]
    new = np.ones(len(keys), dtype=np.bool_)
    new[1:] = ordered[1:] != ordered[:-1]
    numbers = np.empty(len(keys), dtype=np.int64)
    numbers[order] = np.cumsum(new) - 1
    return numbers, order[new]
