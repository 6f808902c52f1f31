"""Which rows a user should train on: `keep`, and the reason where not.

Guarantees: every row stays in the table; the first reason that holds is given, in this order:
the question's reason (all_right, all_wrong, low_pass_rate, no_outcome, weak_majority),
outcome_unknown (view scan only), no_step, no_zero_step (view scan only), no_label, the filter's
(rollouts_undecided, judge_unknown, judge_disagrees: `pipeline.labels.filters`), balance.
`balance` looks at rows kept so far: `outcome` drops the surplus of right or wrong solutions
(SCAN's 1 : 1), `first_error` equalises the thirds of the solution in which the first error lies,
over the thirds that occur at all. Whose turn it is to go is decided by a hash of solution_id, so
it does not depend on the order of rows.
Does not balance across shards: each is balanced in itself.
"""

from __future__ import annotations

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from pipeline import recipe
from pipeline.labels.filters import REASONS, dissent
from pipeline.labels.layout import NULL, Bools, Ints
from pipeline.labels.scan import without_zero
from pipeline.labels.shard import Shard, View
from pipeline.labels.stable_hash import stable_hash

# In the order of precedence, as `keep_reason` has them.
QUESTION_REASONS = ("all_right", "all_wrong", "low_pass_rate", "no_outcome", "weak_majority")
_REASONS = ("outcome_unknown", "no_step", "no_zero_step", "no_label", *REASONS)


def keep_reasons(
    shard: Shard,
    view: View,
    first_error: Ints,
    decided: Bools,
    question_reason: pl.Series,
    ids: pl.Series,
    settings: recipe.Labels,
) -> pl.Series:
    """The reason why a row is not kept; null where it is."""
    layout = shard.layout
    is_scan = settings.view == "scan"
    labelled = layout.last_where(view.label != NULL) >= 0
    drops = [
        (shard.outcome == NULL) & is_scan,
        layout.lengths == 0,
        without_zero(shard) & is_scan,
        ~labelled,
        *dissent(shard, settings),
    ]
    found = np.select(drops, range(len(drops)), default=-1)
    own = pa.array(_REASONS).take(pa.array(found, mask=found < 0))
    reason = pl.Series(pc.coalesce(question_reason.cast(pl.String).to_arrow(), own))
    kept = reason.is_null().to_numpy()
    if settings.balance == "outcome":
        group = shard.outcome.astype(np.int64)
        surplus = _surplus(np.where(kept, group, -1), 2, ids, all_groups=True)
    elif settings.balance == "first_error":
        third = first_error * 3 // np.maximum(layout.lengths, 1)
        wrong = kept & decided & (first_error >= 0)
        surplus = _surplus(np.where(wrong, third, -1), 3, ids, all_groups=False)
    else:
        return reason
    return pl.select(
        pl.when(pl.Series(surplus)).then(pl.lit("balance")).otherwise(reason).alias("reason")
    )["reason"]


def _surplus(group: Ints, num_groups: int, ids: pl.Series, all_groups: bool) -> Bools:
    """Rows to drop so that groups are of one size; group -1 takes no part."""
    sizes = np.bincount(group[group >= 0], minlength=num_groups)
    size = int(sizes.min() if all_groups else sizes[sizes > 0].min(initial=len(group)))
    surplus = np.zeros(len(group), dtype=np.bool_)
    hashes = stable_hash(ids)
    for number in range(num_groups):
        members = np.flatnonzero(group == number)
        order = np.argsort(hashes[members], kind="stable")
        surplus[members[order[size:]]] = True
    return surplus
