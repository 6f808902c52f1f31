"""View `tools`: what tools say of each step, and nothing else.

Guarantees: rollouts and outcomes are not read; a refuted step is 0, a confirmed one 1, every
other one null (`after_error` is always `local` here: the view itself says nothing). A step that
no tool refuted is not thereby right, so the first error is undecided unless every step before it
was confirmed.
"""

from __future__ import annotations

import numpy as np

from pipeline import recipe
from pipeline.labels.layout import NULL
from pipeline.labels.shard import Shard, View


def tools(shard: Shard, settings: recipe.Labels) -> View:
    return View(np.full(shard.layout.num_steps, NULL), np.full(shard.layout.num_steps, np.nan))
