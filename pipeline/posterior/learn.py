"""From evidence to a fusion: parameters of everything, and of each group that is large enough."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import polars as pl

from pipeline.labels import pieces
from pipeline.labels.layout import Floats, Labels8, Layout
from pipeline.posterior.fit import contexts, fit
from pipeline.posterior.fusion import ALL, Fusion
from pipeline.posterior.groups import groups_of
from pipeline.posterior.observed import JUDGES, Observed
from pipeline.posterior.panel import shares_of
from pipeline.posterior.panel_learning import Learnt, Rates, learn_panel, table_near
from pipeline.posterior.parameters import Parameters
from pipeline.posterior.past import Past, observe
from pipeline.posterior.read import SAMPLED, known_truth, step_scores

BINS = 8  # of a score
LEAST_PROBLEMS = 30  # of a group, for parameters of its own


def learn(
    problems: pl.DataFrame,
    solutions: pl.DataFrame,
    evidence: pl.DataFrame,
    filtered: bool,
    truth: Labels8 | None = None,
    rates: Mapping[str, Rates] | None = None,
    past: Past | None = None,
) -> Fusion:
    """Fit everything, then each group that is large enough, from there. How judges are read is
    learnt last, from steps as everything else has them, and changes nothing else.

    `problems`: problem_id, domain. `truth`: of each step's prefix, where it is known. `rates`: of
    judges by name, from their admission tests. `past`: earlier provers.
    """
    layout = pieces.layout(solutions)
    edges = {}
    for name, scores in step_scores(solutions, evidence, layout).items():
        known = scores[np.isfinite(scores)]
        if len(known):
            edges[name] = np.unique(np.quantile(known, np.linspace(0, 1, BINS + 1)[1:-1]))
    whole = _observe(past, ALL, layout, solutions, evidence, edges, filtered, truth)
    everything = fit(whole)
    judges = _judges(evidence, solutions["solution_id"], layout, whole, everything, rates or {})
    groups = {ALL: everything if judges is None else _judging(everything, judges.table)}
    parts = list(groups_of(problems, solutions, layout, truth))
    for name, part, of_part, known_part, _ in parts:
        if len(parts) > 1 and part["problem_id"].n_unique() >= LEAST_PROBLEMS:
            seen = _observe(past, name, of_part, part, evidence, edges, filtered, known_part)
            groups[name] = fit(seen, everything)
            if judges is not None:
                shares = shares_of(evidence, part["solution_id"], of_part, seen.forest)
                signal = judges.panel.signal(shares, seen.signals[SAMPLED], seen.forest)
                near = table_near(judges.table, signal, contexts(seen, groups[name]))
                groups[name] = _judging(groups[name], near)
    return Fusion(groups, edges, None if judges is None else judges.panel)


def _judges(
    evidence: pl.DataFrame,
    ids: pl.Series,
    layout: Layout,
    seen: Observed,
    alone: Parameters,
    rates: Mapping[str, Rates],
) -> Learnt | None:
    """`alone`: fitted without judges."""
    shares = shares_of(evidence, ids, layout, seen.forest)
    if not shares:
        return None
    of_steps = contexts(seen, alone)
    return learn_panel(
        shares, seen.signals[SAMPLED], alone.tables[SAMPLED], seen.forest, of_steps, rates
    )


def _judging(parameters: Parameters, table: Floats) -> Parameters:
    return replace(parameters, tables={**parameters.tables, JUDGES: table})


def _observe(
    past: Past | None,
    group: str,
    layout: Layout,
    solutions: pl.DataFrame,
    evidence: pl.DataFrame,
    edges: Mapping[str, Floats],
    filtered: bool,
    truth: Labels8 | None,
) -> Observed:
    seen = observe(past, group, layout, solutions, evidence, edges, filtered)
    return seen if truth is None else replace(seen, truth=known_truth(truth, seen.forest))
