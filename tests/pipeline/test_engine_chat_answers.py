"""Reading what chat endpoints say."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.engines.answers import BadAnswer
from pipeline.engines.base import Completion
from pipeline.engines.chat import chat_completions
from pipeline.trace import read_trace


def read(message: Any, reason: Any = "stop", spent: int = 9) -> list[Completion]:
    choices = [{"index": 0, "message": message, "finish_reason": reason}]
    return chat_completions({"choices": choices, "usage": {"completion_tokens": spent}})


def test_content_is_the_text() -> None:
    assert read({"role": "assistant", "content": "Yes."}) == [Completion("Yes.", "stop", 9)]


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
def test_reasoning_stands_before_the_content(name: str) -> None:
    (found,) = read({"content": "Yes.", name: "3 + 5 is 8."})
    assert found == Completion("<think>\n3 + 5 is 8.\n</think>\n\nYes.", "stop", 9)


def test_reasoning_under_both_names_is_read_once() -> None:
    (found,) = read({"content": "b", "reasoning": "a", "reasoning_content": "a"})
    assert found.text == "<think>\na\n</think>\n\nb"


def test_reasoning_that_took_all_there_was_is_cut_short_and_answers_nothing() -> None:
    (found,) = read({"content": None, "reasoning": "3 + 5 is"}, "length")
    assert found == Completion("<think>\n3 + 5 is\n</think>\n\n", "length", 9)
    assert read_trace(found.text).response == len(found.text)


@pytest.mark.parametrize("tag", ["</think>", "</THINK>"])
def test_a_closing_tag_inside_reasoning_ends_nothing(tag: str) -> None:
    (found,) = read({"content": "No.", "reasoning": f"a {tag} Yes."})
    assert found.text[read_trace(found.text).response :] == "No."


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ({"content": None, "refusal": "I cannot judge this."}, "stop"),
        ({"content": None, "tool_calls": [{"id": "a"}]}, "tool_calls"),
        ({"content": None, "function_call": {}}, "function_call"),
        ({"content": ""}, "content_filter"),
        ({"content": [{"type": "text"}]}, "stop"),
        ({}, "stop"),
    ],
)
def test_an_answer_without_words_is_an_empty_text_that_was_paid_for(
    message: dict[str, Any], reason: str
) -> None:
    assert read(message, reason) == [Completion("", "stop", 9)]


def test_no_content_for_want_of_tokens_is_an_empty_text_cut_short() -> None:
    assert read({"content": None}, "length") == [Completion("", "length", 9)]


@pytest.mark.parametrize(
    ("message", "reason"), [(None, "stop"), ("Yes.", "stop"), ({"content": "a"}, None)]
)
def test_no_message_or_no_known_end_is_left_out(message: Any, reason: Any) -> None:
    assert read(message, reason) == []


def test_the_usage_is_split_over_reasoning_and_content() -> None:
    long, short = {"content": "", "reasoning": "a" * 81}, {"content": ""}
    choices = [
        {"index": index, "message": message, "finish_reason": "stop"}
        for index, message in enumerate((short, long))
    ]
    found = chat_completions({"choices": choices, "usage": {"completion_tokens": 102}})
    assert [one.tokens for one in found] == [1, 101]


ODD = st.sampled_from([None, True, 0, -1, 1.5, "", "stop", [], {}, [{}], {"completion_tokens": -1}])
MESSAGE = st.fixed_dictionaries({}, optional={"content": ODD, "reasoning": ODD})
CHOICE = st.fixed_dictionaries(
    {}, optional={"index": ODD, "message": MESSAGE | ODD, "finish_reason": ODD}
)


@given(st.fixed_dictionaries({}, optional={"choices": st.lists(CHOICE | ODD) | ODD, "usage": ODD}))
def test_whatever_the_json_it_is_read_or_refused(answer: dict[str, Any]) -> None:
    try:
        found = chat_completions(answer)
    except BadAnswer:
        assert not isinstance(answer.get("choices"), list)
    else:
        assert len(found) <= len(answer["choices"])
        assert all(isinstance(one.text, str) and one.tokens >= 0 for one in found)


def test_a_lone_surrogate_passes() -> None:
    message = json.loads('{"content": "\\ud800", "reasoning": "\\udfff"}')
    assert read(message)[0].text == "<think>\n\udfff\n</think>\n\n\ud800"
