"""View `hybrid`: the sign of a value made of tool verdicts and the outcome (GroundedPRM,
arXiv 2510.14942, and its public code, `MCTS.backpropagate`).

A step's verdict v is +1 where tools confirmed it, -1 where one refuted it; unknown is neither and
takes part in nothing. F is +1 or -1 by the solution's outcome; an unknown outcome takes no part.
With T steps, the trajectory that starts at step u has N = T - u steps, and

    V_u = [ sum_{j>=u} w_j v_j + F/N ] / [ sum_{j>=u} w_j + 1/N ],   w_j = (1/N) (N - (j - u)) / N
    R_t = sum_{u>=t} 0.9^(u-t) V_u / sum_{u>=t} 0.9^(u-t)            within a solution
    Q_t = mean of R_t over the solutions that share the prefix up to t (by prefix hash)

where sums run over what is known, above and below alike. Samples count as often as they were
drawn; solutions that nobody drew (grown by a tree search, imported) speak only of prefixes that no
sample with a known R_t has: a search grows them from rollouts picked because they were wrong.

Guarantees: label 1 where Q_t > 0, 0 where Q_t < 0, p_correct = (Q_t + 1) / 2, the weighted share
of the evidence that says "right"; label null where nothing is known or Q_t = 0; both null where
the step's own verdict contradicts the sign. Does not read rollouts. Does not guarantee that
p_correct is a probability: without verdicts it is the share of right answers behind the prefix,
so all steps of a lone wrong solution are 0.

Departures from the code, which has a tree and adds up what its simulations bring:
- means, not sums: there the number of visits moves the sign, and F weighs 1/N whatever is known;
- a step is the first of its own trajectory, and the last one keeps its verdict: there a node that
  was expanded takes none of its own and the outcome overwrites the last, but a label speaks of
  its step;
- every step of a solution counts as expanded, the rest of the solution as its simulation;
- a step whose sign contradicts its verdict loses its label: the code drops the whole sample;
- a tool that fails says nothing: there the model then decides alone, or 0 counts as a verdict.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from pipeline import recipe
from pipeline.labels.layout import NULL, Floats, Ints, Layout
from pipeline.labels.progress import ROUNDING
from pipeline.labels.shard import Shard, View

DISCOUNT = 0.9  # `delay_weight` of the code, for each step between a step and what lies after it


def hybrid(shard: Shard, settings: recipe.Labels) -> View:
    verdict = shard.tools.confirmed.astype(np.int64) - shard.tools.refuted
    value = _shared(_backed_up(_trajectory(verdict, shard), shard.layout), shard)
    label = np.where(value > ROUNDING, np.int8(1), np.where(value < -ROUNDING, np.int8(0), NULL))
    contradicted = verdict * value < -ROUNDING
    return View(
        np.where(contradicted, NULL, label),
        np.where(contradicted, np.nan, np.clip((value + 1) / 2, 0.0, 1.0)),
    )


def _trajectory(verdict: Ints, shard: Shard) -> Floats:
    """V_u. Times N^2 all terms are whole numbers, so that sums are exact."""
    layout = shard.layout
    left = layout.lengths[layout.row] - layout.position  # N; and w_j N^2 of the step at its place
    final = np.where(shard.outcome == NULL, 0, 2 * shard.outcome.astype(np.int64) - 1)[layout.row]
    said = _suffix_sum(left * verdict, layout) + left * final
    weight = _suffix_sum(left * np.abs(verdict), layout) + left * np.abs(final)
    value = np.full(layout.num_steps, np.nan)
    np.divide(said, weight, out=value, where=weight > 0)
    return value


def _backed_up(value: Floats, layout: Layout) -> Floats:
    """R_t: each step's own value and, discounted, those of the steps after it."""
    known = ~np.isnan(value)
    total = _discounted_sum(np.where(known, value, 0.0), layout)
    weight = _discounted_sum(known.astype(np.float64), layout)
    mean = np.full(layout.num_steps, np.nan)
    np.divide(total, weight, out=mean, where=weight > 0)
    return mean


def _shared(value: Floats, shard: Shard) -> Floats:
    """Q_t: the mean over the solutions that share the prefix; the own value without a hash."""
    group = _groups(shard.prefix_hash)
    known = np.flatnonzero(~np.isnan(value))
    of = group[known]
    size = int(group.max(initial=-1)) + 1
    draws = shard.draws[shard.layout.row][known]
    sampled = np.bincount(of, draws, size)[of] > 0
    weight = np.where(sampled, draws, 1)
    weights = np.bincount(of, weight, size)
    mean = np.full(size, np.nan)
    np.divide(np.bincount(of, weight * value[known], size), weights, out=mean, where=weights > 0)
    return mean[group]


def _groups(prefix_hash: pl.Series) -> Ints:
    """Equal prefixes get equal numbers; a prefix that is not known is alone."""
    hashed = prefix_hash.is_not_null().to_numpy()
    group = np.arange(len(prefix_hash))
    # By 64 bits of a hash, as in labels/forks.py.
    keys, number = np.unique(prefix_hash.hash().to_numpy()[hashed], return_inverse=True)
    group[hashed] = number
    group[~hashed] += len(keys)
    return group


def _suffix_sum(values: Ints, layout: Layout) -> Ints:
    """For each step the sum over it and the steps after it."""
    before = np.zeros(layout.num_steps + 1, dtype=np.int64)
    np.cumsum(values, out=before[1:])
    return before[layout.offsets[1:][layout.row]] - before[:-1]


def _discounted_sum(values: Floats, layout: Layout) -> Floats:
    """For each step t the sum of 0.9^(u-t) values_u over u >= t, in log2 T passes.

    Each pass doubles the steps that a sum covers. A cumulative sum of scaled values would need
    0.9^-T, whose rounding drowns the last steps of a long solution.
    """
    total = values.copy()
    left = layout.lengths[layout.row] - layout.position
    covered = 1
    while covered < layout.lengths.max(initial=0):
        at = np.flatnonzero(left > covered)
        total[at] += DISCOUNT**covered * total[at + covered]
        covered *= 2
    return total
