"""Labels from stored evidence: one published row for each solution, without a model or a GPU.

Guarantees: a pure function; one row a solution, in the order of `solutions`, with exactly the
schema LABELS; undefined is null, never NaN and never zero; unknown outcomes count for nothing;
no Python loop over steps or solutions, and memory that is flat from shard to shard. All
solutions of a problem must be in one call: its pass rate and its forks are taken over them. A
label speaks of one step: what lies inside an edge of several steps, measured at its end alone,
has no value. Does not buy or grade anything, and does not repair evidence.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import polars as pl
import pyarrow as pa

from pipeline import recipe
from pipeline.labels import after_error
from pipeline.labels.aggregates import aggregate
from pipeline.labels.common import Common, Provenance
from pipeline.labels.counts import jeffreys
from pipeline.labels.gain import no_gain, saturation
from pipeline.labels.keep import keep_reasons
from pipeline.labels.layout import NULL, Floats, floats, labels
from pipeline.labels.shard import Shard, View
from pipeline.labels.views import VIEWS
from pipeline.posterior.choose import entropy
from pipeline.posterior.fuse import fuse
from pipeline.posterior.fused import Fused
from pipeline.posterior.fusion import PRIOR, Fusion
from pipeline.posterior.past import Past
from pipeline.schemas import LABELS

__all__ = ["Provenance", "derive", "derive_views"]


def derive(
    problems: pl.DataFrame,
    solutions: pl.DataFrame,
    evidence: pl.DataFrame,
    settings: recipe.Labels,
    questions: recipe.Questions,
    k: int,
    provenance: Provenance,
    tree: pl.DataFrame | None = None,
    fusion: Fusion | None = None,
    past: Past | None = None,
) -> pa.Table:
    """Label a shard. `solutions` may carry `prefix_hashes: list<string>`, `problems` may carry
    `question_reason: string`; `tree` has the rows of schema TREE, where a tree was built;
    `fusion` is what view `posterior` goes by; None: nothing was learnt; `past`: what it knows of
    earlier provers."""
    (table,) = derive_views(
        problems, solutions, evidence, [settings], questions, k, provenance, tree, fusion, past
    )
    return table


def derive_views(
    problems: pl.DataFrame,
    solutions: pl.DataFrame,
    evidence: pl.DataFrame,
    views: Sequence[recipe.Labels],
    questions: recipe.Questions,
    k: int,
    provenance: Provenance,
    tree: pl.DataFrame | None = None,
    fusion: Fusion | None = None,
    past: Past | None = None,
) -> Iterator[pa.Table]:
    """One table for each of `views`, as `derive` gives them; what they share is read once."""
    common = Common.read(problems, solutions, evidence, questions, k, provenance, tree)
    for settings in views:
        shard = common.shard
        if settings.view == "posterior":
            named = solutions.with_columns(prover=pl.lit(provenance.prover))
            fused = fuse(
                fusion or PRIOR,
                problems,
                named,
                evidence,
                questions.filtered,
                settings.interval,
                settings.veto,
                past,
            )
            shard = replace(shard, fused=fused)
        yield _label(common, shard, settings)


def _label(common: Common, shard: Shard, settings: recipe.Labels) -> pa.Table:
    layout, tools = shard.layout, shard.tools
    after: recipe.AfterError = "local" if settings.view == "tools" else settings.after_error
    by_view = VIEWS[settings.view](shard, settings)
    first, decided = after_error.first_error(by_view.label, layout)
    if shard.fused is not None:
        first, decided = shard.fused.place(layout), layout.lengths > 0
    view = after_error.apply(by_view, layout, after, tools, states_p=settings.view != "advantage")
    value, root_value, low, high = _values(shard, settings.interval)
    change = value - layout.before(value, root_value)
    reasons = keep_reasons(
        shard, view, first, decided, common.question_reason, common.ids, settings
    )
    whole = aggregate(view, layout)
    saturated = saturation(value, layout)
    of_step = {
        "p_correct": floats(view.p_correct),
        "label": labels(view.label),
        "value": floats(value),
        "value_low": floats(low),
        "value_high": floats(high),
        "advantage": floats(change),
        "weight": floats(_weight(view, low, high, shard.fused)),
        "no_gain": no_gain(change),
        "fork_advantage": common.forks.advantage(value),
        "p_first_error": _place(shard, layout.num_steps),
    }
    of_solution = {
        "value_root": floats(root_value),
        "first_error": pa.array(first.astype(np.int32), mask=~decided),
        "saturation": pa.array(saturated.astype(np.int32), mask=saturated == layout.lengths),
        "keep": reasons.is_null().to_arrow(),
        "keep_reason": reasons.to_arrow(),
        "p_min": floats(whole.minimum),
        "p_mean": floats(whole.mean),
        "p_product": floats(whole.product),
        "p_last": floats(whole.last),
        "entropy": floats(
            np.full(layout.num_solutions, np.nan) if shard.fused is None else shard.fused.entropy
        ),
        "view": pa.repeat(settings.view, layout.num_solutions),
        "after_error": pa.repeat(after, layout.num_solutions),
    }
    columns = {name: layout.lists(flat) for name, flat in of_step.items()} | of_solution
    own = {name: column.cast(LABELS.field(name).type) for name, column in columns.items()}
    every = common.columns | own
    return pa.table({name: every[name] for name in LABELS.names}, LABELS)


def _values(shard: Shard, mass: float) -> tuple[Floats, Floats, Floats, Floats]:
    """Of each step, of the root, and the ends of each step's interval."""
    if shard.fused is None:
        value, root = shard.value, shard.value_root
        low, high = jeffreys(shard.counts, mass)
    else:
        fused = shard.fused
        value, root, low, high = fused.value, fused.value_root, fused.value_low, fused.value_high
    exact = shard.exact
    value, low, high = (np.where(exact, shard.value, one) for one in (value, low, high))
    return value, root, low, high


def _place(shard: Shard, num_steps: int) -> pa.Array:
    """P(first error = t) of each step; null in views that state none."""
    return floats(np.full(num_steps, np.nan) if shard.fused is None else shard.fused.p_first)


def _weight(view: View, low: Floats, high: Floats, fused: Fused | None) -> Floats:
    """How sure the label is: 1 where sampling had no part in it, 0 where there is no label; of a
    posterior one less the entropy of p_correct, for soft labels too."""
    if fused is not None:
        return np.where(np.isnan(view.p_correct), 0.0, 1.0 - entropy(fused.p_correct))
    sampled = np.where(np.isnan(low), 1.0, 1.0 - (high - low))
    return np.where(view.label == NULL, 0.0, sampled)
