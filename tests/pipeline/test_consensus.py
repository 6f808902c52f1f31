"""The whole report: what is compared, and joint errors of every pair."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

from pipeline.consensus import consensus
from pipeline.joint_errors import JointErrors
from pipeline.schemas import EVIDENCE, LABELS, TRUTH

VOTES = ("judge_correct", "judge_incorrect", "judge_unknown")
WORDS = {"c": "correct", "i": "incorrect", "u": "unknown"}


def labels(*rows: dict[str, Any]) -> pl.DataFrame:
    """Rows s0, s1, ... of two steps, kept, of view hard, judged; `rows` say what differs."""
    base: dict[str, Any] = {"label": [None, None], "keep": True, "view": "hard"}
    votes = {name: [1, 0] for name in VOTES}
    whole = [{"solution_id": f"s{n}"} | base | votes | row for n, row in enumerate(rows)]
    return table(whole, LABELS)


def places(ours: int | None, theirs: int | None, **more: Any) -> dict[str, Any]:
    """What rollouts and judges say of one solution."""
    return {"mc_first_error": ours, "judge_first_error": theirs, "first_error": ours} | more


def truth(*words: str) -> pl.DataFrame:
    """Of s0, s1, ...; a word's letters are steps: c correct, i incorrect, u unknown."""
    return table(
        [
            {"solution_id": f"s{n}", "step": t, "verdict": WORDS[letter], "origin": "oracle"}
            for n, word in enumerate(words)
            for t, letter in enumerate(word)
        ],
        TRUTH,
    )


def evidence(*rows: tuple[str, str, Sequence[tuple[int, int]]]) -> pl.DataFrame:
    """(annotator, solution, (correct, incorrect) of each step), all `step_valid`."""
    return table(
        [
            {
                "annotator": annotator,
                "solution_id": solution,
                "step": step,
                "source": "x",
                "target": "step_valid",
                "correct": right,
                "incorrect": wrong,
                "unknown": 0,
            }
            for annotator, solution, votes in rows
            for step, (right, wrong) in enumerate(votes)
        ],
        EVIDENCE,
    )


def table(rows: list[dict[str, Any]], schema: pa.Schema) -> pl.DataFrame:
    found = pl.from_arrow(pa.Table.from_pylist(rows, schema))
    assert isinstance(found, pl.DataFrame)
    return found


NOBODY = evidence()


def pairs(report):
    return {(one.a, one.b): one for one in report.joint_errors}


def test_solutions_of_questions_that_were_not_searched_are_left_out():
    table = labels(
        places(0, 0),
        places(-1, 0, keep=False, keep_reason="all_right"),
        places(1, 0, keep=False, keep_reason="judge_disagrees"),
    )
    got = consensus(table, NOBODY)
    assert (got.solutions, got.not_searched) == (2, 1)
    assert {one.name: one.solutions for one in got.conflicts if one.solutions} == {
        "same_step": 1,
        "different_step": 1,
    }
    erroneous = got.yields[0]
    assert (erroneous.name, erroneous.kept, erroneous.solutions) == ("erroneous", 1, 2)


def test_without_a_vote_there_are_no_conflicts():
    silent = {name: [0, 0] for name in VOTES}
    assert consensus(labels(places(0, None, **silent)), NOBODY).conflicts == ()


def test_a_judge_that_was_never_read_was_asked():
    unread = {"judge_correct": [0, 0], "judge_unknown": [8, 8]}
    (cell,) = (
        c for c in consensus(labels(places(0, None, **unread)), NOBODY).conflicts if c.solutions
    )
    assert cell.name == "undecided"


def test_tables_of_schema_3_know_no_judge():
    old = labels(places(0, None)).drop("mc_first_error", "judge_first_error", *VOTES)
    got = consensus(old, NOBODY, truth("ic"))
    assert (got.conflicts, got.joint_errors) == ((), ())
    assert (got.yields[0].by, got.yields[0].location_precision) == ("truth", 1.0)


def test_lift_by_hand():
    # Rollouts are wrong on s0, s1, s2, the judge on s0, s1, s3, of five: 2/5 / (3/5 * 3/5).
    got = consensus(
        labels(places(1, 1), places(-1, -1), places(1, 0), places(0, 1), places(-1, -1)),
        evidence(
            ("judge", "s0", [(1, 0), (0, 1)]),
            ("judge", "s1", [(1, 0), (1, 0)]),
            ("judge", "s2", [(0, 1), (0, 1)]),
            ("judge", "s3", [(1, 0), (0, 1)]),
            ("judge", "s4", [(1, 0), (1, 0)]),
        ),
        truth("ic", "ic", "ic", "ic", "cc"),
    )
    assert got.joint_errors == (
        JointErrors("rollouts", "judge", 5, 3, 3, 2, pytest.approx(10 / 9), 0.5, 0.5),
    )


def test_pairs_are_compared_where_both_decide_and_truth_is_known():
    got = consensus(
        labels(places(0, 1), places(None, 1), places(0, None), places(0, 0)),
        evidence(
            ("judge", "s0", [(1, 0), (0, 1)]),
            ("judge", "s1", [(1, 0), (0, 1)]),
            ("judge", "s2", [(1, 1), (0, 1)]),
            ("judge", "s3", [(0, 1), (0, 1)]),
        ),
        truth("ic", "ic", "ic", "uc"),
    )
    (one,) = got.joint_errors
    assert (one.solutions, one.wrong_a, one.wrong_b) == (1, 0, 1)
    assert (one.lift, one.same_step, one.both_missed) == (None, None, None)


def test_tools_are_one_source_that_decides_where_one_refutes():
    got = consensus(
        labels(places(1, None), places(1, None)),
        evidence(
            ("arithmetic", "s0", [(0, 0), (0, 1)]),
            ("algebra", "s0", [(0, 1), (0, 0)]),
            ("algebra", "s1", [(1, 0), (1, 0)]),
        ),
        truth("ic", "cc"),
    )
    (one,) = got.joint_errors
    assert (one.a, one.b, one.solutions, one.wrong_a, one.wrong_b) == ("rollouts", "tools", 1, 1, 0)


def test_each_judge_is_a_source_and_so_is_the_posterior():
    posterior = places(0, 0, view="posterior", first_error=1)
    got = consensus(
        labels(posterior),
        evidence(("judge", "s0", [(0, 1), (1, 0)]), ("judge_b", "s0", [(1, 0), (0, 1)])),
        truth("ci"),
    )
    assert set(pairs(got)) == {
        ("rollouts", "judge"),
        ("rollouts", "judge_b"),
        ("rollouts", "posterior"),
        ("judge", "judge_b"),
        ("judge", "posterior"),
        ("judge_b", "posterior"),
    }
    assert pairs(got)["rollouts", "judge"].same_step == 1.0
    assert pairs(got)["judge_b", "posterior"].wrong_a == 0


def test_truth_reaches_the_conflicts():
    got = consensus(labels(places(0, 1), places(0, 1)), NOBODY, truth("ic", "cu"))
    (cell,) = (one for one in got.conflicts if one.solutions)
    assert (cell.solutions, cell.known, cell.rollouts_right, cell.judge_right) == (2, 1, 1.0, 0.0)


def test_empty_table_is_an_empty_report():
    got = consensus(labels(), NOBODY, truth())
    assert (got.solutions, got.conflicts, got.joint_errors) == (0, (), ())
    assert [one.kept_share for one in got.yields] == [None, None, None]


def test_report_is_json():
    got = consensus(labels(places(0, 1)), NOBODY, truth("ic"))
    assert json.loads(json.dumps(got.as_dict()))["yields"][0]["name"] == "erroneous"
