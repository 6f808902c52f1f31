"""View `progress`: a step is right when it keeps the chance to finish (GenPRM,
arXiv 2504.00891, section 3.2: relative progress estimation).

Guarantees: after the first zero every MC counts as 0, and those steps are 0. `ratio`:
P_t = MC_t / MC_{t-1}, MC before the first step is the root's; label [P_t >= threshold],
p_correct = min(P_t, 1); a zero is 0 whatever stands before it. `difference`: label
[MC_t - MC_{t-1} >= -slack], p_correct = that change's fall taken from 1. Null where either MC
is. Does not see a step that is wrong and does not lower the chance.
"""

from __future__ import annotations

import numpy as np

from pipeline import recipe
from pipeline.labels.layout import NULL
from pipeline.labels.shard import Shard, View

# Ratios and differences of short fractions, such as 7/10 - 8/10, miss their threshold by a bit.
ROUNDING = 1e-9


def progress(shard: Shard, settings: recipe.Labels) -> View:
    layout = shard.layout
    first_zero = layout.first_where(shard.zero)[layout.row]
    # At the zero too: its value is null where sampling stopped on its failures.
    mc = np.where(layout.position >= first_zero, 0.0, shard.mc)
    before = layout.before(mc, shard.value_root)
    if settings.progress == "ratio":
        with np.errstate(divide="ignore", invalid="ignore"):
            measure = np.where(layout.position >= first_zero, 0.0, mc / before)
        p_correct = np.minimum(measure, 1.0)
        threshold = settings.threshold
    else:
        measure = mc - before
        p_correct = np.clip(1.0 + np.minimum(measure, 0.0), 0.0, 1.0)
        threshold = -settings.slack
    label = np.where(measure >= threshold - ROUNDING, np.int8(1), np.int8(0))
    label = np.where(np.isnan(measure), NULL, label)
    after = layout.position > first_zero
    return View(np.where(after, np.int8(0), label), np.where(after, 0.0, p_correct))
