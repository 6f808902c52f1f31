"""What changed from one version of a dataset's labels to another: same solutions, same order.

Guarantees: pure functions of two labels tables that are row by row about the same solutions; a step
that one of them does not know is in no figure but the count of such steps. Distances are between
the two sets of labels, not to any truth.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
from scipy.stats import spearmanr

from pipeline.errors import InputError

POSITIONS = ("first", "early", "middle", "late", "last")
_EDGES = (0.25, 0.5, 0.75)  # of the pass rate

COLUMNS = ("solution_id", "label", "value", "p_correct", "first_error", "pass_rate", "keep")


def drift(old: pl.DataFrame, new: pl.DataFrame) -> dict[str, Any]:
    """`old`, `new`: `COLUMNS` of the labels. Raises InputError where rows are not the same."""
    if old["solution_id"].to_list() != new["solution_id"].to_list():
        raise InputError("the two datasets do not hold the same solutions in the same order")
    steps = _steps(old, new)
    both = steps.drop_nulls(["old_label", "new_label"])
    valued = steps.drop_nulls(["old_value", "new_value"])
    change = valued["new_value"] - valued["old_value"]
    return {
        "solutions": len(old),
        "steps": len(steps),
        "labelled_in_both": len(both),
        "flips": {
            "correct_to_incorrect": _count(both, 1, 0),
            "incorrect_to_correct": _count(both, 0, 1),
            "decided": len(steps.filter(pl.col("old_label").is_null() & _known("new_label"))),
            "undecided": len(steps.filter(_known("old_label") & pl.col("new_label").is_null())),
        },
        "first_error_moved": int((old["first_error"] != new["first_error"]).fill_null(True).sum()),
        "kept": {"old": int(old["keep"].sum()), "new": int(new["keep"].sum())},
        "value": {
            "steps": len(valued),
            "mean_change": _mean(change),
            "mean_absolute_change": _mean(change.abs()),
            "rms_change": float(np.sqrt(_mean(change**2))),
            "rank_correlation": _rank(valued["old_value"], valued["new_value"]),
        },
        "p_correct": {"mean_absolute_change": _mean(_apart(steps))},
        "by_position": _grouped(valued, "position", POSITIONS),
        "by_pass_rate": _grouped(valued, "difficulty", _difficulties()),
    }


def _steps(old: pl.DataFrame, new: pl.DataFrame) -> pl.DataFrame:
    lengths = old["value"].list.len().fill_null(0)
    kept = old.with_columns(length=lengths).filter(pl.col("length") > 0)
    other = new.filter(pl.Series(lengths > 0))
    lists = ("label", "value", "p_correct")
    frame = kept.select(
        "pass_rate",
        "length",
        pl.int_ranges(0, pl.col("length")).alias("step"),
        *(pl.col(name).alias(f"old_{name}") for name in lists),
    ).with_columns(other[name].alias(f"new_{name}") for name in lists)
    flat = frame.explode("step", *(f"{age}_{name}" for age in ("old", "new") for name in lists))
    step, length = pl.col("step"), pl.col("length")
    third = (3 * step // length).clip(0, 2)
    position = (
        pl.when(step == length - 1)
        .then(pl.lit("last"))
        .when(step == 0)
        .then(pl.lit("first"))
        .otherwise(third.replace_strict({0: "early", 1: "middle", 2: "late"}))
    )
    rate, names = pl.col("pass_rate"), _difficulties()
    bins = sum(((rate > edge).cast(pl.Int64) for edge in _EDGES), pl.lit(0))
    difficulty = bins.replace_strict(dict(enumerate(names)), return_dtype=pl.String)
    return flat.with_columns(position=position, difficulty=difficulty)


def _difficulties() -> tuple[str, ...]:
    bounds = [0.0, *_EDGES, 1.0]
    return tuple(f"{a:g} to {b:g}" for a, b in pairwise(bounds))


def _known(name: str) -> pl.Expr:
    return pl.col(name).is_not_null()


def _count(both: pl.DataFrame, before: int, after: int) -> int:
    return len(both.filter((pl.col("old_label") == before) & (pl.col("new_label") == after)))


def _apart(steps: pl.DataFrame) -> pl.Series:
    known = steps.drop_nulls(["old_p_correct", "new_p_correct"])
    return (known["new_p_correct"] - known["old_p_correct"]).cast(pl.Float64).abs()


def _mean(values: pl.Series) -> float:
    mean = values.mean()
    return float(mean) if isinstance(mean, int | float) else 0.0


def _rank(one: pl.Series, other: pl.Series) -> float | None:
    if one.n_unique() < 2 or other.n_unique() < 2:
        return None
    return float(spearmanr(one.to_numpy(), other.to_numpy()).statistic)


def _grouped(valued: pl.DataFrame, column: str, names: tuple[str, ...]) -> list[dict[str, Any]]:
    found = []
    for name in names:
        part = valued.filter(pl.col(column) == name)
        change = part["new_value"] - part["old_value"]
        found.append(
            {
                column: name,
                "steps": len(part),
                "mean_change": _mean(change),
                "mean_absolute_change": _mean(change.abs()),
            }
        )
    return found
