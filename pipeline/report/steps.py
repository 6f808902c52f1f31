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
# Not read for figures: texts, which are read for the solutions that are shown, and what none uses.
ASIDE = (
    "steps", "problem", "verdicts", "prefix_hash", "step_tokens", "step_logprob", "weight",
    "no_gain", "fork_group", "fork_size", "fork_advantage", "node_id", "parent_id", "depth",
    "edge_steps", "visits", "q", "tree_id", "prompt_hash", "recipe_hash",
)  # fmt: skip


@dataclass(frozen=True)
class Steps:
    """Of the rows of a labels table; `rows` has its columns but those of ASIDE."""

    rows: pl.DataFrame
    layout: Layout

    @staticmethod
    def of(labels: pl.DataFrame) -> Steps:
        types = pl.from_arrow(LABELS.empty_table())
        assert isinstance(types, pl.DataFrame)
        lacking = {
            name: kind
            for name, kind in types.schema.items()
            if name not in labels.columns and name not in ASIDE
        }
        # A column that is not there is one of nulls: of lists of them where it is one a step.
        never = pl.element().is_null() & pl.element().is_not_null()
        nulls = pl.col("label").list.eval(pl.when(never).then(pl.element()))
        rows = labels.with_columns(
            (nulls if isinstance(kind, pl.List) else pl.lit(None)).cast(kind).alias(name)
            for name, kind in lacking.items()
        )
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
        # An empty list would explode to a null of its own.
        return self.rows[column].filter(self.rows["label"].list.len() > 0).explode()


def figure_columns(present: list[str]) -> list[str]:
    """Of a labels table, those that figures read."""
    return [name for name in LABELS.names if name in present and name not in ASIDE]
