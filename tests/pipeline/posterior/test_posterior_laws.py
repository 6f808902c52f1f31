"""What more evidence does to the posterior, whatever the rest of it is."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.posterior.infer import infer
from pipeline.posterior.parameters import Parameters
from tests.pipeline.posterior.tiny import RIGHT, UNKNOWN, WRONG, known, node_of, seen_of

LAWFUL = settings(max_examples=60, deadline=None)
ROUNDING = 1e-12

count = st.tuples(st.integers(0, 8), st.integers(0, 8))
vote = st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 3))


@st.composite
def parameters(draw: st.DrawFn) -> Parameters:
    """Rates as they occur: an open error is worse than none, also where problems are hardest."""
    rate, agree = st.floats(-4.0, -2.0), st.floats(-1.0, 5.0)
    return known(
        hazard=draw(rate),
        repair=draw(rate),
        harmless=draw(rate),
        luck=draw(rate),
        agree_good=draw(agree),
        agree_wrong=draw(agree),
    )


@st.composite
def problems(draw: st.DrawFn) -> dict[str, Any]:
    names = draw(
        st.lists(st.text("ab", min_size=1, max_size=4), min_size=1, max_size=3, unique=True)
    )
    prefixes = sorted({name[:m] for name in names for m in range(1, len(name) + 1)})

    def some(of: st.SearchStrategy[Any]) -> dict[str, Any]:
        return draw(st.dictionaries(st.sampled_from(prefixes), of, max_size=2))

    return {
        "solutions": {name: draw(st.sampled_from([RIGHT, WRONG, UNKNOWN])) for name in names},
        "counts": some(count),
        "signals": {"step": some(st.integers(0, 2)), "value": some(st.integers(0, 1))},
        "votes": {"checker": some(vote), "judge": some(vote)},
    }


@st.composite
def places(draw: st.DrawFn) -> tuple[dict[str, Any], str]:
    """A problem and one of its prefixes."""
    problem = draw(problems())
    names = problem["solutions"]
    return problem, draw(
        st.sampled_from(sorted({name[:m] for name in names for m in range(1, len(name) + 1)}))
    )


def clean(problem: dict[str, Any], assumed: Parameters, prefix: str) -> float:
    return float(infer(seen_of(problem), assumed).clean[node_of(problem, prefix)].sum())


def good(problem: dict[str, Any], assumed: Parameters, prefix: str) -> float:
    """P(no open error)."""
    return 1 - float(infer(seen_of(problem), assumed).wrong[node_of(problem, prefix)].sum())


@LAWFUL
@given(place=places(), assumed=parameters(), more=st.integers(1, 5))
def test_a_further_failure_never_helps_against_an_open_error_at_equal_difficulty(
    place: tuple[dict[str, Any], str], assumed: Parameters, more: int
) -> None:
    """At each point of the grid the wrong state gains on the good ones."""
    problem, prefix = place
    right, wrong = problem["counts"].get(prefix, (0, 0))
    less = seen_of(problem)
    further = seen_of(problem | {"counts": problem["counts"] | {prefix: (right, wrong + more)}})
    node = node_of(problem, prefix)
    shares = []
    for seen in (less, further):
        got = infer(seen, assumed)
        shares.append(got.wrong[node] / got.difficulty[0])
    assert (shares[1] >= shares[0] - 1e-9).all()


@LAWFUL
@given(place=places(), assumed=parameters(), more=st.integers(1, 5))
def test_a_further_success_never_lowers_the_chance_of_being_clean(
    place: tuple[dict[str, Any], str], assumed: Parameters, more: int
) -> None:
    """At equal difficulty, and over all of them."""
    problem, prefix = place
    right, wrong = problem["counts"].get(prefix, (0, 0))
    node = node_of(problem, prefix)
    shares = []
    for counts in ((right, wrong), (right + more, wrong)):
        got = infer(seen_of(problem | {"counts": problem["counts"] | {prefix: counts}}), assumed)
        shares.append([*(got.clean[node] / got.difficulty[0]), got.clean[node].sum()])
    assert all(after >= before - 1e-9 for before, after in zip(*shares, strict=True))


def test_many_successes_on_a_hard_problem_do_not_speak_for_an_error() -> None:
    """By the priors' means a wrong state's value is less certain than a good one's, so that a run
    of successes alone would be likelier there."""
    problem = {"solutions": {"abcdef": WRONG}}
    chances = [
        clean(problem | {"counts": {"": (2, 62), "abc": (n, 0)}}, known(), "abc")
        for n in (0, 1, 4, 16, 64)
    ]
    assert chances == sorted(chances)
    assert chances[-1] > 0.7


@LAWFUL
@given(place=places(), assumed=parameters())
def test_what_is_known_to_be_clean_is_clean_and_so_is_all_before_it(
    place: tuple[dict[str, Any], str], assumed: Parameters
) -> None:
    problem, prefix = place
    said = problem | {"truth": {prefix: 1}}
    for m in range(1, len(prefix) + 1):
        assert clean(said, assumed, prefix[:m]) > 0.999


@LAWFUL
@given(place=places(), assumed=parameters())
def test_what_follows_a_prefix_that_is_known_not_to_be_clean_is_not_clean(
    place: tuple[dict[str, Any], str], assumed: Parameters
) -> None:
    problem, prefix = place
    said = problem | {"truth": {prefix: 0}}
    for name in problem["solutions"]:
        if name.startswith(prefix):
            for m in range(len(prefix), len(name) + 1):
                assert clean(said, assumed, name[:m]) < 0.001


@LAWFUL
@given(place=places(), assumed=parameters(), more=st.integers(1, 5))
def test_more_votes_for_a_prefix_never_lower_the_chance_of_being_clean(
    place: tuple[dict[str, Any], str], assumed: Parameters, more: int
) -> None:
    problem, prefix = place
    votes = problem["votes"]["judge"].get(prefix, (0, 0, 0))
    counts = (votes[0] + more, *votes[1:])
    judged = {"judge": problem["votes"]["judge"] | {prefix: counts}}
    said = problem | {"votes": problem["votes"] | judged}
    assert clean(said, assumed, prefix) >= clean(problem, assumed, prefix) - ROUNDING


@LAWFUL
@given(problem=problems(), assumed=parameters())
def test_p_correct_begins_at_one_and_never_rises(
    problem: dict[str, Any], assumed: Parameters
) -> None:
    got = infer(seen_of(problem), assumed).clean.sum(axis=1)
    for name in problem["solutions"]:
        path = [got[node_of(problem, name[:m])] for m in range(len(name) + 1)]
        assert abs(path[0] - 1) < ROUNDING
        assert all(after <= before for before, after in pairwise(path))


@LAWFUL
@given(problem=problems(), assumed=parameters(), samples=st.integers(2, 64))
def test_the_filter_of_questions_is_a_condition_that_favours_no_state_at_equal_difficulty(
    problem: dict[str, Any], assumed: Parameters, samples: int
) -> None:
    plain, filtered = (infer(seen_of(problem | {"samples": n}), assumed) for n in (0, samples))
    for name in ("clean", "wrong", "repaired"):
        np.testing.assert_allclose(
            getattr(filtered, name) * plain.difficulty[0],
            getattr(plain, name) * filtered.difficulty[0],
            atol=1e-12,
        )
