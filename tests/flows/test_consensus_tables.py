"""The consensus report in the terminal, and in a run's table."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flows.consensus_tables import print_consensus
from flows.tables import run_rows
from pipeline.conflicts import Cell
from pipeline.consensus import Consensus
from pipeline.joint_errors import JointErrors
from pipeline.summary import Summary
from pipeline.yields import ClassYield

REPORT = Consensus(
    solutions=9,
    not_searched=0,
    conflicts=(Cell("same_step", 7, 5, 0.8, None),),
    yields=(ClassYield("erroneous", "truth", 4, 3, 0.75, 3, 1 / 3),),
    joint_errors=(JointErrors("rollouts", "judge", 20, 10, 5, 5, 2.0, 0.8, None),),
)


def lines(capsys: pytest.CaptureFixture[str]) -> list[list[str]]:
    """The words of each printed line, without the frame."""
    frame = str.maketrans("│┃", "  ")
    return [line.translate(frame).split() for line in capsys.readouterr().out.splitlines()]


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "160")


def test_each_table_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    print_consensus(REPORT)
    shown = lines(capsys)
    assert ["same", "step", "7", "5", "0.800", "–"] in shown
    assert ["Yield", "of", "each", "class", "by", "truth"] in shown
    assert ["erroneous", "4", "3", "0.750", "3", "0.333"] in shown
    assert ["rollouts,", "judge", "20", "10,", "5", "5", "2.000", "0.800", "–"] in shown


def test_empty_tables_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    print_consensus(replace(REPORT, conflicts=(), joint_errors=()))
    shown = [" ".join(words) for words in lines(capsys)]
    assert "First errors by rollouts and by judges" not in shown
    assert "Joint errors" not in shown


def test_a_run_with_a_judge_shows_conflicts_and_yields() -> None:
    judged = replace(
        EMPTY, conflicts={"both_none": 1200, "only_judge": 3}, kept_of={"clean": (5, 12)}
    )
    rows = run_rows(judged, {}, {})
    assert ("first errors, by rollouts and judges", "1,203") in rows
    assert ("  both none", "1,200") in rows
    assert ("  clean", "5 of 12") in rows


def test_a_run_without_a_judge_shows_neither() -> None:
    assert not [what for what, _ in run_rows(EMPTY, {}, {}) if "judge" in what or "by what" in what]


EMPTY = Summary(
    problems=0,
    searched=0,
    not_searched={},
    solutions=0,
    origins={},
    kept=0,
    not_kept={},
    steps=0,
    labelled=0,
    positive=0,
    outcomes={},
    sampled_truncated=0,
    sample_completions=0,
    sample_unknown=0,
    sample_tokens=0,
    rollouts=0,
    rollouts_unknown=0,
    rollouts_failed=0,
    rollouts_truncated=0,
    rollout_tokens=0,
    prefixes=0,
    said={},
    conflicts={},
    kept_of={},
    judges={},
    rationales={},
)
