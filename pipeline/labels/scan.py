"""View `scan`: SCAN's self-denoising labels (arXiv 2509.16548 and its code).

Guarantees: a right solution has every step 1. A wrong one has its error at the first zero:
0 there, min(MC_t / SC, 1) in the `window` steps before it (SC: the problem's pass rate, the
annotator's self-confidence), the hard label before those, nothing after. A wrong solution
without a zero keeps its hard labels (`without_zero` names it, so that `keep` can drop it); one
of unknown outcome has none. Where SC = 0, any success is more than was expected: 1.
Does not guarantee that right answers have right steps: that fails on hard questions (5 % on
GSM8K, 43 % on Omni-MATH, "Lessons" section 4).
"""

from __future__ import annotations

import numpy as np

from pipeline import recipe
from pipeline.labels.hard import hard_label
from pipeline.labels.layout import NULL, Bools
from pipeline.labels.shard import Shard, View, as_probability


def scan(shard: Shard, settings: recipe.Labels) -> View:
    layout = shard.layout
    first_zero = layout.first_where(shard.zero)[layout.row]
    found = first_zero < layout.lengths[layout.row]
    outcome = shard.outcome[layout.row]
    distance = first_zero - layout.position  # to the error; 0 there, negative after it

    label = hard_label(shard)
    p_correct = as_probability(label)
    confidence = shard.pass_rate[layout.row]
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.minimum(shard.mc / confidence, 1.0)
    window = found & (distance > 0) & (distance <= settings.window)
    p_correct = np.where(window, share, p_correct)

    dropped = (distance < 0) | (outcome == NULL)
    right = outcome == 1
    return View(
        np.where(right, np.int8(1), np.where(dropped, NULL, label)),
        np.where(right, 1.0, np.where(dropped, np.nan, p_correct)),
    )


def without_zero(shard: Shard) -> Bools:
    """Wrong solutions in which no zero was found."""
    none: Bools = shard.layout.first_where(shard.zero) == shard.layout.lengths
    missed: Bools = (shard.outcome == 0) & none
    return missed
