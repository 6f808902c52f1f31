"""The bound on tokens, by hand and against what cannot be."""

from __future__ import annotations

import numpy as np
import pytest

from bench.quality_bound import Bound, bound
from tests.pipeline.posterior.tiny import RIGHT, WRONG, known, seen_of


def two_prefixes() -> Bound:
    """One solution of 3 steps, 2 bits to learn: 1 bit at 0.1 bits a token, then 2 at 0.05."""
    return Bound(2.0, 1, 4.0, np.array([1.0, 2.0]), np.array([0.1, 0.05]))


def test_cheap_bits_are_bought_first() -> None:
    assert two_prefixes().tokens(1.0) == pytest.approx(1 / 0.1 + 1 / 0.05)


def test_fano_says_how_many_bits_an_accuracy_needs() -> None:
    unsure = 1 + 0.5 * np.log2(3)  # half of the places wrong, among four
    assert two_prefixes().tokens(0.5) == pytest.approx((2 - unsure) / 0.1)


def test_what_guessing_reaches_costs_nothing() -> None:
    assert two_prefixes().tokens(0.25) == 0.0


def test_more_than_all_prefixes_can_tell_is_out_of_reach() -> None:
    assert Bound(4.0, 1, 4.0, np.array([1.0]), np.array([0.1])).tokens(1.0) == np.inf


def test_a_forest_s_bits_are_those_of_its_open_errors() -> None:
    """A wrong answer with luck and repair at nearly 0: some step erred and the error is open."""
    problem = {"solutions": {"abc": WRONG, "abd": RIGHT}}
    seen, parameters = seen_of(problem), known(repair=-9.0, luck=-9.0, harmless=-9.0)
    tokens = np.full(seen.forest.num_nodes, np.inf)
    for depth, cost in ((1, 30.0), (2, 20.0)):
        tokens[seen.forest.depth == depth] = cost
    found = bound(seen, parameters, tokens)
    # The right solution shares two steps with the wrong one: the third is nearly sure to be wrong.
    assert found.solutions == 2
    assert found.entropy < 0.2
    assert found.places == 4.0
    assert (found.bits <= 2 + 1e-9).all()  # a bit a solution through the prefix, at most
    assert (np.diff(found.rate) <= 0).all()
    assert np.isfinite(found.rate).all()
