"""The global parameters of the posterior: what is learnt once for a domain and a policy.

docs/labels.md derives each of them. Difficulty is a standard score on `GRID`; a problem of score x
has the hazard logit^-1(hazard + spread * x + position[bin]) for each step.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from scipy.special import expit, logit

from pipeline.labels.layout import Floats, Ints

GRID = np.linspace(-2.5, 2.5, 11)
NORMAL = np.exp(-0.5 * GRID**2) / np.exp(-0.5 * GRID**2).sum()
POSITIONS = ("first", "early", "middle", "late", "last")
_RARE = 1e-9  # a hazard is never 0 nor 1
SLIP = 0.003  # a faultless solution whose answer is graded wrong all the same


@dataclass(frozen=True)
class Parameters:
    """`vector` holds the continuous ones, unbounded, in the order of `NAMES`."""

    vector: Floats
    weights: Floats = field(default_factory=lambda: NORMAL.copy())  # of the grid's points
    tables: Mapping[str, Floats] = field(default_factory=dict)  # (contexts, categories) a signal
    strength: Mapping[str, float] = field(
        default_factory=dict
    )  # of votes: prior votes they are worth
    # Of what an earlier prover's rollouts say (earlier.py), where there are some.
    tie: float = 0.9
    share: float = 0.25

    def __getitem__(self, name: str) -> float:
        return float(self.vector[NAMES.index(name)])

    @property
    def repair(self) -> float:
        """P(a step after an error returns to the true state of affairs)."""
        return float(expit(self["repair"]))

    @property
    def harmless(self) -> float:
        """P(an error changes nothing of the value | an error)."""
        return float(expit(self["harmless"]))

    @property
    def luck(self) -> float:
        """P(right answer | the solution ends in the wrong state)."""
        return float(expit(self["luck"]))

    def hazard(self, own: bool) -> Floats:
        """P(error | no open error) by position bin and grid point; `own`: of the solutions
        themselves, not of rollouts."""
        shift = self["own"] if own else 0.0
        base = self["hazard"] + np.exp(self["spread"]) * GRID + shift
        position = self.vector[NAMES.index("first") : NAMES.index("last") + 1]
        return np.asarray(np.clip(expit(base[None, :] + position[:, None]), _RARE, 1 - _RARE))

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "vector": dict(zip(NAMES, map(float, self.vector), strict=True)),
            "weights": self.weights.tolist(),
            "tables": {name: table.tolist() for name, table in self.tables.items()},
            "strength": dict(self.strength),
            "tie": self.tie,
            "share": self.share,
        }

    @staticmethod
    def from_dict(raw: Mapping[str, Any]) -> Parameters:
        return Parameters(
            np.array([raw["vector"][name] for name in NAMES]),
            np.array(raw["weights"]),
            {name: np.array(table) for name, table in raw["tables"].items()},
            {name: float(value) for name, value in raw["strength"].items()},
            float(raw.get("tie", Parameters.tie)),  # not in those of the first versions
            float(raw.get("share", Parameters.share)),
        )

    def moved(self, vector: Floats) -> Parameters:
        return replace(self, vector=vector)


# Name: prior mean, prior standard deviation, on the scale of the vector.
PRIORS: dict[str, tuple[float, float]] = {
    "hazard": (float(logit(0.1)), 1.5),
    "spread": (float(np.log(0.7)), 1.0),  # log
    "first": (0.0, 0.5),
    "early": (0.0, 0.5),
    "middle": (0.0, 0.5),
    "late": (0.0, 0.5),
    "last": (0.0, 0.5),
    "repair": (float(logit(0.03)), 1.5),
    "harmless": (float(logit(0.01)), 1.5),
    "luck": (float(logit(0.03)), 1.5),
    "agree_good": (float(np.log(8.0)), 1.5),  # log of the votes that a mean is worth
    "agree_wrong": (float(np.log(5.0)), 1.5),
    "own": (0.0, 0.5),  # 0 where solutions and rollouts are one policy's
}
NAMES = tuple(PRIORS)
MEANS = np.array([mean for mean, _ in PRIORS.values()])
DEVIATIONS = np.array([deviation for _, deviation in PRIORS.values()])
# Some have ends of their own. Rollouts cannot tell a harmless error from none: only signals of the
# step can, and these have other causes too, so what they say is held back. And a chain that mixes
# fast (most steps err, most errors are repaired at once) fits almost anything: it is ruled out.
_ENDS = {
    "harmless": (float(logit(0.002)), float(logit(0.1))),
    "hazard": (float(logit(1e-4)), float(logit(0.6))),
    "repair": (float(logit(1e-6)), float(logit(0.35))),
    "luck": (float(logit(1e-6)), float(logit(0.35))),
}


def bounds(one_policy: bool) -> list[tuple[float, float]]:
    """Ends of the vector. `one_policy`: solutions and rollouts are of the same, so `own` is 0:
    free, it would take up what the model lacks elsewhere, and bias every value."""
    ends = _ENDS | ({"own": (0.0, 0.0)} if one_policy else {})
    return [
        ends.get(name, (mean - 6 * deviation, mean + 6 * deviation))
        for name, (mean, deviation) in PRIORS.items()
    ]


def start() -> Parameters:
    """Nothing learnt yet."""
    return Parameters(MEANS.copy())


def starts() -> list[Parameters]:
    """Where fits begin: the priors' means, and a policy that errs and repairs often. From the means
    alone such a policy was taken for one that errs at nearly every step, 260 nats worse."""
    often = MEANS.copy()
    for name, rate in (("hazard", 0.3), ("repair", 0.15), ("luck", 0.1)):
        often[NAMES.index(name)] = logit(rate)
    return [start(), Parameters(often)]


def position_bin(step: Ints, length: Ints) -> Ints:
    """Bin of the step-th step (1-based) of a solution of `length` steps."""
    third = np.minimum(3 * (step - 1) // np.maximum(length, 1), 2)
    return np.where(step >= length, 4, np.where(step <= 1, 0, 1 + third))
