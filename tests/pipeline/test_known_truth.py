"""A truth file as people write it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipeline.errors import InputError
from pipeline.known_truth import truth_file, unmatched

ROW = {"solution_id": ["a"], "step": [0], "verdict": ["correct"], "origin": ["oracle"]}


def written(tmp_path: Path, **columns: list[Any]) -> Path:
    path = tmp_path / "truth.parquet"
    pl.DataFrame(ROW | columns).write_parquet(path)
    return path


@pytest.mark.parametrize(
    ("columns", "row"),
    [
        ({"solution_id": [1]}, ("1", 0, "correct", "oracle")),
        ({"step": ["0"]}, ("a", 0, "correct", "oracle")),
        ({"step": [2.0]}, ("a", 2, "correct", "oracle")),
        ({"origin": [None]}, ("a", 0, "correct", None)),
    ],
)
def test_columns_of_another_type_are_read(tmp_path: Path, columns: Any, row: Any) -> None:
    found = truth_file(written(tmp_path, **columns))
    assert found.rows() == [row]
    assert found.dtypes == [pl.String, pl.Int32, pl.String, pl.String]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"solution_id": [["a"]]}, r"truth.parquet: solution_id: holds List\(String\), which"),
        ({"step": ["first"]}, "truth.parquet: step: holds String, which cannot all be read as Int"),
        ({"step": [0.5]}, "truth.parquet: step: holds Float64, which cannot all be read as Int32"),
        ({"step": [2**31]}, "truth.parquet: step: holds Int64, which cannot all be read as Int32"),
        ({"verdict": [1]}, "truth.parquet: verdict: '1' is not correct, incorrect, unknown"),
        ({"verdict": ["Right"]}, "truth.parquet: verdict: 'Right' is not correct, incorrect, unk"),
    ],
)
def test_a_column_that_cannot_be_read_is_named(tmp_path: Path, columns: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        truth_file(written(tmp_path, **columns))


def test_a_truth_of_other_solutions_is_told(tmp_path: Path) -> None:
    path = written(tmp_path)
    truth = truth_file(path)
    assert unmatched(path, truth, pl.Series(["a", "b"])) == []
    assert unmatched(path, truth, pl.Series(["b"])) == [
        f"{path}: none of its solution_id is in the dataset: it is the truth of another one"
    ]
