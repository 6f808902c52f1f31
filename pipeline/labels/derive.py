"""Labels from stored evidence: one published row for each solution, without a model or a GPU.

Guarantees: a pure function; one row a solution, in the order of `solutions`, with exactly the
schema LABELS; undefined is null, never NaN and never zero; unknown outcomes count for nothing;
no Python loop over steps or solutions, and memory that is flat from shard to shard. All
solutions of a problem must be in one call: its pass rate and its forks are taken over them. A
label speaks of one step: what lies inside an edge of several steps, measured at its end alone,
has no value. Does not buy or grade anything, and does not repair evidence.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from pipeline import recipe
from pipeline.labels import after_error, forks, nodes, pieces
from pipeline.labels.aggregates import aggregate
from pipeline.labels.counts import jeffreys, read_counts
from pipeline.labels.gain import no_gain, saturation
from pipeline.labels.keep import keep_reasons
from pipeline.labels.layout import NULL, Floats, Labels8, floats, labels
from pipeline.labels.repeats import repeated
from pipeline.labels.screening import screen
from pipeline.labels.shard import Shard, View
from pipeline.labels.tools import read_tools
from pipeline.labels.views import VIEWS, check
from pipeline.posterior.choose import entropy
from pipeline.posterior.fused import Fused
from pipeline.posterior.fusion import PRIOR, Fusion, fuse
from pipeline.schemas import LABELS, SCHEMA_VERSION
from pipeline.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where the evidence came from; the same for every row of a call."""

    prover: str
    segmentation: str
    recipe_hash: str


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
) -> pa.Table:
    """Label a shard. `solutions` may carry `prefix_hashes: list<string>`, `problems` may carry
    `question_reason: string`; `tree` has the rows of schema TREE, where a tree was built;
    `fusion` is what view `posterior` goes by; None: nothing was learnt. Raises RecipeError for a
    view or filter that does not exist."""
    check(settings)
    ids, problem_ids = solutions["solution_id"], solutions["problem_id"]
    layout = pieces.layout(solutions)
    counts, root = read_counts(evidence, ids, layout)
    screening = screen(problems, solutions, questions, root)
    tools = read_tools(evidence, ids, layout)
    of_piece = pieces.columns(solutions, layout)
    shard = Shard.measured(
        layout,
        counts,
        root,
        _outcome(solutions),
        _column(screening["pass_rate"]),
        k,
        tools,
        screening["n_merged"].to_numpy(),
        pl.Series(of_piece["prefix_hash"], dtype=pl.String),
        _fused(fusion, problems, solutions, evidence, settings, questions, provenance),
    )
    after: recipe.AfterError = "local" if settings.view == "tools" else settings.after_error
    by_view = VIEWS[settings.view](shard, settings)
    first, decided = after_error.first_error(by_view, layout)
    if shard.fused is not None:
        first, decided = shard.fused.place(layout), layout.lengths > 0
    view = after_error.apply(by_view, layout, after, tools, states_p=settings.view != "advantage")
    value, root_value, low, high = _values(shard, settings.interval)
    change = value - layout.before(value, root_value)
    reasons = keep_reasons(shard, view, first, decided, screening["question_reason"], ids, settings)
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
        "n_rollouts": pa.array(counts.known.astype(np.int32)),
        "n_success": pa.array(counts.correct.astype(np.int32)),
        "n_unknown": pa.array(counts.unknown.astype(np.int32)),
        "censored": pa.array(counts.censored),
        "repeated": pa.array(repeated(of_piece["steps"], layout)),
        "no_gain": no_gain(change),
        "verdicts": tools.verdicts,
        "p_first_error": _place(shard, layout.num_steps),
    }
    of_step |= of_piece
    of_step |= forks.columns(problem_ids, of_piece["prefix_hash"], value, layout)
    of_step |= nodes.columns(tree, problem_ids, of_piece["prefix_hash"], layout)
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
        "pass_rate": screening["pass_rate"].to_arrow(),
        "difficulty": screening["difficulty"].to_arrow(),
        "path_diversity": screening["path_diversity"].to_arrow(),
        "n_merged": screening["n_merged"].to_arrow(),
        "tree_id": nodes.tree_ids(tree, problem_ids),
        "entropy": floats(
            np.full(layout.num_solutions, np.nan) if shard.fused is None else shard.fused.entropy
        ),
    }
    same = {
        "prover": provenance.prover,
        "view": settings.view,
        "after_error": after,
        "segmentation": provenance.segmentation,
        "recipe_hash": provenance.recipe_hash,
        "schema_version": SCHEMA_VERSION,
    }
    columns: dict[str, Any] = {name: layout.lists(flat) for name, flat in of_step.items()}
    columns |= of_solution
    columns |= {name: pa.repeat(value, len(solutions)) for name, value in same.items()}
    columns |= _copied(problems, solutions)
    return pa.table({field.name: columns[field.name].cast(field.type) for field in LABELS}, LABELS)


def _fused(
    fusion: Fusion | None,
    problems: pl.DataFrame,
    solutions: pl.DataFrame,
    evidence: pl.DataFrame,
    settings: recipe.Labels,
    questions: recipe.Questions,
    provenance: Provenance,
) -> Fused | None:
    if settings.view != "posterior":
        return None
    named = solutions.with_columns(prover=pl.lit(provenance.prover))
    return fuse(fusion or PRIOR, problems, named, evidence, questions.filtered, settings.interval)


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


def _outcome(solutions: pl.DataFrame) -> Labels8:
    outcome = solutions["outcome"]
    right = (outcome == Verdict.CORRECT.value).fill_null(False).to_numpy()
    wrong = (outcome == Verdict.INCORRECT.value).fill_null(False).to_numpy()
    return np.where(right, np.int8(1), np.where(wrong, np.int8(0), NULL))


def _column(values: pl.Series) -> Floats:
    """A float series with NaN for null, even where the whole series is null."""
    return values.cast(pl.Float64).fill_null(float("nan")).to_numpy()


def _copied(problems: pl.DataFrame, solutions: pl.DataFrame) -> dict[str, Any]:
    """Columns that a row takes over from its solution and its problem."""
    # Tables of schema 1 have neither of the last two.
    later = [
        pl.col(name) if name in problems.columns else pl.lit(None, dtype=dtype).alias(name)
        for name, dtype in {"level": pl.String, "answer_agreement": pl.Float64}.items()
    ]
    of_problem = problems.select(
        "problem_id", "source", "domain", "language", "answer", *later, problem="text"
    ).unique("problem_id", keep="first")
    rows = solutions.select(
        "solution_id",
        "problem_id",
        "final_answer",
        "outcome",
        "finish_reason",
        "origin",
        "parent_solution_id",
        "fork_len",
        "policy",
        "prompt_hash",
    ).join(of_problem, on="problem_id", how="left", maintain_order="left")
    return {name: rows[name].to_arrow() for name in rows.columns}
