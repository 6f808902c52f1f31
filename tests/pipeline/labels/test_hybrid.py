"""View `hybrid`: GroundedPRM's value of tool verdicts and outcome, with means for its sums."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

REFUTED, CONFIRMED, UNKNOWN = (0, 1), (1, 0), (0, 0)
NOTHING = ("", "")


def hybrid(rows, *cases, **more):
    return rows(*cases, view="hybrid", after_error="propagate", **more)


def test_value_by_hand(row):
    # V_1 = (1/1 * -1 + 1) / 2 = 0; V_0 = (1/4 * -1 + 1/2) / (3/4) = 1/3.
    # R_1 = 0; R_0 = (1/3 + 0.9 * 0) / 1.9.
    got = row(*NOTHING, outcome="correct", view="hybrid", tools={1: REFUTED})
    assert got["p_correct"] == pytest.approx([(1 / 3 / 1.9 + 1) / 2, 0.5])
    assert got["label"] == [1, None]


def test_outcome_alone_is_every_step_of_a_lone_solution(row):
    got = row("8/8", "0/8", outcome="correct", view="hybrid")
    assert (got["label"], got["p_correct"]) == ([1, 1], [1.0, 1.0])
    got = row("8/8", "0/8", outcome="incorrect", view="hybrid", after_error="propagate")
    assert (got["label"], got["p_correct"], got["first_error"]) == ([0, 0], [0.0, 0.0], 0)


def test_unknown_verdict_is_as_if_no_tool_had_looked(row):
    seen = {"view": "hybrid", "outcome": "correct"}
    asked = row(*NOTHING, **seen, tools={0: UNKNOWN, 1: REFUTED})
    silent = row(*NOTHING, **seen, tools={1: REFUTED})
    assert (asked["label"], asked["p_correct"]) == (silent["label"], silent["p_correct"])


@pytest.mark.parametrize("outcome", ["unknown", None])
def test_unknown_outcome_takes_no_part(row, outcome):
    got = row(*NOTHING, outcome=outcome, view="hybrid", tools={0: CONFIRMED})
    assert (got["label"], got["p_correct"]) == ([1, None], [1.0, None])


def test_nothing_known_is_null(row):
    got = row(*NOTHING, outcome="unknown", view="hybrid")
    assert (got["label"], got["p_correct"]) == ([None, None], [None, None])


def test_verdict_that_contradicts_the_sign_takes_the_label(row):
    got = row("", "", "", outcome="correct", view="hybrid", tools={1: REFUTED})
    assert got["label"] == [1, None, 1]
    assert got["p_correct"][1] is None
    assert got["first_error"] is None
    local = row(
        "", "", "", outcome="correct", view="hybrid", after_error="local", tools={1: REFUTED}
    )
    assert local["label"] == [1, 0, 1]


def test_shared_prefix_has_the_mean_of_its_samples(case, rows):
    got = hybrid(
        rows,
        case(NOTHING, "correct", id="a", hashes=["x", "xa"], draws=3),
        case(NOTHING, "incorrect", id="b", hashes=["x", "xb"], draws=1),
    )
    assert [one["p_correct"] for one in got] == [[0.75, 1.0], [0.75, 0.0]]
    assert [one["label"] for one in got] == [[1, 1], [1, 0]]


def test_even_shared_prefix_is_undecided(case, rows):
    got = hybrid(
        rows,
        case(NOTHING, "correct", id="a", hashes=["x", "xa"]),
        case(NOTHING, "incorrect", id="b", hashes=["x", "xb"]),
    )
    assert [one["label"] for one in got] == [[None, 1], [None, 0]]


def test_grown_solution_speaks_only_where_no_sample_does(case, rows):
    got = hybrid(
        rows,
        case(NOTHING, "correct", id="a", hashes=["x", "xa"]),
        case(NOTHING, "incorrect", id="b", hashes=["x", "xb"], draws=0, origin="tree"),
        case(NOTHING, "incorrect", id="c", hashes=["x", "xc"], draws=0, origin="tree"),
        case(NOTHING, "correct", id="d", hashes=["x", "xc"], draws=0, origin="tree"),
    )
    assert [one["p_correct"] for one in got] == [[1.0, 1.0], [1.0, 0.0], [1.0, 0.5], [1.0, 0.5]]


def test_sample_that_knows_nothing_leaves_the_word_to_others(case, rows):
    got = hybrid(
        rows,
        case(NOTHING, "unknown", id="a", hashes=["x", "xa"]),
        case(NOTHING, "correct", id="b", hashes=["x", "xb"], draws=0, origin="tree"),
    )
    assert [one["label"] for one in got] == [[1, None], [1, 1]]


def test_prefixes_that_are_not_known_are_not_shared(case, rows):
    got = hybrid(rows, case(NOTHING, "correct", id="a"), case(NOTHING, "incorrect", id="b"))
    assert [one["label"] for one in got] == [[1, 1], [0, 0]]


def written_out(verdicts: Sequence[int], final: int) -> list[float]:
    """R_t as the formula has it, NaN where nothing is known."""
    steps = len(verdicts)
    values = []
    for u in range(steps):
        n = steps - u
        weights = [(n - (j - u)) / n / n for j in range(u, steps)]
        said = sum(w * v for w, v in zip(weights, verdicts[u:], strict=True)) + final / n
        known = sum(w * abs(v) for w, v in zip(weights, verdicts[u:], strict=True))
        known += abs(final) / n
        values.append(said / known if known else np.nan)
    return [
        np.nansum([0.9 ** (u - t) * values[u] for u in range(t, steps)])
        / (sum(0.9 ** (u - t) for u in range(t, steps) if not np.isnan(values[u])) or np.nan)
        for t in range(steps)
    ]


verdicts = st.lists(st.sampled_from([-1, 0, 1]), min_size=1, max_size=12)


def measured(row, verdicts, outcome):
    tools = {t: REFUTED if v < 0 else CONFIRMED for t, v in enumerate(verdicts) if v}
    how = {"view": "hybrid", "after_error": "propagate", "outcome": outcome}
    return row(*[""] * len(verdicts), **how, tools=tools)


@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(verdicts=verdicts, outcome=st.sampled_from(["correct", "incorrect", "unknown"]))
def test_view_is_the_formula(row, verdicts, outcome):
    final = {"correct": 1, "incorrect": -1, "unknown": 0}[outcome]
    value = np.array(written_out(verdicts, final))
    value[np.array(verdicts) * value < -1e-9] = np.nan
    label = [
        None if np.isnan(v) or abs(v) < 1e-9 else int(v > 0)
        for v in value  # the first 0 rules what follows
    ]
    first = label.index(0) if 0 in label else len(label)
    got = measured(row, verdicts, outcome)
    assert got["label"] == label[: first + 1] + [0] * (len(label) - first - 1)
    p = [None if np.isnan(v) else pytest.approx((v + 1) / 2) for v in value]
    assert got["p_correct"] == p[: first + 1] + [0.0] * (len(p) - first - 1)


def test_last_steps_of_a_long_solution_are_as_exact_as_its_first(row):
    verdicts = [0] * 1500
    verdicts[-3] = -1
    got = measured(row, verdicts, "correct")
    expected = written_out(verdicts[-8:], 1)
    assert got["p_correct"][-8:-3] == pytest.approx([(v + 1) / 2 for v in expected[:5]], abs=1e-12)
    assert got["p_correct"][-3:] == [None, 1.0, 1.0]
