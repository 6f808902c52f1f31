"""View `hard`: a step is right when some rollout from it was (Math-Shepherd, section 3.3;
"Lessons" arXiv 2501.07301, section 2, whose threshold sweep puts the threshold at 0).

Guarantees: label 1 with a success, 0 at a zero, 1 where nothing was measured but a right
completion of the prefix is known, null otherwise; a measured zero stays 0 even where a later
prefix succeeds. p_correct repeats the label. Does not correct for luck: the label of a wrong
step that rollouts repair is 1.
"""

from __future__ import annotations

import numpy as np

from pipeline import recipe
from pipeline.labels.layout import NULL, Labels8
from pipeline.labels.shard import Shard, View, as_probability


def hard(shard: Shard, settings: recipe.Labels) -> View:
    label = hard_label(shard)
    return View(label, as_probability(label))


def hard_label(shard: Shard) -> Labels8:
    right = shard.success | (shard.witnessed & ~shard.zero)
    return np.where(right, np.int8(1), np.where(shard.zero, np.int8(0), NULL))
