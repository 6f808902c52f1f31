"""Rows of a table with lists per step, as flat arrays.

Guarantees: the lists of all rows stand in flat arrays of one layout, that of `steps`; a list that
is null or of another length than its row's steps reads as nulls. Nothing here runs once a row or a
step in Python.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.labels.layout import NULL, Bools, Floats, Ints, Labels8, Layout


class Rows:
    """`every`: also rows that are not kept."""

    def __init__(self, table: pa.Table, every: bool = False) -> None:
        self._table = table.combine_chunks()
        self._every = every

    def __len__(self) -> int:
        return int(self._table.num_rows)

    def column(self, name: str) -> Any:
        """An Arrow array, one entry a row."""
        chunks = self._table.column(name)
        return chunks.chunk(0) if chunks.num_chunks else pa.array([], chunks.type)

    @cached_property
    def layout(self) -> Layout:
        return Layout.of_lengths(lengths_of(self.column("steps")))

    @cached_property
    def steps(self) -> Any:
        """The flat texts; a step that is null is an empty text."""
        return self.flat("steps").fill_null("")

    def flat(self, name: str) -> Any:
        """The flat Arrow array of a list column."""
        column = self.column(name)
        flat, given = pc.list_flatten(column), Layout.of_lengths(lengths_of(column))
        if np.array_equal(given.offsets, self.layout.offsets):
            return flat
        row = self.layout.row
        usable = (given.lengths == self.layout.lengths)[row]
        index = given.offsets[:-1][row] + self.layout.position
        return flat.take(pa.array(np.where(usable, index, 0), mask=~usable))

    def floats(self, name: str) -> Floats:
        """A flat list column; NaN where null."""
        return _floats(self.flat(name))

    def numbers(self, name: str) -> Floats:
        """A column with one number a row; NaN where null."""
        return _floats(self.column(name))

    @cached_property
    def label(self) -> Labels8:
        """The flat hard labels."""
        found: Labels8 = plain(self.flat("label").fill_null(int(NULL)))
        return found.astype(np.int8)

    @cached_property
    def labelled(self) -> Ints:
        """Of each row, how many steps come before the first without a hard label."""
        return self.layout.first_where(self.label == NULL)

    @cached_property
    def not_kept(self) -> Bools:
        """Rows that are to be left out for that."""
        if self._every:
            return np.zeros(len(self), dtype=np.bool_)
        return ~flags(self.column("keep"))

    @cached_property
    def no_problem(self) -> Bools:
        return nulls(self.column("problem"))

    def any_step(self, mask: Bools, ends: Ints) -> Bools:
        """Rows where `mask`, of the flat steps, holds for one of the first `ends` steps."""
        return self.layout.first_where(mask) < ends

    @cached_property
    def empty_step(self) -> Bools:
        """Flat: steps without a character, which a tokenizer makes nothing of."""
        return is_empty(self.steps)

    def cut(self, rows: Ints, ends: Ints) -> Cut:
        """Some rows, of each the first steps; `ends` has one entry a row of all."""
        return Cut(self, rows, ends[rows])


class Cut:
    """Chosen rows with their steps up to an end."""

    def __init__(self, source: Rows, rows: Ints, lengths: Ints) -> None:
        self.source, self.rows = source, rows
        self.layout = Layout.of_lengths(lengths)
        self.index = ranges(source.layout.offsets[:-1][rows], lengths)
        self._all_steps = len(self.index) == source.layout.num_steps
        self._all_rows = len(rows) == len(source)

    def column(self, name: str) -> Any:
        column = self.source.column(name)
        return column if self._all_rows else column.take(pa.array(self.rows))

    def take(self, flat: Any) -> Any:
        """The entries of a flat array of the source that are left."""
        return flat if self._all_steps else flat.take(pa.array(self.index))

    def flat(self, name: str) -> Any:
        return self.take(self.source.flat(name))

    @cached_property
    def steps(self) -> Any:
        return self.take(self.source.steps)

    @cached_property
    def labels(self) -> Labels8:
        return self.source.label[self.index]

    def lists(self, flat: Any) -> Any:
        return self.layout.lists(flat)

    def scores(self) -> dict[str, Any]:
        """The soft labels, beside the hard ones: lists of the same lengths."""
        return {name: self.lists(self.flat(name)) for name in ("p_correct", "value")}

    def ids(self) -> dict[str, Any]:
        return {name: self.column(name) for name in ("solution_id", "problem_id")}


def sift(size: int, *reasons: tuple[str, Bools]) -> tuple[Ints, dict[str, int]]:
    """The rows for which no reason holds; the others are counted under the first that does."""
    left = np.ones(size, dtype=np.bool_)
    counts: dict[str, int] = {}
    for name, holds in reasons:
        if number := int(np.count_nonzero(left & holds)):
            counts[name] = number
        left &= ~holds
    return np.flatnonzero(left), counts


def ranges(starts: Ints, lengths: Ints) -> Ints:
    """start, start + 1, … of each, one after the other."""
    layout = Layout.of_lengths(lengths)
    return np.repeat(starts - layout.offsets[:-1], lengths) + np.arange(layout.num_steps)


def trimmed(texts: Any) -> Any:
    """Without the blanks at both ends."""
    return pc.utf8_trim_whitespace(texts)


def is_empty(texts: Any) -> Bools:
    found: Bools = plain(pc.equal(pc.binary_length(texts).fill_null(0), 0))
    return found


def holds(texts: Any, pattern: str) -> Bools:
    """Where the pattern stands in the text, as it is written."""
    return flags(pc.match_substring(texts, pattern))


def matches(texts: Any, regex: str) -> Bools:
    return flags(pc.match_substring_regex(texts, regex))


def flags(values: Any) -> Bools:
    """False where null."""
    found: Bools = plain(values.fill_null(False))
    return found


def nulls(values: Any) -> Bools:
    found: Bools = plain(values.is_null())
    return found


def joined(layout: Layout, texts: Any, between: str) -> Any:
    """One text of each row's flat texts."""
    return pc.binary_join(layout.lists(texts), between)


def glued(*texts: Any) -> Any:
    """Texts side by side, without anything between them; a plain string stands in every row."""
    return pc.binary_join_element_wise(*texts, "")


def codes(values: Any) -> Ints:
    """Equal values get one number, in the order of their first; -1 where null."""
    found: Ints = plain(values.dictionary_encode().indices.fill_null(-1))
    return found.astype(np.int64)


def plain(values: Any) -> Any:
    """An Arrow array as NumPy's."""
    return values.to_numpy(zero_copy_only=False)


def lengths_of(lists: Any) -> Ints:
    """Of each list; 0 of one that is null."""
    lengths: Ints = plain(pc.list_value_length(lists).fill_null(0))
    return lengths.astype(np.int64)


def _floats(values: Any) -> Floats:
    numbers: Floats = plain(values.cast(pa.float64()).fill_null(float("nan")))
    return numbers
