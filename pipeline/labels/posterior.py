"""View `posterior`: what one probabilistic model makes of all the evidence (docs/labels.md).

Guarantees: p_correct = P(no step up to here is wrong | everything), for every step of every
solution, measured or not; it never rises along a solution. The label is 1 from `labels.certainty`
on, 0 from its complement down, null between. The first error is the most probable place, so it is
given for every solution that has a step; `entropy` (bits) says how sure that is, and
`p_first_error` what else it may be. Does not know more than the fitted parameters do.
"""

from __future__ import annotations

import numpy as np

from pipeline import recipe
from pipeline.labels.layout import NULL
from pipeline.labels.shard import Shard, View


def posterior(shard: Shard, settings: recipe.Labels) -> View:
    if shard.fused is None:
        raise ValueError("view 'posterior' needs a fitted posterior")
    p = shard.fused.p_correct
    label = np.where(p >= settings.certainty, np.int8(1), NULL)
    return View(np.where(p <= 1 - settings.certainty, np.int8(0), label), p)
