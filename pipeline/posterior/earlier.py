"""What rollouts of an earlier prover tell of the same prefixes under another one.

An error is an error whoever goes on from it, so what the earlier prover's rollouts say of a
prefix's state holds as it stands. Values are another matter. How hard a problem is for one prover
and for the other go together by `tie` (a correlation of standard scores). And where the earlier
prover succeeded more often, or less, than state and difficulty explain, `share` of these rollouts
count as if they were the new prover's. Both are learnt from the new prover's rollouts (fit.py): at
0 and 0 only the states are left, at 1 and 1 the two are one prover.

The solutions are the earlier run's: the chain of their errors is that of its parameters, with each
problem's difficulty averaged out. docs/relabel.md derives all of it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from pipeline.labels.layout import Bools, Floats, Ints
from pipeline.posterior.curves import LEAST, Curves
from pipeline.posterior.parameters import GRID, Parameters

TIES = (0.0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98)
SHARES = (0.0, 0.03, 0.06, 0.12, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class Earlier:
    """Of the nodes of a forest.

    `correct`, `incorrect`: rollouts and samples of the earlier prover that go on from each; roots
    excepted. `good`, `wrong`: (nodes,), log-likelihood of its rollouts in such a state. `hazard`:
    (nodes, 1), the chance that the step before errs. `difficulty`: (problems, grid), what is known
    of each problem's. `parameters`: the earlier prover's; `chain`: those of the first prover of
    all, whose run the solutions are of (`hazard` is its).
    """

    correct: Ints
    incorrect: Ints
    good: Floats
    wrong: Floats
    hazard: Floats
    difficulty: Floats
    parameters: Parameters
    chain: Parameters

    def part(self, problems: Bools, nodes: Ints) -> Earlier:
        """Of some problems, which have these nodes."""
        return replace(
            self,
            correct=self.correct[nodes],
            incorrect=self.incorrect[nodes],
            good=self.good[nodes],
            wrong=self.wrong[nodes],
            hazard=self.hazard[nodes],
            difficulty=self.difficulty[problems],
        )

    def prior(self, parameters: Parameters) -> Floats:
        """Of each problem's difficulty for the new prover: (problems, grid)."""
        tie = parameters.tie
        near = -((GRID[None, :] - tie * GRID[:, None]) ** 2) / (2 * (1 - tie**2)) + GRID**2 / 2
        chance = parameters.weights * np.exp(near - near.max(axis=1, keepdims=True))
        chance /= chance.sum(axis=1, keepdims=True)
        return np.asarray(self.difficulty @ chance)


@dataclass(frozen=True)
class Shapes:
    """a and b of the Beta that a prefix's value has in a state, before rollouts of the new prover:
    (keys, grid) each."""

    good: tuple[Floats, Floats]
    wrong: tuple[Floats, Floats]


def shapes(
    row: Ints, correct: Ints, incorrect: Ints, table: Curves, before: Curves | None, share: float
) -> Shapes:
    """Of keys: rows of the curves, and the earlier prover's counts there. `before`: its curves, on
    the same rows; None: there was none, and the counts are 0."""
    if before is None:
        return Shapes(
            _betas(table.good[row], table.worth_good[row]),
            _betas(table.wrong[row], table.worth_wrong[row]),
        )
    counts = (correct, incorrect, share)
    return Shapes(
        _carried(table.good[row], table.worth_good[row], before.good[row], *counts),
        _carried(table.wrong[row], table.worth_wrong[row], before.wrong[row], *counts),
    )


def _betas(value: Floats, worth: Floats) -> tuple[Floats, Floats]:
    value = np.clip(value, LEAST, 1 - LEAST)
    return value * worth, (1 - value) * worth


def _carried(
    value: Floats, worth: Floats, expected: Floats, correct: Ints, incorrect: Ints, share: float
) -> tuple[Floats, Floats]:
    """`expected`: the earlier prover's value; what it succeeded beyond that is carried over."""
    drawn = (correct + incorrect)[:, None]
    total = worth + share * drawn
    a = value * total + share * (correct[:, None] - drawn * expected)
    a = np.clip(a, LEAST * total, (1 - LEAST) * total)
    return a, total - a
