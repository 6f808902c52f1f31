"""Format pairs: which siblings are compared, and by what."""

from __future__ import annotations

from typing import Any

import pytest

from tests.pipeline.formats.solutions import Row, project, solution


def fork(name: str, text: str, **own: Any) -> Row:
    """A solution that shares its first step with all others, and goes on with `text`."""
    given = {key: [None, own.pop(key, None)] for key in ("p_correct", "value")}
    label = [1, own.pop("label", None)]
    hashes = {"prefix_hash": ["root", text], "fork_group": ["p0", "root"]}
    steps = ["Line 0.\n\n", text]
    return solution(label, solution_id=name, steps=steps, **hashes, **given, **own)


def test_the_better_step_is_chosen() -> None:
    (row,), left_out = project(
        "pairs",
        fork("a", "So 6.", label=0, value=0.25),
        fork("b", "So 5.", label=1, value=0.75),
        policy="m@1",
    )
    assert row == {
        "prompt": "Add 2 and 3.\nLine 0.\n\n",
        "chosen": "So 5.",
        "rejected": "So 6.",
        "margin": 1.0,
        "weight": 0.5,
        "tie": False,
        "decided_by": "label",
        "on_policy": True,
        "after_error": False,
        "chosen_value": 0.75,
        "rejected_value": 0.25,
        "length_ratio": 1.0,
        "same_style": True,
        "step": 1,
        "fork_group": "root",
        "chosen_solution_id": "b",
        "rejected_solution_id": "a",
        "problem_id": "p0",
    }
    assert left_out == {}


@pytest.mark.parametrize(
    ("a", "b", "by", "margin"),
    [
        ({"label": 1, "value": 0.0}, {"label": 0, "value": 1.0}, "label", 1.0),
        ({"label": 1, "p_correct": 0.75}, {"p_correct": 0.25}, "p_correct", 0.5),
        ({"p_correct": 0.75, "value": 0.1}, {"p_correct": 0.25, "value": 0.9}, "p_correct", 0.5),
        ({"p_correct": 0.5, "value": 0.75}, {"p_correct": 0.45, "value": 0.5}, "value", 0.25),
        ({"label": 1, "value": 0.75}, {"label": 1, "value": 0.25}, "value", 0.5),
    ],
)
@pytest.mark.parametrize("turned", [False, True])
def test_the_comparison_is_lexicographic(
    a: dict[str, Any], b: dict[str, Any], by: str, margin: float, turned: bool
) -> None:
    rows = [fork("better", "So 5.", **a), fork("worse", "So 6.", **b)]
    (row,), _ = project("pairs", *(reversed(rows) if turned else rows))
    assert (row["chosen_solution_id"], row["rejected_solution_id"]) == ("better", "worse")
    assert (row["decided_by"], row["margin"]) == (by, margin)


def test_ties_are_left_out_or_marked() -> None:
    rows = [fork("a", "So 5.", value=0.5), fork("b", "It is 5.", value=0.55)]
    assert project("pairs", *rows) == ([], {"pair_tied": 1})
    (row,), _ = project("pairs", *rows, ties="keep")
    assert (row["tie"], row["decided_by"], row["margin"]) == (True, "tie", 0.0)
    (row,), _ = project("pairs", *rows, least="0.01")
    assert (row["tie"], row["chosen_solution_id"]) == (False, "b")


def test_a_pair_of_which_nothing_is_known_is_no_tie() -> None:
    rows = [fork("a", "So 5.", value=0.5), fork("b", "So 6.", p_correct=0.5)]
    assert project("pairs", *rows, ties="keep") == ([], {"pair_not_comparable": 1})


def test_texts_that_differ_in_blanks_only_are_no_pair() -> None:
    rows = [fork("a", "So 5.", label=1), fork("b", "So 5. \n", label=0)]
    assert project("pairs", *rows) == ([], {"pair_of_one_text": 1})


def test_only_steps_from_one_prefix_are_siblings() -> None:
    rows = [
        solution([1], solution_id="a", prefix_hash=["x"], fork_group=["p0"]),
        solution([0], solution_id="b", prefix_hash=["y"], fork_group=["p1"]),
        solution([0], solution_id="c", prefix_hash=[None], fork_group=[None]),
    ]
    assert project("pairs", *rows) == ([], {"no_sibling": 3})


def test_a_step_that_solutions_share_is_one_way_on() -> None:
    rows = [
        fork("a", "So 5.", label=1, value=0.75),
        fork("b", "So 5.", label=1, value=0.25),
        fork("c", "So 6.", label=0, value=0.0),
    ]
    (row,), _ = project("pairs", *rows)
    # The lowest of its values counts.
    assert (row["chosen_solution_id"], row["chosen_value"]) == ("a", 0.25)


def test_a_shared_step_on_which_labels_disagree_is_undecided() -> None:
    rows = [
        fork("a", "So 5.", label=1, value=0.75),
        fork("b", "So 5.", label=0, value=0.75),
        fork("c", "So 6.", label=0, value=0.0),
    ]
    (row,), _ = project("pairs", *rows)
    assert (row["decided_by"], row["chosen_solution_id"]) == ("value", "a")


def test_the_widest_margins_come_first_where_there_are_too_many() -> None:
    rows = [fork(f"{n}", f"So {n}.", value=n / 4) for n in range(4)]
    found, left_out = project("pairs", *rows, most="2")
    assert left_out == {"pair_beyond_the_most": 4}
    assert sorted(row["margin"] for row in found) == [0.5, 0.75]
    assert len(project("pairs", *rows, most="0")[0]) == 6


@pytest.mark.parametrize(
    ("policies", "asked", "on"),
    [(("m@1", "m@1"), "m@1", True), (("m@1", "m@0"), "m@1", False), (("m@1", "m@1"), "", None)],
)
def test_on_policy_are_steps_of_the_policy_that_is_named(
    policies: tuple[str, str], asked: str, on: bool | None
) -> None:
    first = fork("a", "So 5.", label=1, policy=policies[0])
    second = fork("b", "So 6.", label=0, policy=policies[1])
    (row,), _ = project("pairs", first, second, policy=asked)
    assert row["on_policy"] is on


def test_a_prefix_with_a_wrong_step_is_marked() -> None:
    rows = [fork("a", "So 5.", value=0.75), fork("b", "So 6.", value=0.25)]
    for row in rows:
        row["label"] = [0, None]
    assert one_pair(rows)["after_error"] is True


@pytest.mark.parametrize(
    ("a", "b", "ratio", "same"),
    [("2 + 3 = 5", "2 + 3 = 7", 1.0, True), ("So it is five.", "x = 5.1", 0.5, False)],
)
def test_how_alike_they_look_is_noted(a: str, b: str, ratio: float, same: bool) -> None:
    row = one_pair([fork("a", a, label=1), fork("b", b, label=0)])
    assert (row["length_ratio"], row["same_style"]) == (ratio, same)


def test_rows_that_are_not_kept_take_no_part() -> None:
    rows = [fork("a", "So 5.", label=1), fork("b", "So 6.", label=0, keep=False)]
    assert project("pairs", *rows) == ([], {"not_kept": 1, "no_sibling": 1})


def one_pair(rows: list[Row]) -> Row:
    ((row,), _) = project("pairs", *rows)
    return row
