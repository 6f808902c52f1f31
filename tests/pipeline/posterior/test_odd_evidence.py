"""Evidence that contradicts itself, is missing, or is huge: finite numbers in their ranges."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logsumexp

from pipeline.posterior import likelihood
from pipeline.posterior.choose import bits, choose
from pipeline.posterior.curves import curves
from pipeline.posterior.fit import fit
from pipeline.posterior.infer import infer
from pipeline.posterior.observed import Observed
from pipeline.posterior.parameters import MEANS, NORMAL, Parameters, position_bin, start
from pipeline.posterior.value import values
from tests.pipeline.posterior.tiny import RIGHT, UNKNOWN, WRONG, known, seen_of

MILLION = 1_000_000
LONG = "".join(chr(0x100 + n) for n in range(500))

ODD: dict[str, dict[str, Any]] = {
    "a problem without a solution": {"solutions": {}},
    "a solution without steps": {"solutions": {"": RIGHT}},
    "right and wrong without steps": {"solutions": {"": RIGHT}, "counts": {"": (0, 9)}},
    "one step": {"solutions": {"a": WRONG}},
    "all unknown": {"solutions": {"abc": UNKNOWN, "xyz": UNKNOWN}},
    "right, but the end is not": {"solutions": {"abc": RIGHT}, "truth": {"abc": 0}},
    "wrong, but the end is clean": {"solutions": {"abc": WRONG}, "truth": {"abc": 1}},
    "clean after what is not": {"solutions": {"abcd": WRONG}, "truth": {"ab": 0, "abc": 1}},
    "right from where all failed": {"solutions": {"abc": RIGHT}, "counts": {"abc": (0, MILLION)}},
    "a million each way": {
        "solutions": {"abcd": WRONG},
        "counts": {"a": (0, MILLION), "ab": (MILLION, 0), "abc": (0, MILLION)},
    },
    "a million votes against a million": {
        "solutions": {"abcd": RIGHT},
        "votes": {
            "checker": {"ab": (0, MILLION, 0), "abc": (MILLION, 0, 0)},
            "judge": {"a": (0, MILLION, 0), "abcd": (MILLION, 0, 0)},
        },
        "truth": {"ab": 1},
    },
    "millions of rollouts and repeats of the problem": {
        "solutions": {"ab": RIGHT},
        "counts": {"": (MILLION, 0)},
        "repeats": (0, MILLION),
        "samples": MILLION,
    },
    "five hundred steps": {"solutions": {LONG: WRONG}, "counts": {LONG[:499]: (9, 0)}},
    "five hundred failures in a row": {
        "solutions": {LONG: RIGHT},
        "counts": {LONG[:m]: (0, 64) for m in range(1, 500)},
        "votes": {"checker": {LONG[:m]: (0, 50, 0) for m in range(1, 500)}},
    },
}
EXTREME = {
    "as assumed": known(),
    "certain of everything": known(
        agree_good=12.0, agree_wrong=10.0, repair=-12.0, harmless=-13.0, luck=-12.0
    ),
    "at the lowest": known(hazard=-11.0, spread=-6.0, repair=-12.0, luck=-12.0, agree_good=-6.0),
    "at the highest": known(
        harmless=4.0, hazard=6.0, spread=5.6, repair=5.0, luck=5.0, first=3.0, own=1.8
    ),
}


def assert_sound(seen: Observed, parameters: Parameters) -> None:
    got = infer(seen, parameters, with_flows=True)
    forest = seen.forest
    assert np.isfinite(got.log_likelihood).all()
    np.testing.assert_allclose(got.difficulty.sum(axis=1), 1.0, atol=1e-12)
    for state in (got.clean, got.wrong, got.repaired):
        assert (state >= 0).all()
    np.testing.assert_allclose(
        got.clean + got.wrong + got.repaired, got.difficulty[forest.problem], atol=1e-9
    )
    inner = np.flatnonzero(forest.parent >= 0)
    clean = got.clean.sum(axis=1)
    assert (clean[inner] <= clean[forest.parent[inner]]).all()
    worth = values(seen, got, 0.9)
    for end in (worth.low, worth.mean, worth.high):
        assert ((end >= 0) & (end <= 1 + 1e-12)).all()
    assert (worth.low <= worth.high).all()
    assert (bits(seen, got) >= 0).all()
    assert np.isfinite(bits(seen, got)).all()


@pytest.mark.parametrize("parameters", EXTREME.values(), ids=EXTREME.keys())
@pytest.mark.parametrize("problem", ODD.values(), ids=ODD.keys())
def test_numbers_stay_finite_and_in_their_ranges(
    problem: dict[str, Any], parameters: Parameters
) -> None:
    assert_sound(seen_of(problem), parameters)


def test_odd_problems_side_by_side() -> None:
    assert_sound(seen_of(*ODD.values()), known())


def test_fit_survives_them_all() -> None:
    short = [one for one in ODD.values() if LONG not in one["solutions"]]
    fitted = fit(seen_of(*short), rounds=2)
    assert np.isfinite(fitted.vector).all()
    assert all(np.isfinite(table).all() for table in fitted.tables.values())
    assert_sound(seen_of(*ODD.values()), fitted)


def test_fit_of_no_problem_is_the_priors_means() -> None:
    fitted = fit(seen_of())
    np.testing.assert_array_equal(fitted.vector, MEANS)
    np.testing.assert_array_equal(fitted.weights, NORMAL)


def test_no_problem_at_all() -> None:
    seen = seen_of()
    got = infer(seen, start(), with_flows=True)
    assert got.clean.shape == (0, 11)
    nodes = choose(seen, got, np.zeros(0), 0.1)
    assert nodes.tolist() == []


def test_without_evidence_each_step_errs_by_its_hazard() -> None:
    parameters = known(spread=-6.0)  # all problems alike
    got = infer(seen_of({"solutions": {"ab": UNKNOWN}}), parameters)
    h = float(expit(parameters["hazard"]))
    clean = got.clean.sum(axis=1)
    assert clean.tolist() == pytest.approx([1, 1 - h, (1 - h) ** 2], abs=1e-4)


def test_a_long_chain_does_not_underflow() -> None:
    """Five hundred steps, each with failures and flags: as in logarithms."""
    problem = ODD["five hundred failures in a row"] | {"solutions": {LONG: UNKNOWN}}
    seen, parameters = seen_of(problem), known()
    got = infer(seen, parameters)
    expected = _log_chain(seen, parameters)
    assert got.log_likelihood[0] == pytest.approx(expected, rel=1e-11)


def _log_chain(seen: Observed, parameters: Parameters) -> float:
    """Forward in logarithms: over one solution, one point after the other."""
    forest = seen.forest
    table = curves(seen.rows, parameters)
    goods, wrongs = likelihood.of_keys(seen.measured, seen.shapes_of(table, parameters))
    key = dict(zip(seen.measured.node.tolist(), seen.measured.key.tolist(), strict=True))
    hazard = parameters.hazard(own=True)[position_bin(forest.depth, forest.length)]
    r, q = parameters.repair, parameters.harmless
    never = np.full(hazard.shape[1], -np.inf)
    at = [np.zeros(hazard.shape[1]), never, never]  # clean, wrong, repaired
    for node in range(1, forest.num_nodes):
        votes = seen.votes["checker"].counts[node][None, :]
        error, fine, stands = (
            likelihood.log_votes(votes, mean, 2.0)[0] if votes.any() else 0.0
            for mean in parameters.tables["checker"]
        )
        errs, goes_on = np.log(hazard[node]) + error, np.log1p(-hazard[node]) + fine
        good = np.logaddexp(at[0], at[2])
        at = [
            at[0] + goes_on,
            np.logaddexp(good + errs + np.log(1 - q), at[1] + np.log(1 - r) + stands),
            logsumexp([at[2] + goes_on, good + errs + np.log(q), at[1] + np.log(r) + fine], axis=0),
        ]
        if node in key:
            at = [at[0] + goods[key[node]], at[1] + wrongs[key[node]], at[2] + goods[key[node]]]
    return float(logsumexp(np.log(parameters.weights) + logsumexp(at, axis=0)))


def test_a_thousand_wrong_solutions_of_one_problem_do_not_underflow() -> None:
    """Given the difficulty they are independent, so their likelihoods multiply."""
    names = {chr(0x100 + n): WRONG for n in range(1000)}
    parameters = known(luck=-9.0)
    got = infer(seen_of({"solutions": names}), parameters)
    one = infer(seen_of({"solutions": {"a": WRONG}}), parameters)
    each = np.log(one.difficulty[0]) + one.log_likelihood[0] - np.log(parameters.weights)
    expected = np.log(parameters.weights) + 1000 * each
    assert got.log_likelihood[0] == pytest.approx(logsumexp(expected), abs=1e-6)
    np.testing.assert_allclose(got.difficulty[0], np.exp(expected - logsumexp(expected)), atol=1e-9)


# any evidence

texts = st.lists(st.text("ab", max_size=4), min_size=1, max_size=4, unique=True)
number = st.sampled_from([0, 1, 3, 64, MILLION])


@st.composite
def problems(draw: st.DrawFn) -> dict[str, Any]:
    names = draw(texts)
    prefixes = sorted({name[:m] for name in names for m in range(1, len(name) + 1)})

    def some(of: st.SearchStrategy[Any]) -> dict[str, Any]:
        if not prefixes:
            return {}
        return draw(st.dictionaries(st.sampled_from(prefixes), of, max_size=3))

    return {
        "solutions": {name: draw(st.sampled_from([RIGHT, WRONG, UNKNOWN])) for name in names},
        "counts": some(st.tuples(number, number)),
        "truth": some(st.integers(0, 1)),
        "signals": {"step": some(st.integers(0, 2)), "value": some(st.integers(0, 1))},
        "votes": {
            "checker": some(st.tuples(number, number, number)),
            "judge": some(st.tuples(number, number, number)),
        },
        "samples": draw(st.sampled_from([0, 2, 8])),
        "repeats": draw(st.tuples(number, number)),
    }


@settings(max_examples=100, deadline=None)
@given(problem=problems(), parameters=st.sampled_from(list(EXTREME.values())))
def test_any_evidence_gives_sound_numbers(problem: dict[str, Any], parameters: Parameters) -> None:
    assert_sound(seen_of(problem), parameters)
