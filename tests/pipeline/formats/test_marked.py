"""Formats math-shepherd, rlhflow and qwen-prm: marks between the steps."""

from __future__ import annotations

import pytest

from tests.pipeline.formats.solutions import one, project, solution

QWEN_SYSTEM = "Please reason step by step, and put your final answer within \\boxed{}."


def test_a_tag_stands_after_each_step_and_a_sign_in_its_place() -> None:
    row = one("math-shepherd", solution([1, 0]))
    assert row["input"] == "Add 2 and 3. Step 1: Line 0. ки\nStep 2: Line 1. ки"
    assert row["label"] == "Add 2 and 3. Step 1: Line 0. +\nStep 2: Line 1. -"
    assert (row["task"], row["problem"]) == ("sums", "Add 2 and 3.")


def test_readers_find_the_signs_where_the_tags_are() -> None:
    row = one("math-shepherd", solution([1, 1, 0, None], problem="Добавьте 2 и 3 + 1 - 1."))
    # As TRL's conversion of the original does it: one character for the tag, and its place.
    marked = row["input"].replace("ки", "#")
    places = [at for at, char in enumerate(marked) if char == "#"]
    assert [row["label"][at] for at in places] == ["+", "+", "-"]


def test_steps_that_are_numbered_are_not_numbered_again() -> None:
    row = one("math-shepherd", solution([1, 1], steps=["Step 1: Add.\n", "Step 2: So 5."]))
    assert row["input"] == "Add 2 and 3. Step 1: Add. ки\nStep 2: So 5. ки"


@pytest.mark.parametrize(
    "first", ["Step 1. Add.", "Step 2: Add.", "step 1: Add.", "Step 1 : Add.", "Step 10: Add."]
)
def test_readers_look_for_step_1_and_find_it(first: str) -> None:
    row = one("math-shepherd", solution([1, 1], steps=[f"{first}\n", "So 5."]))
    assert row["input"] == f"Add 2 and 3. Step 1: {first} ки\nStep 2: So 5. ки"


@pytest.mark.parametrize(("name", "mark"), [("math-shepherd", "руки"), ("qwen-prm", "a<extra_0>b")])
def test_a_text_that_holds_the_mark_is_left_out(name: str, mark: str) -> None:
    rows, left_out = project(
        name,
        solution([1, 1], problem=mark),
        solution([1, 1], steps=["2 + 3 = 5.", mark]),
        solution([1, None], steps=["2 + 3 = 5.", mark], solution_id="before it"),
    )
    assert [row["solution_id"] for row in rows] == ["before it"]
    assert list(left_out.values()) == [2]


def test_the_user_says_steps_and_the_assistant_signs() -> None:
    row = one("rlhflow", solution([1, 0, None]))
    assert row["conversations"] == [
        {"role": "user", "content": "Add 2 and 3. Line 0."},
        {"role": "assistant", "content": "+"},
        {"role": "user", "content": "Line 1."},
        {"role": "assistant", "content": "-"},
    ]


def test_each_chat_begins_with_its_own_problem() -> None:
    rows, _ = project("rlhflow", solution([1, 1]), solution([0], problem="Add 4 and 5."))
    said = [[turn["content"] for turn in row["conversations"]] for row in rows]
    assert said == [["Add 2 and 3. Line 0.", "+", "Line 1.", "+"], ["Add 4 and 5. Line 0.", "-"]]


def test_the_token_follows_each_step() -> None:
    rows, _ = project("qwen-prm", solution([1, 0]), solution([1], problem="Add 4 and 5."))
    assert rows[0]["messages"] == [
        {"role": "system", "content": QWEN_SYSTEM},
        {"role": "user", "content": "Add 2 and 3."},
        {"role": "assistant", "content": "Line 0.<extra_0>Line 1.<extra_0>"},
    ]
    assert [turn["content"] for turn in rows[1]["messages"][1:]] == [
        "Add 4 and 5.",
        "Line 0.<extra_0>",
    ]
    assert [row["labels"] for row in rows] == [[True, False], [True]]


@pytest.mark.parametrize("name", ["math-shepherd", "rlhflow", "qwen-prm", "processbench"])
def test_a_step_of_blanks_cannot_be_marked(name: str) -> None:
    assert project(name, solution([1, 1], steps=["2 + 3 = 5.", " \n"])) == ([], {"empty_step": 1})
