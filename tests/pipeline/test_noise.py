"""How noisy first errors are: by the model's own chances, by truth, and by what people said."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.human.evidence import verdict_log
from pipeline.human.log import Said
from pipeline.noise import Noise, estimated, estimated_of, measured
from pipeline.verdict import Verdict
from tests.report_scene import dataset, row, table, truth_of

TIME = "2026-11-22T10:00:00.000Z"


def test_chances_before_and_behind_the_first_error_are_the_estimate() -> None:
    # Named: step 1. Before it 0.1; behind it 0.1, and none at all 0.2.
    found = estimated_of(table(row("a", "10-", first_error=1, p_first_error=[0.1, 0.6, 0.1])))
    assert found is not None
    assert (found.over, found.under) == (pytest.approx(0.1), pytest.approx(0.3))


def test_where_none_is_named_every_chance_of_one_is_an_error_missed() -> None:
    found = estimated_of(table(row("a", "11", first_error=-1, p_first_error=[0.1, 0.2])))
    assert found == Noise(pytest.approx(0.3), pytest.approx(0.0))


def test_rows_that_are_not_kept_or_state_no_chance_are_left_out(tmp_path: Path) -> None:
    dropped = row("a", "11", first_error=-1, p_first_error=[0.1, 0.2], keep=False)
    silent = row("b", "11", first_error=-1, p_first_error=[None, None])
    assert estimated(dataset(tmp_path, dropped, silent)) is None


def test_truth_and_people_together_measure_it(tmp_path: Path) -> None:
    rows = [row("a", "10", first_error=1), row("b", "11", first_error=-1)]
    folder = dataset(tmp_path, *rows, truth=truth_of(a="ci"))
    assert measured(folder) == Noise(0.0, 0.0)
    verdict_log(folder).append([Said("b", 0, Verdict.INCORRECT, "anna", TIME)])
    assert measured(folder) == Noise(0.5, 0.0)
