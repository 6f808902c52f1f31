"""What changed between two versions of a dataset's labels."""

from __future__ import annotations

import polars as pl
import pytest

from pipeline.drift import drift
from pipeline.errors import InputError


def labels(**columns: object) -> pl.DataFrame:
    row = {
        "solution_id": ["a"],
        "label": [[1, 1, 0]],
        "value": [[0.8, 0.6, 0.1]],
        "p_correct": [[0.9, 0.8, 0.1]],
        "first_error": [2],
        "pass_rate": [0.4],
        "keep": [True],
    }
    return pl.DataFrame(row | columns)


def test_equal_labels_have_no_drift() -> None:
    found = drift(labels(), labels())
    assert found["flips"] == {
        "correct_to_incorrect": 0,
        "incorrect_to_correct": 0,
        "decided": 0,
        "undecided": 0,
    }
    assert found["value"]["mean_absolute_change"] == 0
    assert found["value"]["rank_correlation"] == pytest.approx(1)


def test_flips_are_counted_by_direction() -> None:
    found = drift(labels(label=[[1, 1, None]]), labels(label=[[0, None, 1]]))
    assert found["flips"] == {
        "correct_to_incorrect": 1,
        "incorrect_to_correct": 0,
        "decided": 1,
        "undecided": 1,
    }
    assert found["labelled_in_both"] == 1


def test_change_of_value_by_position_and_pass_rate() -> None:
    found = drift(labels(), labels(value=[[0.5, None, 0.2]]))
    assert found["value"]["steps"] == 2
    assert found["value"]["mean_change"] == pytest.approx((-0.3 + 0.1) / 2)
    by_position = {one["position"]: one["mean_change"] for one in found["by_position"]}
    assert by_position["first"] == pytest.approx(-0.3)
    assert by_position["last"] == pytest.approx(0.1)
    assert [one["steps"] for one in found["by_pass_rate"]] == [0, 2, 0, 0]


def test_a_solution_without_steps_is_in_no_step_figure() -> None:
    lists: dict[str, object] = {name: [[]] for name in ("label", "value", "p_correct")}
    empty = labels(**lists).cast({"label": pl.List(pl.Int64), "value": pl.List(pl.Float64)})
    found = drift(empty, empty)
    assert (found["solutions"], found["steps"]) == (1, 0)
    assert found["value"]["rank_correlation"] is None


def test_other_rows_are_refused() -> None:
    with pytest.raises(InputError, match="same solutions"):
        drift(labels(), labels(solution_id=["b"]))
