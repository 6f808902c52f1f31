"""Where thinking ends."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.trace import read_trace, response_start

PAIRS = [
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<reasoning>", "</reasoning>"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
    ("[THINK]", "[/THINK]"),
    ("◁think▷", "◁/think▷"),
    ("<seed:think>", "</seed:think>"),
]
TAGS = [tag for pair in PAIRS for tag in pair]
TEXTS = st.lists(
    st.one_of(
        st.sampled_from([*TAGS, "\n", " ", "a", "<|begin_of_solution|>"]), st.text(max_size=3)
    ),
    max_size=12,
).map("".join)


def response(text: str) -> str:
    return text[response_start(text) :]


@pytest.mark.parametrize(("opening", "closing"), PAIRS)
def test_the_response_begins_after_the_closing_tag_and_its_blanks(
    opening: str, closing: str
) -> None:
    assert response(f"{opening}\nSo 5.\n{closing}\n\nIt is 5.") == "It is 5."


@pytest.mark.parametrize("closing", [closing for _, closing in PAIRS])
def test_the_opening_tag_may_stand_in_the_prompt(closing: str) -> None:
    assert response(f"So 5.\n{closing}\n\nIt is 5.") == "It is 5."


@pytest.mark.parametrize("opening", [opening for opening, _ in PAIRS])
def test_what_is_opened_and_not_closed_is_all_thinking(opening: str) -> None:
    assert response(f"\n{opening} So 5. \\boxed{{5}}") == ""


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n",
        "It is 5.",
        "R1 writes <think> before it thinks. It is 5.",
        "If x < think > y then [think",
        "< think >So",
        "<thinker>So 5.",
    ],
)
def test_a_text_without_thinking_is_all_response(text: str) -> None:
    assert response(text) == text


def test_the_tag_before_a_solution_belongs_to_the_boundary() -> None:
    text = (
        "<|begin_of_thought|>\n\nSo 5.\n\n<|end_of_thought|>\n\n<|begin_of_solution|>\n\nIt is 5."
    )
    assert response(text) == "It is 5."


def test_the_first_closing_tag_counts() -> None:
    text = "<think>One.</think>It is 5.<think>Two.</think>It is 6."
    assert response(text) == "It is 5.<think>Two.</think>It is 6."


def test_a_nested_tag_is_a_word_of_the_thinking() -> None:
    assert response("<think>a <think> b</think> c</think> d") == "c</think> d"


def test_another_pair_does_not_close() -> None:
    assert response("<think>the tag </thinking> is not mine</think>It is 5.") == "It is 5."
    assert response("<think>the tag </thinking> is not mine") == ""


def test_case_does_not_matter() -> None:
    assert response("<THINK>So 5.</Think>It is 5.") == "It is 5."


def test_words_before_a_closed_block_are_thinking_too() -> None:
    assert response("Let me see. <think>So 5.</think> It is 5.") == "It is 5."


def test_the_thinking_is_what_stands_between_the_tags() -> None:
    text = " <think>\nSo 5. \n</think>\nIt is 5."
    begin, end, _ = read_trace(text)
    assert text[begin:end] == "So 5."


@pytest.mark.parametrize("text", ["<think>\n\n</think>\n\nIt is 5.", "</think>It is 5."])
def test_empty_thinking_is_empty(text: str) -> None:
    begin, end, start = read_trace(text)
    assert begin >= end
    assert text[start:] == "It is 5."


@given(text=TEXTS)
def test_the_parts_are_in_order(text: str) -> None:
    begin, end, start = read_trace(text)
    assert 0 <= end <= start <= len(text)
    assert begin <= start
    assert text[begin:end] == text[begin:end].strip()


@given(text=TEXTS, more=TEXTS)
def test_what_comes_later_does_not_move_the_boundary(text: str, more: str) -> None:
    text += "."
    start = response_start(text)
    if 0 < start < len(text):
        assert response_start(text + more) == start


@given(text=TEXTS)
def test_a_response_does_not_begin_with_a_blank(text: str) -> None:
    start = response_start(text)
    assert start == 0 or not text[start : start + 1].isspace()


@pytest.mark.parametrize("tag", [*TAGS, "<think", "</", "[", " ", "\n", "<|begin_of_solution|>"])
@pytest.mark.parametrize("first", ["", "<think>", "x"])
def test_a_hundred_thousand_tags_do_no_harm(tag: str, first: str) -> None:
    text = first + tag * 100_000
    assert 0 <= response_start(text) <= len(text)
