"""A fitted posterior: the parameters of each domain and policy, and how evidence becomes labels.

fusion = learn(solutions, evidence, …)     once a run, or on a trusted slice
fused  = fuse(fusion, solutions, evidence, …)     any number of times: a pure function
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from pipeline.errors import InputError
from pipeline.labels import pieces
from pipeline.labels.layout import Floats, Ints, Labels8, Layout
from pipeline.posterior.fit import contexts, fit, with_tables
from pipeline.posterior.fused import Fused
from pipeline.posterior.infer import infer
from pipeline.posterior.observed import FINE, JUDGES, Observed
from pipeline.posterior.panel import Panel, shares_of
from pipeline.posterior.panel_learning import Learnt, Rates, learn_panel, table_near
from pipeline.posterior.parameters import Parameters, start
from pipeline.posterior.read import SAMPLED, STEP_VALID, known_truth, read, step_scores
from pipeline.posterior.value import values

ALL = "all"
BINS = 8  # of a score
LEAST_PROBLEMS = 30  # of a group, for parameters of its own
_NEVER = 1e-200  # a chance that nothing makes up for, and a number all the same


def group_name(domain: str | None, policy: str | None) -> str:
    return f"{domain or ''} {policy or ''}"


@dataclass(frozen=True)
class Fusion:
    """`groups` by "<domain> <policy>"; `ALL` serves every group that was too small or not seen."""

    groups: Mapping[str, Parameters]
    edges: Mapping[str, Floats]
    panel: Panel | None = None  # how judges' votes are read

    def parameters(self, group: str) -> Parameters:
        return self.groups.get(group, self.groups[ALL])

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "groups": {name: one.as_dict() for name, one in self.groups.items()},
            "edges": {name: list(map(float, bounds)) for name, bounds in self.edges.items()},
            "panel": self.panel and self.panel.as_dict(),
        }

    @staticmethod
    def from_dict(raw: Mapping[str, Any]) -> Fusion:
        """Raises InputError where another version wrote it."""
        try:
            return Fusion(
                {name: Parameters.from_dict(one) for name, one in raw["groups"].items()},
                {name: np.array(bounds) for name, bounds in raw["edges"].items()},
                Panel.from_dict(raw["panel"]) if raw.get("panel") else None,
            )
        except KeyError as error:
            raise InputError(
                f"the posterior of this dataset (in its manifest and in work/posterior) was learnt "
                f"by another version of Stepsmith: it lacks {error}. Read it with that version, or "
                f"label the problems again with another --out"
            ) from error


PRIOR = Fusion({ALL: start()}, {})  # nothing learnt


def learn(
    problems: pl.DataFrame,
    solutions: pl.DataFrame,
    evidence: pl.DataFrame,
    filtered: bool,
    truth: Labels8 | None = None,
    rates: Mapping[str, Rates] | None = None,
) -> Fusion:
    """Fit everything, then each group that is large enough, from there. How judges are read is
    learnt last, from steps as everything else has them, and changes nothing else.

    `problems`: problem_id, domain. `truth`: of each step's prefix, where it is known. `rates`: of
    judges by name, from their admission tests.
    """
    layout = pieces.layout(solutions)
    edges = {}
    for name, scores in step_scores(solutions, evidence, layout).items():
        known = scores[np.isfinite(scores)]
        if len(known):
            edges[name] = np.unique(np.quantile(known, np.linspace(0, 1, BINS + 1)[1:-1]))
    whole = _observe(layout, solutions, evidence, edges, filtered, truth)
    everything = fit(whole)
    judges = _judges(evidence, solutions["solution_id"], layout, whole, everything, rates or {})
    groups = {ALL: everything if judges is None else _judging(everything, judges.table)}
    parts = list(groups_of(problems, solutions, layout, truth))
    for name, part, of_part, known_part, _ in parts:
        if len(parts) > 1 and part["problem_id"].n_unique() >= LEAST_PROBLEMS:
            seen = _observe(of_part, part, evidence, edges, filtered, known_part)
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


def fuse(
    fusion: Fusion,
    problems: pl.DataFrame,
    solutions: pl.DataFrame,
    evidence: pl.DataFrame,
    filtered: bool,
    mass: float,
    veto: Sequence[str] = (),
) -> Fused:
    """`mass`: of the interval of the value. `veto`: annotators that never call a faultless step
    incorrect, whatever was learnt of them. All solutions of a problem must be in one call."""
    layout = pieces.layout(solutions)
    of_step = np.empty((5, layout.num_steps))
    of_solution = np.empty((3, layout.num_solutions))
    for name, part, inner, _, rows in groups_of(problems, solutions, layout):
        seen = read(inner, part, evidence, fusion.edges, filtered, fusion.panel)
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


def _observe(
    layout: Layout,
    solutions: pl.DataFrame,
    evidence: pl.DataFrame,
    edges: Mapping[str, Floats],
    filtered: bool,
    truth: Labels8 | None,
) -> Observed:
    seen = read(layout, solutions, evidence, edges, filtered)
    return seen if truth is None else replace(seen, truth=known_truth(truth, seen.forest))


def groups_of(
    problems: pl.DataFrame,
    solutions: pl.DataFrame,
    layout: Layout,
    truth: Labels8 | None = None,
) -> Iterator[tuple[str, pl.DataFrame, Layout, Labels8 | None, Ints]]:
    """(name, its solutions, their layout, their truth, their rows); problems stay whole."""
    domain = problems.select("problem_id", "domain").unique("problem_id")
    policy = solutions.group_by("problem_id").agg(pl.col("policy").min())
    key = pl.concat_str(
        pl.col("domain").fill_null(""), pl.col("policy").fill_null(""), separator=" "
    )
    name = (
        solutions.select("problem_id")
        .join(domain, on="problem_id", how="left", maintain_order="left")
        .join(policy, on="problem_id", how="left", maintain_order="left")
        .select(name=key)["name"]
    )
    kinds = name.unique().sort()
    if len(kinds) == 1:
        yield kinds[0], solutions, layout, truth, np.arange(len(solutions))
        return
    for one in kinds:
        mask = (name == one).to_numpy()
        part = solutions.filter(pl.Series(mask))
        inner = Layout.of_lengths(layout.lengths[mask])
        known = None if truth is None else truth[mask[layout.row]]
        yield one, part, inner, known, np.flatnonzero(mask)


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
