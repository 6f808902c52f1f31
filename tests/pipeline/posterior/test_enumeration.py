"""The posterior against the enumeration of every path, with every kind of evidence."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pipeline.posterior.choose import bits
from pipeline.posterior.curves import Rows, curves
from pipeline.posterior.fit import _objective, with_tables
from pipeline.posterior.infer import infer
from pipeline.posterior.parameters import GRID, NAMES, Parameters, start
from tests.pipeline.posterior.brute import Brute
from tests.pipeline.posterior.tiny import RIGHT, UNKNOWN, WRONG, known, seen_of

EVERYTHING: dict[str, Any] = {  # of one chain of four steps
    "solutions": {"abcd": WRONG},
    "counts": {"": (3, 5), "a": (4, 0), "abc": (1, 3)},
    "signals": {
        "step": {"a": 0, "abc": 2},
        "value": {"ab": 1, "abcd": 0},
    },
    "votes": {
        "checker": {"ab": (0, 2, 1), "abc": (3, 0, 0)},
        "judge": {"a": (2, 0, 0), "abcd": (0, 3, 1)},
    },
    "samples": 8,
    "repeats": (2, 1),
}

PROBLEMS: dict[str, dict[str, Any]] = {
    "nothing": {"solutions": {"ab": UNKNOWN}},
    "no step": {"solutions": {"": WRONG}},
    "one step": {"solutions": {"a": WRONG}, "signals": {"step": {"a": 1}}},
    "rollouts": {"solutions": {"abc": WRONG}, "counts": {"a": (5, 1), "ab": (0, 6)}},
    "rollouts of the problem alone": {"solutions": {"ab": RIGHT}, "counts": {"": (7, 2)}},
    "a filtered question": {"solutions": {"ab": RIGHT, "cd": WRONG}, "samples": 16},
    "repeats": {"solutions": {"ab": RIGHT, "cd": WRONG}, "repeats": (5, 1), "samples": 8},
    "signals of steps": {"solutions": {"abcd": WRONG}, "signals": {"step": {"ab": 0, "abc": 2}}},
    "signals of values": {"solutions": {"abc": UNKNOWN}, "signals": {"value": {"ab": 1}}},
    "votes on steps": {"solutions": {"abc": WRONG}, "votes": {"checker": {"ab": (1, 4, 2)}}},
    "votes on prefixes": {"solutions": {"abc": RIGHT}, "votes": {"judge": {"ab": (1, 4, 2)}}},
    "a wrong step that ends right": {"solutions": {"abc": RIGHT}, "truth": {"a": 1, "ab": 0}},
    "everything": EVERYTHING,
    "everything, and truth": EVERYTHING | {"truth": {"ab": 0}},
    "a tree": {
        "solutions": {"abc": WRONG, "abd": RIGHT, "ax": WRONG, "y": UNKNOWN},
        "counts": {"a": (3, 1), "ab": (2, 2), "": (4, 4)},
        "signals": {"step": {"a": 0, "ab": 1, "abd": 2, "y": 0}, "value": {"ax": 1}},
        "votes": {"checker": {"ab": (2, 0, 0), "y": (0, 0, 3)}, "judge": {"ab": (0, 1, 0)}},
        "truth": {"abc": 0},
        "samples": 4,
    },
    "one solution is another's beginning": {
        "solutions": {"ab": RIGHT, "abcd": WRONG},
        "counts": {"ab": (1, 1)},
    },
    "equal texts, other outcomes": {"solutions": {"ab": RIGHT, "a": WRONG}},
}

PARAMETERS = {
    "as assumed": known(),
    "often repaired": known(
        repair=0.5, harmless=-0.5, luck=-1.0, hazard=0.0, own=0.4, first=-1.0, last=0.7
    ),
    "hardly any error": known(hazard=-7.0, spread=0.5, agree_good=6.0, agree_wrong=-2.0, late=2.0),
}


@pytest.mark.parametrize("parameters", PARAMETERS.values(), ids=PARAMETERS.keys())
@pytest.mark.parametrize("problem", PROBLEMS.values(), ids=PROBLEMS.keys())
def test_infer_is_the_sum_over_all_paths(problem: dict[str, Any], parameters: Parameters) -> None:
    seen = seen_of(problem)
    got, expected = infer(seen, parameters), Brute(seen, parameters)
    for name in ("clean", "wrong", "repaired"):
        np.testing.assert_allclose(getattr(got, name), getattr(expected, name), atol=1e-9)
    np.testing.assert_allclose(got.difficulty[0], expected.difficulty, atol=1e-9)
    assert got.log_likelihood[0] == pytest.approx(expected.log, abs=1e-9)


def test_problems_are_inferred_side_by_side() -> None:
    seen = seen_of(*PROBLEMS.values())
    got = infer(seen, known())
    for number, problem in enumerate(PROBLEMS.values()):
        alone = infer(seen_of(problem), known())
        mine = seen.forest.problem == number
        np.testing.assert_allclose(got.clean[mine], alone.clean, atol=1e-12)
        np.testing.assert_allclose(got.difficulty[number], alone.difficulty[0], atol=1e-12)
        assert got.log_likelihood[number] == pytest.approx(alone.log_likelihood[0], abs=1e-11)


def test_what_fit_counts_are_the_moves_between_states() -> None:
    seen = seen_of(PROBLEMS["a tree"])
    got = infer(seen, known(), with_flows=True)
    flows, parent = got.flows, seen.forest.parent[1:]
    assert flows is not None
    bad, good = (
        flows.error - flows.harmless + flows.open,
        flows.fine + flows.harmless + flows.repair,
    )
    np.testing.assert_allclose(bad[1:], got.wrong[1:], atol=1e-12)
    np.testing.assert_allclose(good[1:], (got.clean + got.repaired)[1:], atol=1e-12)
    np.testing.assert_allclose((flows.open + flows.repair)[1:], got.wrong[parent], atol=1e-12)


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("length", [1, 2, 3, 6])
def test_curves_follow_their_recursion(length: int, own: bool) -> None:
    parameters = known(repair=-1.0, luck=-2.0, own=0.5, last=1.0, middle=-0.3)
    brute = Brute(seen_of({"solutions": {"a": WRONG}}), parameters)
    table = curves(Rows.of(np.array([length])), parameters, own)
    for point in range(len(GRID)):
        for kept in range(length + 1):
            for curve, good in ((table.good, True), (table.wrong, False)):
                value = brute.value(kept, length, point, good, own)
                assert curve[kept, point] == pytest.approx(value, abs=1e-12)


def test_without_repair_and_luck_a_value_is_the_chance_of_no_error() -> None:
    """Of three steps, one kept: two chances to go wrong, then the slip of the grader."""
    table = curves(
        Rows.of(np.array([3])), known(hazard=-2.0, repair=-40.0, luck=-40.0, harmless=-40.0)
    )
    h = 1 / (1 + np.exp(2.0 - np.exp(np.log(0.7)) * GRID))
    np.testing.assert_allclose(table.good[1], (1 - h) ** 2 * (1 - 0.003), atol=1e-12)
    np.testing.assert_allclose(table.wrong[1], 0.0, atol=1e-12)


def test_curves_of_several_lengths_stand_where_rows_say() -> None:
    rows = Rows.of(np.array([4, 2, 4]))
    table, alone = curves(rows, known()), curves(Rows.of(np.array([4])), known())
    at = rows.at(np.full(5, 4), np.arange(5))
    np.testing.assert_array_equal(table.good[at], alone.good)
    np.testing.assert_array_equal(table.wrong[at], alone.wrong)


@pytest.mark.parametrize("parameters", PARAMETERS.values(), ids=PARAMETERS.keys())
def test_the_gradient_is_that_of_the_objective(parameters: Parameters) -> None:
    seen = seen_of(*PROBLEMS.values())
    _, gradient = _objective(seen, parameters)
    for number, name in enumerate(NAMES):
        ends = []
        for sign in (1, -1):
            vector = parameters.vector.copy()
            vector[number] += sign * 1e-5
            ends.append(_objective(seen, parameters.moved(vector))[0])
        slope = (ends[0] - ends[1]) / 2e-5
        assert gradient[number] == pytest.approx(slope, abs=1e-6), name


def test_bits_are_the_mutual_information_of_an_error_and_the_next_outcome() -> None:
    """Directly: from the joint chances of the state, the difficulty and one more rollout."""
    problem = PROBLEMS["a tree"]
    seen = seen_of(problem)
    parameters = known(repair=-1.0, harmless=-1.5)
    got = bits(seen, infer(seen, parameters))
    brute = Brute(seen, parameters)
    for node in range(1, seen.forest.num_nodes):
        depth, length = int(seen.forest.depth[node]), int(seen.forest.length[node])
        counts = np.array([seen.correct[node], seen.incorrect[node]])
        joint = np.zeros((2, 2))  # (an error up to here, the next one is right)
        for point in range(len(GRID)):
            for state, mass in zip("cwr", (brute.clean, brute.wrong, brute.repaired), strict=True):
                value = brute.value(depth, length, point, state != "w")
                worth = brute.worth(depth, length, point, state != "w")
                right = (value * worth + counts[0]) / (worth + counts.sum())
                joint[int(state != "c")] += mass[node, point] * np.array([1 - right, right])
        apart = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)
        expected = (joint * np.log2(np.maximum(joint, 1e-300) / np.maximum(apart, 1e-300))).sum()
        assert got[node] == pytest.approx(expected, abs=1e-9)


def test_a_signal_that_nobody_learnt_says_nothing() -> None:
    problem = {"solutions": {"abc": WRONG}, "counts": {"a": (2, 1)}}
    plain = seen_of(problem)
    spoken = seen_of(problem | {"signals": {"step": {"ab": 2}, "value": {"abc": 1}}})
    parameters = start()
    tabled = with_tables(spoken, parameters)
    assert tabled.tables["step"].shape == (3, 3)
    assert tabled.tables["value"].shape == (2, 2)
    for said in (parameters, tabled):
        np.testing.assert_allclose(
            infer(spoken, said).clean, infer(plain, parameters).clean, atol=1e-12
        )
