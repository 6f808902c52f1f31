"""Judges' votes: who is a judge, how votes add up, and what is published of them."""

from __future__ import annotations

import polars as pl
import pytest

from pipeline.labels.judges import is_judge, of_judge, pooled, read_votes, votes_of
from pipeline.labels.layout import Layout
from pipeline.schemas import EVIDENCE

COLUMNS = ("judge_correct", "judge_incorrect", "judge_unknown")


def counts(row):
    return [row[name] for name in COLUMNS]


@pytest.mark.parametrize(
    ("name", "judge"),
    [
        ("judge", True),
        ("judge_strong", True),
        ("judges", False),
        ("my_judge", False),
        ("arithmetic", False),
        ("", False),
    ],
)
def test_judges_go_by_their_name(name, judge):
    assert is_judge(name) is judge
    assert pl.DataFrame({"annotator": [name]}).select(of_judge()).item() is judge


def test_row_without_an_annotator_is_no_judges():
    rows = pl.DataFrame({"annotator": [None]}, schema={"annotator": pl.String})
    assert rows.select(of_judge()).item() is False


def test_votes_of_judges_modes_and_targets_add_up(row):
    got = row(
        *["", "", ""],
        view="spark",
        votes={"judge": ["3-1", "2-2?1", "0-4"], "judge_b": ["1-0", "", "0-1"]},
        critiques={"judge": ["8-0", "1-7", ""]},
    )
    assert counts(got) == [[12, 3, 0], [1, 9, 5], [0, 1, 0]]


def test_columns_are_zero_where_nobody_voted(row):
    got = row("8/8", "0/8", view="hard", tools={0: (0, 1)})
    assert counts(got) == [[0, 0], [0, 0], [0, 0]]
    assert got["judge_first_error"] is None


def test_each_judge_alone(case, tables):
    one = case(["", ""], id="a", votes={"judge_b": ["1-0", "0-1"], "judge": ["", "2-0"]})
    _, solutions, evidence = tables(one)
    layout = Layout.of_lengths(pl.Series([2]).to_numpy())
    votes = read_votes(evidence, solutions["solution_id"], layout)
    alone = votes_of(votes, layout)
    assert list(alone) == ["judge", "judge_b"]
    assert alone["judge"].correct.tolist() == [0, 2]
    assert alone["judge_b"].incorrect.tolist() == [0, 1]
    assert pooled(votes, layout).correct.tolist() == [1, 2]


def test_votes_on_steps_and_solutions_that_are_not_there_are_left_out():
    rows = pl.DataFrame(
        {
            "solution_id": ["s", "s", "s", "x", "s"],
            "step": [0, 1, -1, 0, None],
            "annotator": ["judge"] * 5,
            "target": ["step_valid", "prefix_correct", "step_valid", "step_valid", "step_valid"],
            "correct": [1, 1, 1, 1, 1],
        }
    )
    empty = pl.from_arrow(EVIDENCE.empty_table())
    assert isinstance(empty, pl.DataFrame)
    layout = Layout.of_lengths(pl.Series([1]).to_numpy())
    evidence = pl.concat([empty, rows], how="diagonal_relaxed")
    votes = pooled(read_votes(evidence, pl.Series(["s"]), layout), layout)
    assert (votes.correct.tolist(), votes.incorrect.tolist()) == ([1], [0])


def test_outcome_evidence_of_a_judge_is_no_vote_on_a_step(case, tables):
    _, solutions, evidence = tables(case([""], votes={"judge": ["0-1"]}))
    layout = Layout.of_lengths(pl.Series([1]).to_numpy())
    moved = evidence.with_columns(target=pl.lit("outcome"))
    assert read_votes(moved, solutions["solution_id"], layout).is_empty()


@pytest.mark.parametrize(
    ("votes", "first"),
    [
        (["8-0", "8-0"], -1),
        (["8-0", "3-5", "8-0"], 1),
        (["8-0", "4-4", "0-8"], None),  # an error may lie before the step that all name
        (["8-0", "0-8", "4-4"], 1),  # what comes after it does not matter
        (["8-0", ""], None),
        (["", "0-8"], None),
        (["5-3?8", "0-0?8"], None),
        ([""], None),
    ],
)
def test_first_error_of_the_judges(row, votes, first):
    assert row(*[""] * len(votes), view="spark", votes={"judge": votes})["judge_first_error"] == (
        first
    )


def test_first_errors_stand_in_every_view(row):
    how = {"outcome": "incorrect", "votes": {"judge": ["0-3", "3-0"]}}
    for view in ("hard", "tools", "aurora"):
        got = row("4/8", "0/8", view=view, **how)
        assert (got["mc_first_error"], got["judge_first_error"]) == (1, 0)


def test_refuting_votes_are_no_tools(row):
    how = {"outcome": "correct", "votes": {"judge": ["0-8", "8-0", "0-8"]}}
    assert row("", "", "", view="tools", **how)["label"] == [None, None, None]
    assert row("", "", "", view="hybrid", **how)["label"] == [1, 1, 1]
    local = row("8/8", "0/8", "", view="hard", after_error="local", **how)
    assert local["label"] == [1, 0, None]


def entries(row):
    return [[tuple(entry.values()) for entry in step] for step in row["verdicts"]]


def test_verdicts_show_a_judge_once_by_its_majority(row):
    got = row(
        *["", "", "", ""],
        view="hard",
        votes={"judge": ["2-2", "1-3?1", "0-0?4", ""]},
        critiques={"judge": ["4-0", "2-2", "", ""]},
    )
    assert entries(got) == [
        [("judge", "correct", "6 of 8 votes correct")],
        [("judge", "incorrect", "5 of 8 votes incorrect, 1 unknown")],
        [("judge", "unknown", "no vote, 4 unknown")],
        [],
    ]


def test_tied_judge_is_shown_as_unknown(row):
    got = row("", view="hard", votes={"judge": ["4-4"]})
    assert entries(got) == [[("judge", "unknown", "4 of 8 votes incorrect")]]


def test_judges_stand_with_tools_in_the_order_of_names(row):
    said = {"tools": {0: (0, 1)}, "votes": {"judge_b": ["1-0"], "judge": ["1-0"]}}
    got = row("", view="hard", **said)
    assert [name for name, *_ in entries(got)[0]] == ["arithmetic", "judge", "judge_b"]
