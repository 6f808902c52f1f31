"""Yield and precision of each class."""

from __future__ import annotations

import polars as pl

from pipeline.yields import ClassYield, class_yields

SCHEMA = {
    "keep": pl.Boolean,
    "first_error": pl.Int64,
    "mc_first_error": pl.Int64,
    "true_first_error": pl.Int64,
}


def yields(*rows):
    return class_yields(pl.DataFrame(rows, schema=SCHEMA, orient="row"))


def test_yield_and_precision_by_truth():
    got = yields(
        (True, 1, None, 1),
        (True, 0, None, 1),
        (True, -1, None, 1),  # names no step: not in the precision
        (False, 1, None, 1),
        (True, -1, None, -1),
        (True, 0, None, -1),  # names a step where there is none
        (True, 0, None, None),  # truth not known: in neither class
    )
    assert got == [
        ClassYield("erroneous", "truth", 4, 3, 0.75, 2, 0.5),
        ClassYield("clean", "truth", 2, 2, 1.0, 1, 0.0),
    ]


def test_without_truth_classes_are_what_rollouts_call_them():
    got = yields(
        (True, 1, 1, None), (False, 1, 0, None), (True, -1, -1, None), (False,) + (None,) * 3
    )
    assert got == [
        ClassYield("erroneous", "rollouts", 2, 1, 0.5, 1, None),
        ClassYield("clean", "rollouts", 1, 1, 1.0, 0, None),
        ClassYield("undecided", "rollouts", 1, 0, 0.0, 0, None),
    ]


def test_empty_class_has_no_yield():
    erroneous, clean = yields((True, -1, None, -1))
    assert (erroneous.kept_share, erroneous.location_precision) == (None, None)
    assert (clean.kept_share, clean.location_precision) == (1.0, None)
