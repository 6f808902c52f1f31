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
UNIT = 0.25  # of a rollout: keys with the same numbers are computed once
SHARES = (0.0, 0.03, 0.06, 0.12, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class Earlier:
    """Of the nodes of a forest.

    `drawn`: rollouts and samples of the earlier prover that go on from each, roots excepted;
    `over_good`, `over_wrong`: how many of them succeeded beyond what was to be expected in such a
    state, its difficulty averaged out, in units of `UNIT`. `good`, `wrong`: (nodes,),
    log-likelihood of its rollouts in such a state. `hazard`: (nodes, 1), the chance that the step
    before errs. `difficulty`: (problems, grid), what is known of each problem's. `parameters`: the
    earlier prover's; `chain`: those of the first prover of all, whose run the solutions are of
    (`hazard` is its).
    """

    drawn: Ints
    over_good: Ints
    over_wrong: Ints
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
            drawn=self.drawn[nodes],
            over_good=self.over_good[nodes],
            over_wrong=self.over_wrong[nodes],
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
    (keys, grid) each; of several parameters (several, keys, grid)."""

    good: tuple[Floats, Floats]
    wrong: tuple[Floats, Floats]


def shapes(places: Ints, table: Curves, share: float) -> Shapes:
    """`places`: (4, keys), row of the curves, and `drawn`, `over_good` and `over_wrong` of an
    earlier prover, 0 where there was none."""
    row, drawn, good, wrong = places
    return Shapes(
        _carried(table.good[..., row, :], table.worth_good[..., row, :], drawn, good, share),
        _carried(table.wrong[..., row, :], table.worth_wrong[..., row, :], drawn, wrong, share),
    )


def _carried(
    value: Floats, worth: Floats, drawn: Ints, over: Ints, share: float
) -> tuple[Floats, Floats]:
    value = np.clip(value, LEAST, 1 - LEAST)
    total = worth + share * drawn[:, None]
    a = value * total + share * UNIT * over[:, None]
    a = np.clip(a, LEAST * total, (1 - LEAST) * total)
    return a, total - a
