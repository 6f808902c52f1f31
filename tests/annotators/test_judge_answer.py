"""What a judge may answer, and what is made of it."""

from __future__ import annotations

import json
import time

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotators.judge.answer import LONGEST, read_answer
from annotators.judge.modes import MODES, Mode

FIRST, EACH, ONE = MODES["first_error"], MODES["each_step"], MODES["one_step"]
TWO = '{"critique": "c", "verdicts": {"0": "correct", "1": "incorrect"}, "correction": "3 + 5 = 8"}'


def verdicts(text: str, mode: Mode, steps: int = 2, end: str = "") -> tuple[int | None, ...] | None:
    answer = read_answer(text, mode, steps, end)
    return None if answer is None else answer.verdicts


@pytest.mark.parametrize("name", ["each_step", "reverse", "reference", "own_solution"])
def test_a_verdict_for_every_step(name: str) -> None:
    answer = read_answer(TWO, MODES[name], 2)
    assert answer is not None
    assert answer.verdicts == (1, 0)
    assert (answer.critique, answer.correction, answer.first_error) == ("c", "3 + 5 = 8", 1)


@pytest.mark.parametrize(
    ("said", "expected"), [(-1, (1, 1, 1)), (0, (0,)), (1, (1, 0)), (2, (1, 1, 0))]
)
def test_a_first_error_says_nothing_of_what_is_after_it(
    said: int, expected: tuple[int, ...]
) -> None:
    assert verdicts(json.dumps({"first_error": said}), FIRST, 3) == expected


@pytest.mark.parametrize(
    ("word", "expected"), [("correct", 1), ("incorrect", 0), ("unknown", None)]
)
def test_a_verdict_on_one_step(word: str, expected: int | None) -> None:
    assert verdicts(json.dumps({"verdict": word}), ONE, 1) == (expected,)


def test_no_first_error_where_an_unknown_step_stands_before_it() -> None:
    answer = read_answer('{"verdicts": {"0": "unknown", "1": "incorrect"}}', EACH, 2)
    assert answer is not None
    assert answer.first_error is None


def test_words_in_other_case_and_a_list_are_understood() -> None:
    assert verdicts('{"verdicts": ["Correct", " INCORRECT "]}', EACH) == (1, 0)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "All in all it is a fine solution.",
        "first_error: 1",
        '{"first_error": 3}',
        '{"first_error": -2}',
        '{"first_error": true}',
        '{"first_error": 1.0}',
        '{"first_error": NaN}',
        '{"first_error": "1"}',
        '{"first_error": null}',
        '{"first_error": [1]}',
        '{"first_error": 1, "first_error": 1}',
        '{"first_error": 1',
        '{"answer": {"first_error": 1}}',
        '{"first_error": ' + "9" * 5000 + "}",
        '{"first_error": 1e400}',
        r"\boxed{7}",
        r"\boxed{one}",
        r"\boxed{99999}",
        r"\boxed{1",
    ],
)
def test_no_first_error_is_guessed(text: str) -> None:
    assert verdicts(text, FIRST, 3) is None


@pytest.mark.parametrize(
    "said",
    [
        '{"0": "correct"}',
        '{"0": "correct", "1": "correct", "2": "correct"}',
        '{"0": "correct", "2": "correct"}',
        '{"0": "correct", "0": "incorrect", "1": "correct"}',
        '{"0": "correct", "1": 1}',
        '{"0": "correct", "1": true}',
        '{"0": "correct", "1": null}',
        '{"0": "correct", "1": "right"}',
        '{"0": "correct", "1": "not incorrect"}',
        '["correct"]',
        '"correct"',
        "[]",
        "{}",
    ],
)
def test_no_verdict_is_guessed(said: str) -> None:
    assert verdicts(f'{{"verdicts": {said}}}', EACH) is None


def test_a_box_stands_for_a_first_error_where_there_is_no_object() -> None:
    assert verdicts(r"It is \boxed{0}, no: \boxed{ -1 }", FIRST) == (1, 1)


def test_the_last_object_with_the_key_counts() -> None:
    text = 'I think {"first_error": 0}. No: {"first_error": 1}. As {"is": "clear"}, {x}.'
    assert verdicts(text, FIRST) == (1, 0)


