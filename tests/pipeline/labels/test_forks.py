"""Steps that leave one prefix on different ways."""

from __future__ import annotations

from collections import defaultdict

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

HARD = {"view": "hard"}


@pytest.fixture
def siblings(case):
    """Three ways on from the prefix `a`, of values 0.25, 0.5 and 0.75."""
    return [
        case(["4/8", "2/8"], "unknown", id="s0", hashes=["a", "ab"]),
        case(["4/8", "4/8"], "unknown", id="s1", hashes=["a", "ac"]),
        case(["4/8", "6/8"], "unknown", id="s2", hashes=["a", "ad"]),
    ]


def test_group_is_the_prefix_before_the_step(siblings, rows):
    assert rows(*siblings, **HARD)[0]["fork_group"] == ["p0", "a"]


def test_size_counts_different_next_prefixes(siblings, rows):
    assert rows(*siblings, **HARD)[0]["fork_size"] == [1, 3]


def test_advantage_of_three_siblings(siblings, rows):
    # Mean (0.25 + 0.5 + 0.75) / 3 = 0.5; the first step has no sibling to compare with.
    got = [row["fork_advantage"] for row in rows(*siblings, **HARD)]
    assert got == [[None, -0.25], [None, 0.0], [None, 0.25]]


def test_prefix_counts_once_however_many_solutions_share_it(case, rows, siblings):
    again = [
        case(["4/8", "6/8", ""], "unknown", id=f"x{n}", hashes=["a", "ad", f"ad{n}"])
        for n in range(5)
    ]
    got = rows(*siblings, *again, **HARD)[0]
    assert (got["fork_size"], got["fork_advantage"]) == ([1, 3], [None, -0.25])


def test_sibling_that_was_not_measured_counts_in_the_size_alone(case, rows, siblings):
    got = rows(*siblings, case(["4/8", ""], "unknown", id="n", hashes=["a", "ae"]), **HARD)
    assert [row["fork_size"][1] for row in got] == [4, 4, 4, 4]
    assert [row["fork_advantage"][1] for row in got] == [-0.25, 0.0, 0.25, None]


def test_one_measured_sibling_is_no_comparison(case, rows):
    got = rows(
        case(["2/8"], "unknown", id="a", hashes=["a"]),
        case([""], "unknown", id="b", hashes=["b"]),
        **HARD,
    )
    assert [row["fork_advantage"] for row in got] == [[None], [None]]


def test_same_step_after_another_history_is_in_another_group(case, rows):
    got = rows(
        case(["", "2/8"], "unknown", id="s0", hashes=["a", "ax"]),
        case(["", "6/8"], "unknown", id="s1", hashes=["b", "bx"]),
        **HARD,
    )
    assert [row["fork_group"] for row in got] == [["p0", "a"], ["p0", "b"]]
    assert [row["fork_advantage"] for row in got] == [[None, None], [None, None]]


def test_first_steps_of_two_problems_are_not_compared(case, rows):
    got = rows(
        case(["2/8"], "unknown", id="s0", problem="p0", hashes=["a"]),
        case(["6/8"], "unknown", id="s1", problem="p1", hashes=["b"]),
        **HARD,
    )
    assert [row["fork_size"] for row in got] == [[1], [1]]
    assert [row["fork_advantage"] for row in got] == [[None], [None]]


def test_the_outcome_of_a_whole_solution_is_compared_too(case, rows):
    got = rows(
        case([""], "correct", id="s0", hashes=["a"]),
        case([""], "incorrect", id="s1", hashes=["b"]),
        **HARD,
    )
    assert [row["fork_advantage"] for row in got] == [[0.5], [-0.5]]


def test_without_hashes_nothing_is_known(row):
    got = row("2/8", "4/8", view="hard")
    assert got["fork_group"] == got["fork_size"] == got["fork_advantage"] == [None, None]


paths = st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=4), min_size=1, max_size=8)
measured = st.dictionaries(
    st.lists(st.integers(0, 2), min_size=1, max_size=4).map(tuple),
    st.sampled_from(["0/8", "1/3", "2/7", "8/8", "3/8", "1/2!"]),
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(paths=paths, measured=measured)
def test_over_the_known_prefixes_of_a_group_the_advantages_add_up_to_zero(
    case, rows, paths, measured
):
    cases = []
    for n, path in enumerate(paths):
        prefixes = [tuple(path[: m + 1]) for m in range(len(path))]
        counts = [measured.get(prefix, "") for prefix in prefixes]
        outcome = "correct" if sum(path) % 2 else "incorrect"
        cases.append(case(counts, outcome, id=f"s{n}", hashes=[str(p) for p in prefixes]))
    advantages = defaultdict(dict)
    for row in rows(*cases, view="hard"):
        for t, own in enumerate(row["prefix_hash"]):
            if row["value"][t] is not None:
                advantages[row["fork_group"][t]][own] = row["fork_advantage"][t]
    for group in advantages.values():
        if len(group) == 1:
            assert list(group.values()) == [None]
        else:
            assert sum(group.values()) == pytest.approx(0, abs=1e-12)


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(counts=st.lists(st.sampled_from(["1/3", "2/7", "3/8", "5/9", ""]), min_size=1, max_size=9))
def test_a_comparison_does_not_depend_on_the_order_of_rows(case, rows, counts):
    cases = [case([c], "unknown", id=f"s{n}", hashes=[f"h{n}"]) for n, c in enumerate(counts)]
    assert rows(*cases, **HARD) == rows(*cases[::-1], **HARD)[::-1]
