"""Reading what servers say."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from pipeline.engines.answers import BadAnswer, completions, parse_object, retry_after
from pipeline.engines.base import Completion


def read(choices: list[Any], spent: int | None = None) -> list[Completion]:
    usage = {} if spent is None else {"usage": {"completion_tokens": spent}}
    return completions({"choices": choices, **usage}, lambda _: None)


def choice(text: str | None, reason: str | None = "stop", **more: Any) -> dict[str, Any]:
    return {"text": text, "finish_reason": reason, **more}


def test_without_ids_the_usage_is_split_by_length_and_adds_up() -> None:
    found = read([choice("abc"), choice("abcdefg"), choice("")], spent=20)
    assert [one.tokens for one in found] == [6, 12, 2]


def test_ids_that_add_up_to_the_usage_hold_the_end_token() -> None:
    stop, length = choice("ab", token_ids=[5, 6, 2]), choice("ab", "length", token_ids=[5, 6])
    assert read([stop, length], spent=5) == [
        Completion("ab", "stop", 3, (5, 6)),
        Completion("ab", "length", 2, (5, 6)),
    ]


def test_ids_short_of_the_usage_lack_the_end_token() -> None:
    found = read([choice("ab", token_ids=[5, 6])], spent=3)
    assert found == [Completion("ab", "stop", 3, (5, 6))]


def test_ids_of_a_text_that_a_stop_string_cut_are_not_its_ids() -> None:
    found = read([choice("ab", token_ids=[5, 6, 9], stop_reason="!")], spent=3)
    assert found == [Completion("ab", "stop", 3, None)]


def test_with_a_tokenizer_ids_are_kept_only_if_they_decode_to_the_text() -> None:
    words = {5: "a", 6: "b", 2: "<|end|>"}
    answer = {
        "choices": [choice("ab", token_ids=[5, 6, 2]), choice("a", token_ids=[6, 2])],
        "usage": {"completion_tokens": 5},
    }
    found = completions(answer, lambda ids: "".join(words[one] for one in ids))
    assert [one.token_ids for one in found] == [(5, 6), None]


def test_choices_come_in_the_order_of_their_index() -> None:
    found = read([choice("b", index=1), choice("a", index=0)])
    assert [one.text for one in found] == ["a", "b"]


def test_aborted_and_broken_choices_are_left_out() -> None:
    broken = [choice("a", "abort"), choice("b", None), choice(None), "x", choice("c")]
    assert [one.text for one in read(broken)] == ["c"]


@pytest.mark.parametrize("body", ["<html>", '{"choices": [', "[]", ""])
def test_what_is_no_object_is_a_bad_answer(body: str) -> None:
    with pytest.raises(BadAnswer):
        parse_object(body)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [(None, 0.0), ("2.5", 2.5), ("9999", 60.0), ("-3", 0.0), ("soon", 0.0), ("nan", 0.0)],
)
def test_retry_after_in_seconds(header: str | None, seconds: float) -> None:
    assert retry_after(header, 60.0) == seconds


def test_retry_after_as_a_date() -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=20), usegmt=True)
    assert 15 < retry_after(date, 60.0) <= 20


def scored(ids: list[int], values: list[Any], reason: str = "stop") -> Completion:
    """A completion of text "ab", whose ids are 5 and 6 and whose end token is 2."""
    (found,) = completions(
        {"choices": [choice("ab", reason, token_ids=ids, logprobs={"token_logprobs": values})]},
        lambda some: "".join({5: "a", 6: "b", 2: "<|end|>"}[one] for one in some),
    )
    return found


@pytest.mark.parametrize(
    ("ids", "values"),
    [
        ([5, 6, 2], [-0.5, -0.25, -4.0]),
        ([5, 6, 2], [-0.5, -0.25]),
        ([5, 6], [-0.5, -0.25, -4.0]),
        ([5, 6], [-0.5, -0.25]),
    ],
)
def test_the_end_token_counts_among_ids_and_log_probabilities_or_not(
    ids: list[int], values: list[float]
) -> None:
    found = scored(ids, values)
    assert (found.token_ids, found.logprobs) == ((5, 6), (-0.5, -0.25))


@pytest.mark.parametrize(
    ("ids", "values", "reason"),
    [
        ([5, 6], [-0.5], "stop"),
        ([5, 6], [-0.5, -0.25, -1.0], "length"),
        ([5, 6, 2], [-0.5, -0.25, -1.0, -1.0], "stop"),
        ([5, 6], [], "stop"),
    ],
)
def test_log_probabilities_of_another_number_are_none(
    ids: list[int], values: list[float], reason: str
) -> None:
    found = scored(ids, values, reason)
    assert (found.token_ids, found.logprobs) == ((5, 6), None)


@pytest.mark.parametrize(
    "value",
    [None, float("nan"), float("inf"), float("-inf"), -9999.0, -3.4e38, 2.5, True, "-0.1"],
    ids=str,
)
def test_one_number_that_is_no_log_probability_spoils_the_completion(value: Any) -> None:
    found = scored([5, 6], [-0.5, value])
    assert (found.token_ids, found.logprobs) == ((5, 6), None)


def test_rounding_above_zero_is_zero() -> None:
    assert scored([5, 6], [1e-6, 0]).logprobs == (0.0, 0.0)


def test_log_probabilities_without_ids_of_the_text_are_none() -> None:
    values = {"token_logprobs": [-0.5, -0.25]}
    assert read([choice("ab", logprobs=values)])[0].logprobs is None
    cut = choice("ab", token_ids=[5, 6], stop_reason="!", logprobs=values)
    assert read([cut])[0].logprobs is None


@pytest.mark.parametrize("value", [None, [-0.5], {"token_logprobs": None}, {}], ids=str)
def test_log_probabilities_in_another_form_are_none(value: Any) -> None:
    (found,) = read([choice("a", token_ids=[5], logprobs=value)])
    assert (found.token_ids, found.logprobs) == ((5,), None)
