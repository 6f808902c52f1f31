"""Prefixes: their text, their ids, and when two are the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.engines.base import Prompt
from pipeline.prefix import CutSolution


def as_text(text: str, ends: tuple[int, ...], problem_id: str = "p") -> CutSolution:
    return CutSolution("s", problem_id, Prompt("Q\n"), text, ends, None, None, None)


# "ab", "c\n", "\nde": the step ends inside the second token.
TOKENS = CutSolution(
    "s", "p", Prompt("Q", (7, 8)), "abc\n\nde", (3, 7), (1, 2, 3), (2, 3), (2, 4, 7)
)


def test_a_prefix_of_text_ends_with_its_step() -> None:
    prefix = as_text("one\n\ntwo", (5, 8)).prefix(1)
    assert (prefix.text, prefix.prompt, prefix.tokens) == ("one\n\n", Prompt("Q\none\n\n"), None)


def test_no_steps_are_the_problem_alone() -> None:
    prefix = TOKENS.prefix(0)
    assert (prefix.text, prefix.prompt, prefix.tokens) == ("", Prompt("Q", (7, 8)), 0)


def test_a_prefix_of_tokens_ends_with_the_token_that_ends_its_step() -> None:
    prefix = TOKENS.prefix(1)
    assert (prefix.text, prefix.prompt, prefix.tokens) == (
        "abc\n",
        Prompt("Qabc\n", (7, 8, 1, 2)),
        2,
    )


def test_all_steps_are_the_whole_solution() -> None:
    assert TOKENS.prefix(2).prompt == Prompt("Qabc\n\nde", (7, 8, 1, 2, 3))


def test_ids_of_the_prompt_alone_are_not_mixed_with_text() -> None:
    solution = CutSolution("s", "p", Prompt("Q", (7, 8)), "ab", (1, 2), None, None, None)
    assert solution.prefix(0).prompt == Prompt("Q", (7, 8))
    assert solution.prefix(1).prompt == Prompt("Qa")


def test_token_ids_that_are_known_in_part_only_are_refused() -> None:
    with pytest.raises(ValueError, match="known in part"):
        CutSolution("s", "p", Prompt("Q", (7,)), "ab", (1, 2), (1, 2), None, None)


def test_solutions_share_the_prefixes_that_they_share() -> None:
    one, other = as_text("abX", (1, 2, 3)), as_text("abY", (2, 3))
    assert one.prefix(2).hash == other.prefix(1).hash
    assert one.prefix(3).hash != other.prefix(2).hash


def test_equal_texts_of_two_problems_are_two_prefixes() -> None:
    assert as_text("a", (1,), "p").prefix(1).hash != as_text("a", (1,), "q").prefix(1).hash


def test_equal_texts_of_different_tokens_are_two_prefixes() -> None:
    other = CutSolution("s", "p", Prompt("Q", (7, 8)), "abc\n", (4,), (1, 9), (2,), (2, 4))
    assert TOKENS.prefix(1).prompt.text == other.prefix(1).prompt.text
    assert TOKENS.prefix(1).hash != other.prefix(1).hash


def test_a_lone_surrogate_can_be_hashed() -> None:
    assert len(as_text("a\ud800b", (2, 3)).prefix(2).hash) == 32


@given(st.lists(st.text(max_size=4), max_size=6), st.lists(st.text(max_size=4), max_size=6))
def test_hashes_agree_exactly_where_prompts_do(first: list[str], second: list[str]) -> None:
    prefixes = []
    for pieces in (first, second):
        ends = tuple(len("".join(pieces[: t + 1])) for t in range(len(pieces)))
        solution = as_text("".join(pieces), ends)
        prefixes += [solution.prefix(m) for m in range(len(pieces) + 1)]
    for one in prefixes:
        for other in prefixes:
            assert (one.hash == other.hash) == (one.prompt == other.prompt)


small_ids = st.lists(st.lists(st.integers(0, 2), max_size=3), max_size=5)


@given(small_ids, small_ids)
def test_hashes_agree_exactly_where_token_ids_do(
    first: list[list[int]], second: list[list[int]]
) -> None:
    prefixes = []
    for pieces in (first, second):
        ids = tuple(i for piece in pieces for i in piece)
        ends = tuple(sum(map(len, pieces[: t + 1])) for t in range(len(pieces)))
        chars = tuple(range(1, len(ids) + 1))
        text = "".join(map(str, ids))
        solution = CutSolution("s", "p", Prompt("Q", (5,)), text, ends, ids, ends, chars)
        prefixes += [solution.prefix(m) for m in range(len(pieces) + 1)]
    for one in prefixes:
        for other in prefixes:
            assert (one.hash == other.hash) == (one.prompt == other.prompt)
