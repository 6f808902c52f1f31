"""A solution in the terminal."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from pipeline.show import render, visible


def row(**changes):
    base = {
        "solution_id": "s0",
        "view": "scan",
        "after_error": "mask",
        "problem": "How many?",
        "answer": "5",
        "final_answer": "6",
        "outcome": "incorrect",
        "first_error": 1,
        "keep": False,
        "keep_reason": "balance",
        "value_root": 0.5,
        "pass_rate": None,
        "steps": ["2 + 2 = 4\n\n", "4 + 1 = 6\n\n"],
        "label": [1, 0],
        "p_correct": [0.75, 0.0],
        "value": [0.375, None],
        "value_low": [0.15, 0.0],
        "value_high": [0.66, 0.2],
        "n_success": [3, 0],
        "n_rollouts": [8, 5],
        "n_unknown": [0, 3],
        "censored": [False, True],
        "verdicts": [
            [],
            [{"annotator": "arithmetic", "verdict": "incorrect", "reason": "4 + 1 is 5"}],
        ],
    }
    return base | changes


def test_what_a_tool_does_not_cover_is_left_out():
    said = [("logic", "unknown", "not_covered"), ("algebra", "unknown", "undecided")]
    verdicts = [dict(zip(("annotator", "verdict", "reason"), one, strict=True)) for one in said]
    shown = render(row(verdicts=[verdicts, []])).plain
    assert "logic" not in shown
    assert "algebra unknown: undecided" in shown


def test_a_solution_in_full():
    assert render(row()).plain == (
        "s0  view scan, after the error mask\n"
        "problem: How many?\n"
        "answer: 5\n"
        "given: 6\n"
        "outcome: incorrect\n"
        "first error: step 1\n"
        "kept: no: balance\n"
        "value of the problem 0.50, pass rate –\n\n"
        "✓   0  p 0.75  value 0.38 [0.15, 0.66] 3/8\n"
        "2 + 2 = 4\n"
        "✗   1  p 0.00  value – [0.00, 0.20] 0/5 and 3 unknown censored\n"
        "4 + 1 = 6\n"
        "     arithmetic incorrect: 4 + 1 is 5\n"
    )


def test_undecided_row_without_evidence():
    got = render(
        row(
            steps=["x"],
            label=[None],
            p_correct=[None],
            n_success=[0],
            n_rollouts=[0],
            n_unknown=[0],
            verdicts=[[]],
            first_error=None,
            answer=None,
            keep=True,
        )
    ).plain
    assert "answer: –\n" in got
    assert "first error: undecided\nkept: yes\n" in got
    assert got.endswith("·   0  p –  not rolled out\nx\n")


def test_judged_solution_says_what_rollouts_and_judges_place():
    votes = [
        {"annotator": "judge", "verdict": "correct", "reason": "8 of 8 votes correct"},
        {"annotator": "judge", "verdict": "unknown", "reason": "no vote, 8 unknown"},
    ]
    got = render(
        row(
            judge_correct=[8, 0],
            judge_incorrect=[0, 0],
            judge_unknown=[0, 8],
            mc_first_error=1,
            judge_first_error=None,
            verdicts=[votes[:1], votes[1:]],
        )
    ).plain
    assert "first error: step 1\nby rollouts: step 1\nby judges: undecided\n" in got
    assert "     judge correct: 8 of 8 votes correct\n" in got
    assert "     judge unknown: no vote, 8 unknown\n" in got


def test_solution_that_no_judge_saw_says_nothing_of_judges():
    nobody = {f"judge_{vote}": [0, 0] for vote in ("correct", "incorrect", "unknown")}
    assert "judges" not in render(row(**nobody)).plain


def test_grown_solution_names_its_parent():
    got = render(row(origin="tree", parent_solution_id="s7", fork_len=3)).plain
    assert got.startswith("s0  view scan, after the error mask\ngrown from: s7, after 3 steps\n")


def test_fork_after_one_step():
    got = render(row(origin="tree", parent_solution_id="s7", fork_len=1)).plain
    assert "grown from: s7, after 1 step\n" in got


@pytest.mark.parametrize("origin", ["sampled", "imported"])
def test_other_solutions_have_no_parent(origin):
    assert "grown" not in render(row(origin=origin)).plain


def test_answer_of_the_majority_is_called_so():
    got = render(row(answer_agreement=0.75)).plain
    assert "answer: 5\nanswer is: the majority's, 75% of the samples\n" in got


def test_repeated_step_and_fork_stand_with_the_step():
    got = render(row(repeated=[False, True], fork_advantage=[0.125, None], fork_size=[3, 1])).plain
    assert "✓   0  p 0.75  value 0.38 [0.15, 0.66] 3/8  fork +0.12 of 3\n" in got
    assert "✗   1  p 0.00  value – [0.00, 0.20] 0/5 and 3 unknown censored  repeated\n" in got


def test_part_of_a_trace_is_named_where_it_begins():
    steps = ["a\n", "b\n", "c\n"]
    got = render(
        row(
            steps=steps,
            step_part=["thinking", "thinking", "response"],
            **{name: [None] * 3 for name in ("label", "p_correct", "value", "verdicts")},
            **{name: [0] * 3 for name in ("n_rollouts", "n_unknown", "n_success")},
        )
    ).plain
    head = "p –  not rolled out"
    assert got.endswith(
        f"── thinking\n·   0  {head}\na\n·   1  {head}\nb\n── response\n·   2  {head}\nc\n"
    )


def test_model_text_is_not_markup():
    got = render(row(steps=["[red]a[/red] [link=x]", "b"]))
    assert "[red]a[/red] [link=x]" in got.plain
    assert not any("link" in str(span.style) for span in got.spans)


def test_escape_sequences_do_not_reach_the_terminal():
    out = io.StringIO()
    hostile = "\x1b[2J\x1b]0;title\x07\r\x9b31m\u202eabc"
    console = Console(file=out, force_terminal=True, color_system=None, width=200)
    changed = dict.fromkeys(("problem", "final_answer", "parent_solution_id"), hostile)
    lists = {key: [hostile, hostile] for key in ("steps", "step_part")}
    console.print(render(row(origin="tree", fork_len=1, **changed, **lists)))
    written = out.getvalue()
    assert not {"\x1b", "\x07", "\r", "\x9b", "\u202e"} & set(written)
    assert "␛[2J␛]0;title␇␍\\u009b31m\\u202eabc" in written


@pytest.mark.parametrize(
    ("text", "shown"), [("a\tb\n", "a\tb\n"), ("\x7f", "␡"), ("\ud800", "\\ud800"), ("é≤", "é≤")]
)
def test_visible(text, shown):
    assert visible(text) == shown


@given(st.text(st.characters()))
def test_visible_text_can_always_be_written(text):
    shown = visible(text)
    assert shown.encode("utf-8").decode("utf-8") == shown
    assert visible(shown) == shown
