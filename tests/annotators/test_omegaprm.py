"""OmegaPRM's tree search as a pure generator: selection, division, states, the end."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotators.search.omegaprm import omegaprm
from annotators.search.probe import (
    Candidate,
    Counts,
    Grown,
    Measured,
    Probe,
    Rollout,
    SearchSettings,
    Start,
)
from pipeline.engines.base import Prompt
from pipeline.prefix import CutSolution
from pipeline.verdict import Verdict

GOOD, BAD, NONE = Verdict.CORRECT, Verdict.INCORRECT, Verdict.UNKNOWN
Answer = Callable[[Probe], Measured | None]


def solution(text: str) -> CutSolution:
    """Each letter is a step; the text is the id."""
    ends = tuple(range(1, len(text) + 1))
    return CutSolution(text, "p", Prompt("Q"), text, ends, None, None, None)


def wrong(text: str, draw: int = 0) -> Candidate:
    """A letter is a token."""
    return Candidate(solution(text), BAD, len(text), draw)


def rollouts(probe: Probe, outcomes: Sequence[tuple[str, Verdict]]) -> Measured:
    """What came from a prefix: continuations with their outcomes."""
    found = [
        Rollout(probe.prefix, draw, probe.prefix.text + text, len(text), outcome)
        for draw, (text, outcome) in enumerate(outcomes)
    ]
    seen = Counter(rollout.outcome for rollout in found)
    return Measured(Counts(seen[GOOD], seen[BAD], seen[NONE]), found)


def grow(
    candidates: Sequence[Candidate],
    answer: Answer,
    *,
    k: int = 2,
    root: Counts = Counts(1, 1, 0),  # noqa: B008 - frozen
    mean_tokens: float = 0.0,
    searches: int = 100,
) -> tuple[list[tuple[str, int]], Grown]:
    """The probes (text kept, draws) and what the search says of its tree."""
    start = Start(candidates, root, mean_tokens, lambda r: wrong(r.text, r.draw))
    search = omegaprm(start, SearchSettings(k, None, None, searches))
    asked: list[tuple[str, int]] = []
    found: list[Measured | None] | None = None
    while True:
        try:
            wave = next(search) if found is None else search.send(found)
        except StopIteration as end:
            return asked, end.value
        asked += [(probe.prefix.text, probe.draws) for probe in wave]
        found = [answer(probe) for probe in wave]


def zero(probe: Probe) -> Measured:
    return rollouts(probe, [("zz", BAD)] * probe.draws)


def test_a_division_goes_right_after_a_success_and_left_after_a_zero() -> None:
    def answer(probe: Probe) -> Measured:
        good = probe.prefix.steps <= 4  # the first error is step 4 (0-based)
        return rollouts(probe, [("y", GOOD)] * 2 if good else [("y", BAD)] * 2)

    asked, _ = grow([wrong("abcdefgh")], answer)
    assert asked == [("abcd", 2), ("abcdef", 2), ("abcde", 2)]


def test_k_is_always_complete() -> None:
    asked, _ = grow([wrong("abcd"), wrong("abxy", 1)], zero, k=8)
    assert {draws for _, draws in asked} == {8}


def test_the_shortest_wrong_rollout_of_a_state_is_selected_first() -> None:
    _, grown = grow([wrong("abcdef", 0), wrong("uvw", 1), wrong("mnop", 2)], zero)
    assert [one.solution_id for one in grown.selections] == ["uvw", "mnop", "abcdef"]


def test_q_and_u_are_the_papers() -> None:
    _, grown = grow([wrong("ab", 0), wrong("cde", 1)], zero, root=Counts(3, 1, 4))
    first, second = grown.selections
    assert first.q == pytest.approx(0.5**0.25 * 0.9 ** (2 / 500))
    assert (first.u, second.u) == (0.0, pytest.approx(0.125 * 1 / (1 + 1)))


def test_a_state_of_a_better_value_is_preferred_to_the_root() -> None:
    def answer(probe: Probe) -> Measured:
        if probe.prefix.text == "ab":
            return rollouts(probe, [("cq", BAD), ("y", GOOD), ("y", GOOD), ("y", GOOD)])
        return rollouts(probe, [("y", BAD)] * 4)

    _, grown = grow([wrong("abcd"), wrong("wxyzw", 1)], answer, k=4)
    assert [(s.prefix.text, s.solution_id) for s in grown.selections][:2] == [
        ("", "abcd"),
        ("ab", "abcq"),
    ]


def test_visits_count_for_the_selected_state_alone() -> None:
    def answer(probe: Probe) -> Measured:
        if probe.prefix.text == "ab":
            return rollouts(probe, [("cq", BAD), ("y", GOOD)])
        return rollouts(probe, [("y", BAD)] * 2)

    _, grown = grow([wrong("abcd")], answer)
    keys = {text: solution("abcd").prefix(len(text)).hash for text in ("", "ab")}
    assert {text: grown.visits[key] for text, key in keys.items()} == {"": 1, "ab": 1}


def test_rollouts_of_states_without_failures_or_without_successes_join_no_pool() -> None:
    def answer(probe: Probe) -> Measured:
        good = probe.prefix.steps <= 2
        return rollouts(probe, [("y", GOOD if good else BAD)] * 2)

    _, grown = grow([wrong("abcd")], answer)
    assert [one.solution_id for one in grown.selections] == ["abcd"]


def test_unknown_rollouts_are_not_searched() -> None:
    def answer(probe: Probe) -> Measured:
        return rollouts(probe, [("y", GOOD), ("mm", NONE), ("y", BAD)])

    _, grown = grow([wrong("abcd")], answer, k=3)
    assert all("mm" not in one.solution_id for one in grown.selections)


def test_a_middle_of_mostly_unknown_rollouts_ends_its_division() -> None:
    def answer(probe: Probe) -> Measured:
        return rollouts(probe, [("m", NONE), ("m", NONE), ("m", NONE), ("m", BAD)])

    asked, _ = grow([wrong("abcdefgh")], answer, k=4)
    assert asked == [("abcd", 4)]


def test_a_root_that_is_never_or_always_solved_is_not_searched() -> None:
    for root in (Counts(0, 8, 0), Counts(8, 0, 0), Counts(0, 0, 8)):
        asked, grown = grow([wrong("abcd")], zero, root=root)
        assert (asked, list(grown.selections)) == ([], [])


def test_it_stops_after_its_searches() -> None:
    _, grown = grow([wrong("ab" * n, n) for n in range(1, 9)], zero, searches=3)
    assert len(grown.selections) == 3


def test_a_piece_below_a_sixteenth_of_the_mean_solution_is_not_divided() -> None:
    asked, _ = grow([wrong("abcdefgh")], zero, mean_tokens=16 * 3.0)
    assert asked == [("abcd", 2), ("ab", 2)]  # 8 and 4 tokens are divided, 2 are not


def test_the_middle_is_the_end_of_a_step_nearest_to_half_of_the_tokens() -> None:
    long_first = CutSolution("s", "p", Prompt("Q"), "aaaaaaaabc", (8, 9, 10), None, None, None)
    asked, _ = grow([Candidate(long_first, BAD, 10, 0)], zero)
    assert asked == [("aaaaaaaa", 2)]


def test_the_budget_ends_it_with_what_it_has() -> None:
    asked, grown = grow([wrong("abcd"), wrong("mnopq", 1)], lambda probe: None)
    assert (len(asked), len(grown.selections)) == (1, 1)


def test_equal_texts_are_searched_once() -> None:
    def answer(probe: Probe) -> Measured:
        if probe.prefix.text == "ab":
            return rollouts(probe, [("cd", BAD), ("cq", BAD), ("cq", BAD), ("y", GOOD)])
        return rollouts(probe, [("y", BAD)] * 4)

    _, grown = grow([wrong("abcd")], answer, k=4)
    assert [one.solution_id for one in grown.selections] == ["abcd", "abcq"]


def test_a_measured_prefix_becomes_one_state() -> None:
    def answer(probe: Probe) -> Measured:
        if probe.prefix.text in ("ab", "abc"):
            return rollouts(probe, [("cq", BAD), ("y", GOOD)])
        return rollouts(probe, [("y", BAD)] * 2)

    _, grown = grow([wrong("abcd"), wrong("abxyz", 1)], answer)
    hashes = [one.prefix.hash for one in grown.selections]
    assert len(grown.visits) == len(set(grown.visits))
    assert sum(grown.visits.values()) == len(hashes)


def test_without_a_wrong_solution_there_is_nothing_to_do() -> None:
    right = Candidate(solution("abc"), GOOD, 3, 0)
    asked, grown = grow([right], zero)
    assert (asked, list(grown.selections)) == ([], [])


@given(seed=st.integers(0, 2**32), k=st.integers(1, 6))
def test_every_selection_is_unique_and_every_prefix_is_asked_once_in_full(
    seed: int, k: int
) -> None:
    """A random policy that errs at any step and never recovers."""

    def answer(probe: Probe) -> Measured:
        rng = random.Random(f"{seed} {probe.prefix.text}")
        if "x" in probe.prefix.text:
            return rollouts(probe, [("xx", BAD)] * probe.draws)
        left = 6 - probe.prefix.steps
        drawn = []
        for _ in range(probe.draws):
            text = "".join("x" if rng.random() < 0.2 else rng.choice("ab") for _ in range(left))
            drawn.append((text, NONE if rng.random() < 0.1 else BAD if "x" in text else GOOD))
        return rollouts(probe, drawn)

    asked, grown = grow([wrong("aabxab"), wrong("xbabab", 1)], answer, k=k, searches=30)
    taken = [(one.prefix.hash, one.draw) for one in grown.selections]
    assert len(taken) == len(set(taken))
    texts = [one.solution_id for one in grown.selections]
    assert len(texts) == len(set(texts))
    assert {draws for _, draws in asked} <= {k}
    assert sum(grown.visits.values()) == len(taken)
