"""Searches as pure generators: what they ask for, given scripted outcomes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import ceil, log2

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotators.search import SEARCHES
from annotators.search.probe import (
    Candidate,
    Counts,
    Measured,
    Probe,
    SearchSettings,
    Start,
    is_zero,
)
from pipeline.engines.base import Prompt
from pipeline.prefix import CutSolution
from pipeline.verdict import Verdict
from tests.annotators.scripted import Rollouts

Asked = list[tuple[int, int]]  # (steps kept, draws), in order


def solution(text: str, problem_id: str = "p") -> CutSolution:
    """Each letter is a step."""
    ends = tuple(range(1, len(text) + 1))
    return CutSolution(text, problem_id, Prompt("Q"), text, ends, None, None, None)


def wrong(text: str) -> Candidate:
    return Candidate(solution(text), Verdict.INCORRECT)


def right(text: str) -> Candidate:
    return Candidate(solution(text), Verdict.CORRECT)


def run(
    name: str,
    candidates: Sequence[Candidate],
    answer: Callable[[Probe], Counts | None],
    k: int = 8,
    window: int | None = None,
) -> list[Asked]:
    """The waves that a search asks for."""
    search = SEARCHES[name](Start(candidates), SearchSettings(k, window))
    waves: list[Asked] = []
    wave = next(search, None)
    while wave is not None:
        waves.append([(probe.prefix.steps, probe.draws) for probe in wave])
        try:
            found = [answer(probe) for probe in wave]
            wave = search.send([counts and Measured(counts) for counts in found])
        except StopIteration:
            break
    return waves


# exhaustive


def test_exhaustive_asks_for_k_at_every_prefix_but_the_whole_in_one_wave() -> None:
    assert run("exhaustive", [wrong("abc"), right("xy")], Rollouts({}).serve, k=4) == [
        [(1, 4), (2, 4), (1, 4)]
    ]


def test_exhaustive_has_nothing_to_ask_of_single_steps() -> None:
    assert run("exhaustive", [wrong("a")], Rollouts({}).serve) == []


def test_exhaustive_ends_where_the_budget_does() -> None:
    assert run("exhaustive", [wrong("abc")], lambda probe: None, k=4) == [[(1, 4), (2, 4)]]


# bisect


def test_bisect_goes_right_of_a_success_and_left_of_a_zero() -> None:
    # 8 steps; from 4 it succeeds at once, from 6 never, from 5 at once: the error is step 6.
    outcomes = {"abcd": "c" * 8, "abcde": "c" * 8}
    assert run("bisect", [wrong("abcdefgh")], Rollouts(outcomes).serve) == [
        [(4, 1)],
        [(6, 1)],
        [(6, 2)],
        [(6, 4)],
        [(6, 8)],
        [(5, 1)],
    ]


def test_bisect_completes_the_window_before_the_first_zero() -> None:
    outcomes = {"ab": "c" * 8, "abc": "c" * 8}
    waves = run("bisect", [wrong("abcd")], Rollouts(outcomes).serve, window=2)
    assert waves == [[(2, 1)], [(3, 1)], [(2, 8), (3, 8)]]


def test_a_window_of_zero_completes_nothing() -> None:
    assert run("bisect", [wrong("ab")], Rollouts({"a": "c" * 8}).serve, window=0) == [[(1, 1)]]


def test_the_window_does_not_reach_below_the_first_step() -> None:
    outcomes = {"a": "c" * 8}
    assert run("bisect", [wrong("ab")], Rollouts(outcomes).serve, window=5) == [
        [(1, 1)],
        [(1, 8)],
    ]


@pytest.mark.parametrize("name", ["bisect", "scan"])
def test_right_solutions_are_not_searched(name: str) -> None:
    assert run(name, [right("abcd")], Rollouts({}).serve, window=2) == []


@pytest.mark.parametrize("name", ["bisect", "scan"])
def test_solutions_of_unknown_outcome_are_not_searched(name: str) -> None:
    candidate = Candidate(solution("abcd"), Verdict.UNKNOWN)
    assert run(name, [candidate], Rollouts({}).serve, window=2) == []


@pytest.mark.parametrize("name", ["exhaustive", "bisect", "scan"])
def test_a_solution_without_steps_is_left_alone(name: str) -> None:
    assert run(name, [wrong("")], Rollouts({}).serve, window=2) == []


@pytest.mark.parametrize("name", ["bisect", "scan"])
def test_a_wrong_solution_of_one_step_needs_no_rollout(name: str) -> None:
    assert run(name, [wrong("a")], Rollouts({}).serve, window=2) == []


@pytest.mark.parametrize(("name", "first"), [("bisect", 2), ("scan", 1)])
def test_unknown_outcomes_never_make_a_zero(name: str, first: int) -> None:
    """5 of 8 unknown: 3 known failures are fewer than half, so the search ends undecided."""
    seen = Rollouts({}, default="iuuiuuiu").serve
    assert run(name, [wrong("abcd")], seen, window=2) == [
        [(first, 1)],
        [(first, 2)],
        [(first, 4)],
        [(first, 8)],
    ]


def test_half_of_k_known_failures_make_a_zero() -> None:
    assert is_zero(Counts(0, 4, 4), 8)
    assert not is_zero(Counts(0, 3, 5), 8)
    assert not is_zero(Counts(1, 7, 0), 8)
    assert is_zero(Counts(0, 2, 1), 3)
    assert not is_zero(Counts(0, 1, 2), 3)


@pytest.mark.parametrize(("name", "first"), [("bisect", 2), ("scan", 1)])
def test_the_end_of_the_budget_ends_the_search(name: str, first: int) -> None:
    assert run(name, [wrong("abcd")], lambda probe: None, window=2) == [[(first, 1)]]


def test_the_budget_may_end_between_two_rounds() -> None:
    def answer(probe: Probe) -> Counts | None:
        return Counts(0, 1, 0) if probe.draws == 1 else None

    assert run("bisect", [wrong("abcd")], answer, window=2) == [[(2, 1)], [(2, 2)]]


# scan


def test_scan_walks_to_the_first_zero_and_completes_the_window() -> None:
    outcomes = {"a": "c" * 8, "ab": "ic" + "i" * 6, "abc": "c" * 8}
    assert run("scan", [wrong("abcdef")], Rollouts(outcomes).serve, window=2) == [
        [(1, 1)],
        [(2, 1)],
        [(2, 2)],
        [(3, 1)],
        [(4, 1)],
        [(4, 2)],
        [(4, 4)],
        [(4, 8)],
        [(2, 8), (3, 8)],
    ]


def test_scan_without_a_zero_counts_the_whole_solution_as_the_zero() -> None:
    """The whole solution is wrong, so the window lies before its last step."""
    outcomes = {"a": "c" * 8, "ab": "c" * 8}
    assert run("scan", [wrong("abc")], Rollouts(outcomes).serve, window=2) == [
        [(1, 1)],
        [(2, 1)],
        [(1, 8), (2, 8)],
    ]


def test_scan_needs_no_window_where_the_first_step_is_wrong() -> None:
    assert run("scan", [wrong("abc")], Rollouts({}).serve, k=2, window=2) == [[(1, 1)], [(1, 2)]]


def test_a_prefix_that_was_drawn_in_full_needs_one_look() -> None:
    """Another solution paid for it: counts of more draws than asked for are read as they are."""
    rollouts = Rollouts({})
    rollouts.drawn = {"a": 8}
    assert run("scan", [wrong("abc")], rollouts.serve) == [[(1, 1)]]


# waves


def test_solutions_are_searched_side_by_side() -> None:
    outcomes = {"a": "c" * 4, "x": "ic" + "i" * 6}
    waves = run("scan", [wrong("ab"), right("rr"), wrong("xy")], Rollouts(outcomes).serve, k=4)
    assert waves == [[(1, 1), (1, 1)], [(1, 2)]]


def test_one_solution_without_budget_does_not_end_the_others() -> None:
    def answer(probe: Probe) -> Counts | None:
        return None if probe.prefix.text.startswith("a") else Counts(probe.draws, 0, 0)

    assert run("scan", [wrong("abc"), wrong("xyz")], answer) == [[(1, 1), (1, 1)], [(2, 1)]]


# laws

outcome_tables = st.dictionaries(
    st.integers(1, 40), st.text("ciu", min_size=16, max_size=16), max_size=40
)


def by_length(table: Mapping[int, str]) -> Rollouts:
    text = letters(41)
    return Rollouts({text[:m]: seen for m, seen in table.items()})


def letters(count: int) -> str:
    return "".join(chr(ord("A") + i) for i in range(count))


@given(outcome_tables, st.integers(2, 41), st.integers(1, 16), st.integers(0, 3))
def test_bisect_draws_k_a_halving_and_the_window_at_most(
    table: dict[int, str], steps: int, k: int, window: int
) -> None:
    rollouts = by_length(table)
    run("bisect", [wrong(letters(steps))], rollouts.serve, k, window)
    assert sum(rollouts.drawn.values()) <= k * ceil(log2(steps)) + k * window


@given(st.integers(2, 41), st.integers(1, 16), st.data())
def test_bisect_finds_the_one_change_of_an_honest_solution(
    steps: int, k: int, data: st.DataObject
) -> None:
    """Success before the error, zeros from it on: the prefixes beside the error are measured."""
    error = data.draw(st.integers(1, steps))
    rollouts = by_length(dict.fromkeys(range(1, error), "c" * 16))
    run("bisect", [wrong(letters(steps))], rollouts.serve, k)
    measured = {len(text) for text in rollouts.drawn}
    assert error == steps or error in measured
    assert error == 1 or error - 1 in measured


@given(outcome_tables, st.integers(1, 41), st.integers(1, 16), st.integers(0, 3))
@pytest.mark.parametrize("name", ["exhaustive", "bisect", "scan"])
def test_no_search_draws_more_than_exhaustive(
    name: str, table: dict[int, str], steps: int, k: int, window: int
) -> None:
    rollouts = by_length(table)
    run(name, [wrong(letters(steps))], rollouts.serve, k, window)
    assert all(count <= k for count in rollouts.drawn.values())
    assert len(rollouts.drawn) <= steps - 1


@given(outcome_tables, st.integers(1, 41), st.integers(1, 16))
@pytest.mark.parametrize("name", ["exhaustive", "bisect", "scan"])
def test_equal_evidence_gives_equal_questions(
    name: str, table: dict[int, str], steps: int, k: int
) -> None:
    first, again = (run(name, [wrong(letters(steps))], by_length(table).serve, k) for _ in "12")
    assert first == again
