"""The labels of a dataset as flat arrays: what the report's figures are functions of.

Guarantees: steps stand one after the other, solution after solution (pipeline/labels/layout.py);
NaN is an unknown number, -1 an undecided label, `UNDECIDED` a first error that nobody knows.
Columns that a table of an older schema has not are read as unknown.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import polars as pl

from pipeline.labels.layout import Bools, Floats, Ints, Labels8, Layout
from pipeline.schemas import LABELS

UNDECIDED = -2  # a first error; -1 is none
TEXTS = ("steps", "problem", "verdicts")  # read for the solutions that are shown, not for figures


@dataclass(frozen=True)
class Steps:
    """Of the rows of a labels table; `rows` has its columns but the texts of steps."""

    rows: pl.DataFrame
    layout: Layout

    @staticmethod
    def of(labels: pl.DataFrame) -> Steps:
        missing = [
            pl.Series(field.name, [None] * len(labels), dtype=_type(field.name))
            for field in LABELS
            if field.name not in labels.columns and field.name not in TEXTS
        ]
        rows = labels.with_columns(missing)
        return Steps(rows, Layout.of_lengths(rows["label"].list.len().cast(pl.Int64).to_numpy()))

    def where(self, mask: Bools) -> Steps:
        """Some of the solutions."""
        return Steps.of(self.rows.filter(pl.Series(mask, dtype=pl.Boolean)))

    @cached_property
    def label(self) -> Labels8:
        return self.flat("label").fill_null(-1).cast(pl.Int8).to_numpy()

    @cached_property
    def p(self) -> Floats:
        return self.floats("p_correct")

    @cached_property
    def value(self) -> Floats:
        return self.floats("value")

    @cached_property
    def kept(self) -> Bools:
        return self.rows["keep"].fill_null(False).to_numpy()

    @cached_property
    def right(self) -> Bools:
        """Solutions whose answer is right."""
        return (self.rows["outcome"] == "correct").fill_null(False).to_numpy()

    @cached_property
    def wrong(self) -> Bools:
        return (self.rows["outcome"] == "incorrect").fill_null(False).to_numpy()

    @cached_property
    def root(self) -> Floats:
        return self.rows["value_root"].cast(pl.Float64).fill_null(float("nan")).to_numpy()

    @cached_property
    def chars(self) -> Ints:
        """Code points of each step."""
        return self.ints("step_end") - self.ints("step_start")

    def first(self, column: str = "first_error") -> Ints:
        """A column of first errors; UNDECIDED where null."""
        return self.rows[column].cast(pl.Int64).fill_null(UNDECIDED).to_numpy()

    def part(self, bins: int) -> Ints:
        """In which of `bins` equal parts of its solution each step stands."""
        return self.layout.position * bins // self.layout.lengths[self.layout.row]

    def floats(self, column: str) -> Floats:
        return self.flat(column).cast(pl.Float64).fill_null(float("nan")).to_numpy()

    def ints(self, column: str) -> Ints:
        return self.flat(column).fill_null(0).cast(pl.Int64).to_numpy()

    def bools(self, column: str) -> Bools:
        return self.flat(column).fill_null(False).to_numpy()

    def flat(self, column: str) -> pl.Series:
        lists = self.rows[column]
        if lists.null_count():  # of a column that an older table has not
            empty = self.rows["label"].list.eval(pl.lit(None, dtype=_type(column).inner))
            lists = lists.fill_null(empty)
        # An empty list would explode to a null of its own.
        return lists.filter(self.rows["label"].list.len() > 0).explode()


def figure_columns(present: list[str]) -> list[str]:
    """Of a labels table, those that figures read."""
    return [name for name in LABELS.names if name in present and name not in TEXTS]


def _type(column: str) -> pl.DataType:
    frame = pl.from_arrow(LABELS.empty_table().select([column]))
    assert isinstance(frame, pl.DataFrame)
    return frame.schema[column]
