"""View `advantage`: a step is good when the prover's value does not fall (PAV,
arXiv 2410.08146, section 3).

Guarantees: label [value_t - value_{t-1} >= -slack], with the root's value before the first step;
null where either value is no full measurement (see `Shard.mc`). p_correct is null: the method
states a change of value, not a probability of correctness. Does not check that the prover
differs from the policy, which PAV asks for.
"""

from __future__ import annotations

import numpy as np

from pipeline import recipe
from pipeline.labels.layout import NULL
from pipeline.labels.progress import ROUNDING
from pipeline.labels.shard import Shard, View


def advantage(shard: Shard, settings: recipe.Labels) -> View:
    change = shard.mc - shard.layout.before(shard.mc, shard.value_root)
    label = np.where(change >= -settings.slack - ROUNDING, np.int8(1), np.int8(0))
    return View(np.where(np.isnan(change), NULL, label), np.full(shard.layout.num_steps, np.nan))
