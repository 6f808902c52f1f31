"""View `soft`: p_correct is the share of right rollouts (Math-Shepherd soft estimation,
section 3.3; OmegaPRM arXiv 2406.06592, section 3.3).

Guarantees: p_correct = MC_t, null where it was not measured in full (nothing known, censored,
or a c = 0 with fewer than half of the k outcomes known); the label is the hard one. Does not
guarantee that MC_t is a probability of correctness: it is the prover's chance to finish.
"""

from __future__ import annotations

from pipeline import recipe
from pipeline.labels.hard import hard_label
from pipeline.labels.shard import Shard, View


def soft(shard: Shard, settings: recipe.Labels) -> View:
    return View(hard_label(shard), shard.mc)
