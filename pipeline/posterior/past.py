"""What a dataset's tables say of an earlier prover, read to what it tells of another (earlier.py).

Rows on prefix_value are a prover's own: its rollouts, and scores such as the log-probability of the
answer. What tools and judges said of the steps is anybody's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from pipeline.labels import pieces
from pipeline.labels.layout import Floats, Layout
from pipeline.posterior.earlier import Earlier
from pipeline.posterior.fit import with_tables
from pipeline.posterior.forest import Forest
from pipeline.posterior.fusion import Fusion
from pipeline.posterior.groups import groups_of
from pipeline.posterior.infer import infer
from pipeline.posterior.look_back import look_back, under
from pipeline.posterior.observed import Observed
from pipeline.posterior.panel import Panel
from pipeline.posterior.parameters import Parameters
from pipeline.posterior.read import read
from pipeline.posterior.value import values

OWN = "prefix_value"
_MASS = 0.9  # of intervals that nobody reads


@dataclass(frozen=True)
class Past:
    """An earlier prover of the same solutions. `evidence`: its own rows; `fusion`: what its labels
    went by; `before`: the prover before it."""

    prover: str
    fusion: Fusion
    evidence: pl.DataFrame
    before: Past | None = None

    @staticmethod
    def of_rows(provers: Sequence[Mapping[str, Any]], rows: pl.DataFrame) -> Past | None:
        """`provers`: the first one first, each with its sources and fitted parameters, as a
        manifest has them; `rows`: the evidence of all of them. Raises InputError."""
        past = None
        for one in provers:
            own = rows.filter(pl.col("source").is_in(list(one["sources"])))
            past = Past(one["prover"], Fusion.from_dict(one["fusion"]), own, past)
        return past


def observe(
    past: Past | None,
    group: str,
    layout: Layout,
    solutions: pl.DataFrame,
    evidence: pl.DataFrame,
    edges: Mapping[str, Floats],
    filtered: bool,
    panel: Panel | None = None,
) -> Observed:
    """As `read` gives it, with what earlier provers tell; `group`: whose parameters these had."""
    seen = read(layout, solutions, evidence, edges, filtered, panel)
    if past is None:
        return seen
    found = tells(past, group, layout, solutions, evidence, filtered)
    return under(seen, found, seen.correct, seen.incorrect)


def tells(
    past: Past,
    group: str,
    layout: Layout,
    solutions: pl.DataFrame,
    evidence: pl.DataFrame,
    filtered: bool,
) -> Earlier:
    """Of the nodes of the forest that `read` plants."""
    return look_back(*_then(past, group, layout, solutions, evidence, filtered))


def _then(
    past: Past,
    group: str,
    layout: Layout,
    solutions: pl.DataFrame,
    evidence: pl.DataFrame,
    filtered: bool,
) -> tuple[Observed, Parameters]:
    """What the earlier prover's labels rested on."""
    anybodys = evidence.filter(pl.col("target") != OWN)
    seen = observe(
        past.before,
        group,
        layout,
        solutions.with_columns(prover=pl.lit(past.prover)),
        pl.concat([anybodys, past.evidence.select(anybodys.columns)], how="vertical_relaxed"),
        past.fusion.edges,
        filtered,
        past.fusion.panel,
    )
    return seen, with_tables(seen, past.fusion.parameters(group))


@dataclass(frozen=True)
class Recalled:
    """`Earlier` of one problem, by step: whoever plants its solutions anew has nodes of their own.

    `steps` by solution: (7, steps), as `_FIELDS` has them. `difficulty`: (grid,).
    """

    steps: Mapping[str, Floats]
    difficulty: Floats
    parameters: Parameters
    chain: Parameters

    def of(self, names: list[str], forest: Forest) -> Earlier:
        """Of the nodes of a forest of these solutions of the problem, in this order."""
        drawn, over_good, over_wrong, good, wrong, hazard, _ = self._nodes(names, forest)
        return Earlier(
            drawn.astype(np.int64),
            over_good.astype(np.int64),
            over_wrong.astype(np.int64),
            good,
            wrong,
            hazard[:, None],
            self.difficulty[None, :],
            self.parameters,
            self.chain,
        )

    def values(self, names: list[str], forest: Forest) -> Floats:
        """Of the earlier prover, at the nodes; 0 at roots."""
        return np.asarray(self._nodes(names, forest)[-1])

    def _nodes(self, names: list[str], forest: Forest) -> Floats:
        nodes = np.zeros((len(_FIELDS), forest.num_nodes))
        nodes[:, forest.step_node] = np.concatenate([self.steps[name] for name in names], axis=1)
        return nodes


_FIELDS = ("drawn", "over_good", "over_wrong", "good", "wrong", "hazard", "value")


def recall(
    past: Past,
    problems: pl.DataFrame,
    solutions: pl.DataFrame,
    evidence: pl.DataFrame,
    filtered: bool,
) -> dict[str, Recalled]:
    """By problem. `problems`, `solutions`: as `learn` takes them."""
    found = {}
    layout = pieces.layout(solutions)
    for group, part, inner, _, _ in groups_of(problems, solutions, layout):
        seen, parameters = _then(past, group, inner, part, evidence, filtered)
        earlier = look_back(seen, parameters)
        node = seen.forest.step_node
        value = values(seen, infer(seen, parameters), _MASS).mean
        counts = (earlier.drawn, earlier.over_good, earlier.over_wrong)
        fields = [
            *(one.astype(float) for one in counts),
            earlier.good,
            earlier.wrong,
            earlier.hazard[:, 0],
            value,
        ]
        steps = np.stack([field[node] for field in fields])
        bounds = inner.offsets.tolist()
        by_problem: dict[str, dict[str, Floats]] = {}
        names = zip(part["problem_id"], part["solution_id"], strict=True)
        for row, (problem, name) in enumerate(names):
            by_problem.setdefault(problem, {})[name] = steps[:, bounds[row] : bounds[row + 1]]
        for number, (problem, of_solution) in enumerate(by_problem.items()):
            difficulty = earlier.difficulty[number]
            found[str(problem)] = Recalled(
                of_solution, difficulty, earlier.parameters, earlier.chain
            )
    return found
