"""The published labels table, as it is written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.published import rounded, write_labels
from pipeline.schemas import LABELS

VALUES = [0.0, 1.0, 0.875, 1 / 3, -0.1, 1e-9, 0.999999]


def table(*rows: dict[str, object]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=LABELS)


def test_numbers_keep_ten_places_and_eighths_are_exact() -> None:
    (found,) = rounded(table({"p_correct": VALUES}))["p_correct"].to_pylist()
    assert found == [0.0, 1.0, 0.875, 341 / 1024, -102 / 1024, 8 / 2**33, 1023 / 1024]


def test_small_chances_stay_above_zero_and_near() -> None:
    small = [2.0**-exponent / 3 for exponent in range(5, 60)]
    (found,) = rounded(table({"p_first_error": small}))["p_first_error"].to_pylist()
    assert all(0 < short <= long < short * 1.13 for short, long in zip(found, small, strict=True))


def test_nulls_and_the_order_of_values_stay() -> None:
    rows = [{"value": [None, 0.5, None]}, {"value": None}, {"value": []}, {"entropy": 0.1}]
    found = rounded(table(*rows))
    assert found["value"].to_pylist() == [[None, 0.5, None], None, [], None]
    assert found["entropy"].null_count == 3
    assert found.schema == LABELS
    dice = np.sort(np.random.default_rng(0).random(1_000))
    (many,) = rounded(table({"value": dice.tolist()}))["value"].to_pylist()
    assert many == sorted(many)


@pytest.mark.parametrize(("start", "length"), [(1, 3), (1, 1), (2, 2), (0, 2)])
def test_a_slice_of_a_table_is_rounded_as_the_table_is(start: int, length: int) -> None:
    whole = table({"value": [0.1]}, {"value": None}, {"value": [0.3, None]}, {"value": []})
    found = rounded(whole.slice(start, length))["value"].to_pylist()
    assert found == rounded(whole)["value"].to_pylist()[start : start + length]


def test_it_is_read_by_polars_and_arrow_alike(tmp_path: Path) -> None:
    place = tmp_path / "labels.parquet"
    write_labels(place, table({"p_correct": VALUES, "step_logprob": [0.5] * 7, "keep": True}))
    by_arrow = pq.read_table(place)["p_correct"].to_pylist()
    assert pl.read_parquet(place)["p_correct"].to_list() == by_arrow


def test_what_another_policy_changes_stands_last() -> None:
    names = LABELS.names
    assert max(map(names.index, ("steps", "prefix_hash", "fork_group", "verdicts"))) < min(
        map(names.index, ("p_correct", "label", "value", "keep", "prover"))
    )
