"""From a fusion and evidence to what is known of each step and solution."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from pipeline.labels import pieces
from pipeline.labels.layout import Floats
from pipeline.posterior.fit import with_tables
from pipeline.posterior.fused import Fused
from pipeline.posterior.fusion import Fusion
from pipeline.posterior.groups import groups_of
from pipeline.posterior.infer import infer
from pipeline.posterior.observed import FINE
from pipeline.posterior.parameters import Parameters
from pipeline.posterior.past import Past, observe
from pipeline.posterior.read import STEP_VALID
from pipeline.posterior.value import values

_NEVER = 1e-200  # a chance that nothing makes up for, and a number all the same


def fuse(
    fusion: Fusion,
    problems: pl.DataFrame,
    solutions: pl.DataFrame,
    evidence: pl.DataFrame,
    filtered: bool,
    mass: float,
    veto: Sequence[str] = (),
    past: Past | None = None,
) -> Fused:
    """`mass`: of the interval of the value. `veto`: annotators that never call a faultless step
    incorrect, whatever was learnt of them. `past`: earlier provers. All solutions of a problem must
    be in one call."""
    layout = pieces.layout(solutions)
    of_step = np.empty((5, layout.num_steps))
    of_solution = np.empty((3, layout.num_solutions))
    for name, part, inner, _, rows in groups_of(problems, solutions, layout):
        seen = observe(past, name, inner, part, evidence, fusion.edges, filtered, fusion.panel)
        parameters = _with_veto(with_tables(seen, fusion.parameters(name)), veto)
        posterior = infer(seen, parameters)
        node = seen.forest.step_node
        clean = np.clip(posterior.clean.sum(axis=1), 0.0, 1.0)
        before = clean[seen.forest.parent[node]]
        first = np.maximum(before - clean[node], 0.0)
        worth = values(seen, posterior, mass)
        steps = (
            np.flatnonzero(np.isin(layout.row, rows)) if len(rows) < len(solutions) else slice(None)
        )
        of_step[:, steps] = [
            clean[node],
            first,
            worth.mean[node],
            worth.low[node],
            worth.high[node],
        ]
        leaf = seen.forest.leaf
        none = clean[leaf]
        parts = _plogp(none) + np.bincount(
            inner.row, weights=_plogp(first), minlength=inner.num_solutions
        )
        of_solution[:, rows] = [none, worth.mean[seen.forest.problem[leaf]], parts]
    return Fused(*of_step, *of_solution)


def _with_veto(parameters: Parameters, annotators: Sequence[str]) -> Parameters:
    """Where one of these calls a step incorrect, the step errs or stands on an open error: no other
    evidence weighs against that."""
    tables = dict(parameters.tables)
    for name in annotators:
        key = f"{name}:{STEP_VALID}"
        if key in tables:
            table = tables[key].copy()
            table[FINE, 1] = _NEVER
            tables[key] = table / table.sum(axis=1, keepdims=True)
    return replace(parameters, tables=tables)


def _plogp(p: Floats) -> Floats:
    return np.asarray(-p * np.log2(np.maximum(p, 1e-300)))