def test_an_object_within_a_text_or_another_object_does_not_count() -> None:
    quoted = {"critique": 'not {"first_error": 0}', "first_error": 1}
    assert verdicts(json.dumps(quoted), FIRST) == (1, 0)
    assert verdicts('{"first_error": 1, "or": {"first_error": 0}}', FIRST) == (1, 0)


def test_a_critique_full_of_braces_hides_no_verdict() -> None:
    critique = r"\frac{1}{2} {x} {" * 100
    assert verdicts(json.dumps({"critique": critique, "first_error": 1}), FIRST) == (1, 0)


def test_what_was_thought_is_no_answer() -> None:
    thought = 'Perhaps {"first_error": 0}?</think>'
    assert verdicts(f'{thought}{{"first_error": 1}}', FIRST, end="</think>") == (1, 0)
    assert verdicts(thought, FIRST, end="</think>") is None
    assert verdicts('{"first_error": 0}', FIRST, end="</think>") is None


def test_the_first_end_of_the_reasoning_is_the_one() -> None:
    text = 'Hm.</think>{"critique": "it says </think>", "first_error": 1}'
    assert verdicts(text, FIRST, end="</think>") == (1, 0)


def test_lone_surrogates_can_be_written_to_a_table() -> None:
    text = r'{"critique": "\ud800!", "verdicts": ["incorrect"], "correction": "\udfff"}'
    answer = read_answer(text, EACH, 1)
    assert answer is not None
    assert pa.array([answer.critique, answer.correction]).to_pylist() == ["\ufffd!", "\ufffd"]


HOSTILE = {
    "deep": '{"a":' * 40_000,
    "lists": '{"verdicts":' + "[" * 190_000,
    "braces": "{" * LONGEST,
    "openings": '{"' * (LONGEST // 2),
    "keys": '{"a":1,' * 28_000,
    "deep and wide": '{"":' * 900 + '"":1,' * 39_000,
    "blanks": ("{" + " " * 1000) * 199,
    "escapes": '{"' + "\\" * (LONGEST - 2),
    "quotes": '{"\\"' * 50_000,
    "boxes": "\\boxed{" * 28_000,
    "numbers": '{"a": [' + ("9" * 4400 + ",") * 45,
    "too long": '{"first_error": -1}' + " " * LONGEST,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_answers_are_nothing_and_take_no_time(name: str) -> None:
    begun = time.process_time()
    assert verdicts(HOSTILE[name], FIRST) is None
    assert verdicts(HOSTILE[name], EACH) is None
    assert time.process_time() - begun < 1


PIECES = st.sampled_from(
    ['{"verdicts":', '"0":', '"1":', '"correct"', '"incorrect"', "{", "}", "[", "]", ",", ":", '"',
     '"first_error":', '"verdict":', "-1", "1", "\\boxed{", "\ud800", "\\u0000", "\\", "1e999"]
)  # fmt: skip
TEXTS = st.text() | st.lists(PIECES | st.text(max_size=3), max_size=30).map("".join)


@given(TEXTS, st.sampled_from(sorted(MODES)), st.integers(1, 4))
def test_any_text_gives_as_many_verdicts_as_asked_for_or_none(
    text: str, name: str, steps: int
) -> None:
    mode = MODES[name]
    about = 1 if mode.asks == "verdict" else steps
    answer = read_answer(text, mode, about)
    if answer is None:
        return
    assert set(answer.verdicts) <= {0, 1, None}
    if mode.asks == "first_error":
        named = answer.first_error
        assert named is not None
        assert len(answer.verdicts) == (about if named < 0 else named + 1)
    else:
        assert len(answer.verdicts) == about


@given(
    st.sampled_from(["each_step", "reverse", "reference", "own_solution"]),
    st.lists(st.sampled_from(["correct", "incorrect", "unknown"]), min_size=1, max_size=5),
    st.text(),
)
def test_what_the_schema_allows_is_read(name: str, words: list[str], critique: str) -> None:
    said = {
        "critique": critique,
        "verdicts": {str(step): word for step, word in enumerate(words)},
        "correction": "",
    }
    expected = tuple({"correct": 1, "incorrect": 0, "unknown": None}[word] for word in words)
    assert verdicts(json.dumps(said), MODES[name], len(words)) == expected
