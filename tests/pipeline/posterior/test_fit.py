"""Learning: what is drawn from known parameters gives them back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pipeline.posterior.fit import _objective, fit, with_tables
from pipeline.posterior.observed import NONE, Observed, Signal
from pipeline.posterior.parameters import DEVIATIONS, MEANS, NORMAL, Parameters, start
from tests.pipeline.posterior.tiny import RIGHT, TABLES, UNKNOWN, WRONG, known, seen_of
from tests.pipeline.posterior.world import draw

TRUE = known(
    hazard=-1.5, spread=-0.3, repair=-2.0, luck=-2.0, agree_good=2.5, agree_wrong=1.2, harmless=-6.0
)


@pytest.fixture(scope="module")
def seen() -> Observed:
    return draw(TRUE, problems=150, solutions=4, steps=4, rollouts=16, seed=1)[0]


@pytest.fixture(scope="module")
def fitted(seen: Observed) -> Parameters:
    return fit(seen)


def test_the_rates_come_back(fitted: Parameters) -> None:
    """Each within what 600 solutions tell of it."""
    hazard = (fitted.hazard(own=True) @ fitted.weights).mean()
    assert hazard == pytest.approx((TRUE.hazard(own=True) @ NORMAL).mean(), abs=0.03)
    assert fitted.repair == pytest.approx(TRUE.repair, abs=0.06)
    assert fitted.luck == pytest.approx(TRUE.luck, abs=0.06)
    assert fitted["agree_good"] == pytest.approx(TRUE["agree_good"], abs=0.5)
    assert fitted["agree_wrong"] == pytest.approx(TRUE["agree_wrong"], abs=0.5)
    assert fitted["own"] == pytest.approx(0.0, abs=0.25)


def test_the_spread_of_difficulty_comes_back(fitted: Parameters) -> None:
    """As standard deviation of the hazard's logit over problems: scale and weights trade places."""
    x = np.exp(fitted["spread"]) * np.linspace(-2.5, 2.5, 11)
    mean = fitted.weights @ x
    deviation = np.sqrt(fitted.weights @ (x - mean) ** 2)
    assert deviation == pytest.approx(np.exp(-0.3), abs=0.2)


def test_the_tables_come_back(fitted: Parameters) -> None:
    np.testing.assert_allclose(fitted.tables["step"][:2], TABLES["step"][:2], atol=0.08)
    np.testing.assert_allclose(fitted.tables["step"][2], TABLES["step"][2], atol=0.15)
    np.testing.assert_allclose(fitted.tables["checker"], TABLES["checker"], atol=0.08)
    assert fitted.strength["checker"] in (1.0, 2.0, 4.0)


def test_what_was_learnt_is_more_probable_than_the_truth_and_the_start(
    seen: Observed, fitted: Parameters
) -> None:
    there, _ = _objective(seen, fitted)
    assert there < _objective(seen, replace(TRUE, vector=TRUE.vector))[0]
    assert there < _objective(seen, with_tables(seen, start()))[0]


def test_equal_evidence_gives_equal_parameters_bit_for_bit() -> None:
    first, again = (fit(draw(TRUE, 10, 2, 3, 4, seed=2)[0], rounds=2) for _ in "12")
    assert first.as_dict() == again.as_dict()


def test_no_evidence_gives_the_priors_means() -> None:
    fitted = fit(
        seen_of({"solutions": {"abc": UNKNOWN, "d": UNKNOWN}}, {"solutions": {"": UNKNOWN}})
    )
    np.testing.assert_allclose(fitted.vector, MEANS, atol=1e-6)
    np.testing.assert_allclose(fitted.weights, NORMAL, atol=1e-9)


def test_a_start_near_the_truth_ends_at_the_same_place(seen: Observed, fitted: Parameters) -> None:
    again = fit(seen, TRUE)
    assert (np.abs(again.vector - fitted.vector) / DEVIATIONS).max() < 0.5
    assert _objective(seen, again)[0] == pytest.approx(_objective(seen, fitted)[0], abs=0.02)


def test_a_category_that_was_never_seen_says_nothing(fitted: Parameters) -> None:
    """Errors are rarer than fine steps; a prior of as many observations for each would make
    whatever is new speak for errors."""
    seen, _ = draw(TRUE, problems=20, solutions=4, steps=4, rollouts=8, seed=3)
    wide = {"step": Signal(seen.signals["step"].category, of_step=True, size=5)}
    table = fit(replace(seen, signals=wide), rounds=1).tables["step"]
    np.testing.assert_allclose(table[:, 3], table[0, 3], rtol=1e-6)
    np.testing.assert_allclose(table.sum(axis=1), 1.0, atol=1e-12)


def test_a_signal_that_is_known_nowhere_has_a_flat_table() -> None:
    seen = seen_of({"solutions": {"ab": RIGHT, "c": WRONG}})
    assert (seen.signals["step"].category == NONE).all()
    np.testing.assert_allclose(fit(seen, rounds=1).tables["step"], np.full((3, 3), 1 / 3))
