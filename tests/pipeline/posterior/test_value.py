"""The value of a prefix: a mixture of Betas, its mean and its interval."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import betainc

from pipeline.posterior.infer import infer
from pipeline.posterior.value import VALUES, values
from tests.pipeline.posterior.brute import Brute
from tests.pipeline.posterior.tiny import RIGHT, WRONG, known, node_of, seen_of

COUNTS = [(0, 0), (1, 0), (0, 1), (3, 2), (0, 16), (16, 0), (40, 40), (1_000_000, 3)]


@pytest.mark.parametrize("counts", COUNTS)
@pytest.mark.parametrize("mass", [0.5, 0.9])
def test_the_interval_holds_its_mass_and_is_rounded_outward(
    counts: tuple[int, int], mass: float
) -> None:
    problem = {"solutions": {"abc": WRONG, "abd": RIGHT}, "counts": {"ab": counts, "a": (2, 2)}}
    seen, parameters = seen_of(problem), known()
    brute, node = Brute(seen, parameters), node_of(problem, "ab")
    got = values(seen, infer(seen, parameters), mass)
    mean, below = 0.0, np.zeros(len(VALUES))
    for point in range(11):
        for state, weights in zip("cwr", (brute.clean, brute.wrong, brute.repaired), strict=True):
            value = min(max(brute.value(2, 3, point, state != "w"), 1e-4), 1 - 1e-4)
            worth = brute.worth(2, 3, point, state != "w")
            a, b = value * worth + counts[0], (1 - value) * worth + counts[1]
            mean += weights[node, point] * a / (a + b)
            below += weights[node, point] * betainc(a, b, VALUES)
    assert got.mean[node] == pytest.approx(mean, abs=1e-9)
    tail = (1 - mass) / 2
    low = VALUES[below <= tail].max()
    high = VALUES[below >= 1 - tail].min()
    # To two decimals, outward, with the mean inside.
    assert got.low[node] == pytest.approx(min(np.floor(100 * low) / 100, mean), abs=1e-9)
    assert got.high[node] == pytest.approx(max(np.ceil(100 * high) / 100, mean), abs=1e-9)


def test_samples_through_a_prefix_are_rollouts_of_its_value_and_of_nothing_else() -> None:
    problem = {"solutions": {"abc": WRONG, "abd": RIGHT}, "counts": {"ab": (3, 2)}}
    seen, node = seen_of(problem), node_of(problem, "ab")
    samples = np.zeros((seen.forest.num_nodes, 2), dtype=np.int64)
    samples[node] = (4, 1)
    posterior = infer(seen, known())
    got = values(replace(seen, continued=samples), posterior, 0.9)
    counts = seen.correct.copy(), seen.incorrect.copy()
    counts[0][node], counts[1][node] = 7, 3
    same = values(replace(seen, correct=counts[0], incorrect=counts[1]), posterior, 0.9)
    assert got.mean[node] == same.mean[node] > values(seen, posterior, 0.9).mean[node]
    assert (got.low[node], got.high[node]) == (same.low[node], same.high[node])


def test_equal_counts_at_equal_places_have_equal_values() -> None:
    """Whatever else is in the call."""
    problem = {"solutions": {"abc": WRONG}, "counts": {"a": (5, 1), "ab": (0, 3)}}
    other = {"solutions": {"xyz": RIGHT, "xy": WRONG}, "counts": {"x": (70, 9), "xy": (2, 2)}}
    alone = values(seen_of(problem), infer(seen_of(problem), known()), 0.9)
    beside = seen_of(problem, other)
    together = values(beside, infer(beside, known()), 0.9)
    mine = beside.forest.problem == 0
    for name in ("mean", "low", "high"):
        np.testing.assert_allclose(getattr(together, name)[mine], getattr(alone, name), atol=1e-12)
