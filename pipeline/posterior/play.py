"""The search of many problems in step, against answers from elsewhere.

The same choices as annotators/search/posterior.py makes problem by problem, for simulations: a
problem is inferred anew only when something was drawn there, so most of the work goes where the
search is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from pipeline.labels.layout import Bools, Floats, Ints
from pipeline.posterior.choose import proposals
from pipeline.posterior.curves import curves
from pipeline.posterior.infer import infer
from pipeline.posterior.observed import Observed
from pipeline.posterior.parameters import Parameters

Answer = Callable[[Ints, Ints], Bools]


class Play:
    """`tokens`: of a rollout from each node; `most`: tokens that one problem may have. `answer`
    is asked for one rollout from each of some nodes, with how many each had before: which succeed.
    """

    def __init__(
        self,
        seen: Observed,
        parameters: Parameters,
        tokens: Floats,
        answer: Answer,
        most: float = float("inf"),
    ) -> None:
        self.correct, self.incorrect = seen.correct.copy(), seen.incorrect.copy()
        self._seen = replace(seen, whole=seen.rows)
        self._parameters = parameters
        self._tokens = tokens.copy()
        self._answer = answer
        self._most = most
        self._table = curves(seen.rows, parameters)
        self._of_problem = np.zeros(seen.forest.num_problems)
        # Of each solution, its best probe and what that tells a token.
        self._node = np.zeros(len(seen.forest.leaf), dtype=np.int64)
        self._rate = np.zeros(len(seen.forest.leaf))
        self._propose(np.ones(seen.forest.num_problems, dtype=np.bool_))

    @property
    def spent(self) -> float:
        return float(self._of_problem.sum())

    def advance(
        self,
        price: float,
        limit: float = float("inf"),
        waves: int | None = None,
        at_once: int = 1,
    ) -> float:
        """Search until nothing is worth the price, more than `limit` tokens are spent in all, or
        there were so many waves; the rate of the best probe that is left. `at_once`: rollouts from
        a chosen prefix in a wave."""
        owner = self._seen.forest.problem
        had = 0
        while True:
            best = float(self._rate.max(initial=0.0))
            if best < price or best <= 0 or self.spent > limit or had == waves:
                return best
            nodes = np.unique(self._node[self._rate >= price])
            over = self._of_problem[owner[nodes]] + at_once * self._tokens[nodes] > self._most
            self._tokens[nodes[over]] = np.inf  # as a search leaves what its allowance cannot buy
            touched = np.zeros(len(self._of_problem), dtype=np.bool_)
            touched[owner[nodes]] = True
            nodes = nodes[~over]
            np.add.at(self._of_problem, owner[nodes], at_once * self._tokens[nodes])
            for _ in range(at_once):
                right = self._answer(nodes, self.correct[nodes] + self.incorrect[nodes])
                self.correct[nodes] += right
                self.incorrect[nodes] += ~right
            self._propose(touched)
            had += 1

    def _propose(self, problems: Bools) -> None:
        seen = replace(self._seen, correct=self.correct, incorrect=self.incorrect)
        part, nodes, solutions = seen.part(problems)
        now = infer(part, self._parameters, table=self._table)
        node, rate = proposals(part, now, self._tokens[nodes])
        self._node[solutions], self._rate[solutions] = nodes[node], rate
