"""Fits on the benchmark's toy."""

from __future__ import annotations

import numpy as np
import pytest

from bench.quality_toy import Rates, Toy
from pipeline.posterior.fit import fit
from pipeline.posterior.read import read


def test_a_policy_that_errs_and_repairs_often_is_not_taken_for_one_that_always_errs() -> None:
    """From the priors' means alone this comes to a hazard of 0.67 and a repair of 0.35."""
    toy = Toy(Rates(0.3, 0.15, 0.1), 240, seed=7)
    evidence = toy.evidence(np.where(toy.left > 0, 3, 0))
    found = fit(read(toy.layout, toy.solutions, evidence, {}, True))
    assert (found.hazard(own=True) @ found.weights).mean() == pytest.approx(0.3, abs=0.05)
    assert found.repair == pytest.approx(0.15, abs=0.05)
