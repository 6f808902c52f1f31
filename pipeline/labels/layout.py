"""Where the steps of a shard lie in flat arrays, and the few segment operations on them.

Guarantees: all steps of all solutions stand in one array, solution after solution in the order
of the `solutions` frame, and `offsets[s] : offsets[s + 1]` are those of solution s; solutions
without a step take no room and break nothing. No Python loop runs over steps or solutions.
Does not guarantee anything about ids: rows are numbers here.

Inside the flat arrays NaN stands for "null" in floats and `NULL` in labels; both become Arrow
nulls in `floats` and `labels`, so that no NaN is ever published.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Labels8 = NDArray[np.int8]

NULL = np.int8(-1)  # a label that is not decided


@dataclass(frozen=True)
class Layout:
    """Offsets of a shard's solutions into its flat step arrays."""

    offsets: Ints

    @staticmethod
    def of_lengths(lengths: Ints) -> Layout:
        offsets = np.zeros(len(lengths) + 1, dtype=np.int64)
        np.cumsum(lengths, out=offsets[1:])
        return Layout(offsets)

    @cached_property
    def lengths(self) -> Ints:
        return np.diff(self.offsets)

    @cached_property
    def row(self) -> Ints:
        """The solution of each step."""
        return np.repeat(np.arange(self.num_solutions), self.lengths)

    @cached_property
    def position(self) -> Ints:
        """The 0-based number of each step in its solution."""
        return np.arange(self.num_steps) - np.repeat(self.offsets[:-1], self.lengths)

    @property
    def num_solutions(self) -> int:
        return len(self.offsets) - 1

    @property
    def num_steps(self) -> int:
        return int(self.offsets[-1])

    def first_where(self, mask: Bools) -> Ints:
        """For each solution the first step where `mask` holds; its number of steps if none."""
        first = self.lengths.copy()
        hits = np.flatnonzero(mask)
        np.minimum.at(first, self.row[hits], self.position[hits])
        return first

    def last_where(self, mask: Bools) -> Ints:
        """For each solution the last step where `mask` holds; -1 if none."""
        last = np.full(self.num_solutions, -1, dtype=np.int64)
        hits = np.flatnonzero(mask)
        np.maximum.at(last, self.row[hits], self.position[hits])
        return last

    def before(self, values: Floats, root: Floats) -> Floats:
        """For each step the value of the step before it; `root` before the first."""
        shifted = np.empty_like(values)
        shifted[1:] = values[:-1]
        starts = self.offsets[:-1][self.lengths > 0]
        shifted[starts] = root[self.lengths > 0]
        return shifted

    def lists(self, flat: Any) -> Any:
        """A list column, one list a solution, over a flat Arrow array."""
        return pa.ListArray.from_arrays(pa.array(self.offsets.astype(np.int32)), flat)


def floats(values: Floats) -> Any:
    """A float column with nulls where `values` are NaN."""
    return pa.array(values, mask=np.isnan(values))


def labels(values: Labels8) -> Any:
    """A label column with nulls where undecided."""
    return pa.array(values, mask=values == NULL)
