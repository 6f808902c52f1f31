"""One number a solution, from its steps' p_correct: min, mean, product, last.

Guarantees: only steps up to and including the first published label 0 count, and of those only
the ones with a p_correct; null where none has one, and `last` where the last of them has none.
All four are given because users differ: PURE warns of sums, "Lessons" compares min and product.
Does not correct for length: a product falls with every step.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.labels.layout import Floats, Layout
from pipeline.labels.shard import View


@dataclass(frozen=True, slots=True)
class Aggregates:
    minimum: Floats
    mean: Floats
    product: Floats
    last: Floats


def aggregate(view: View, layout: Layout) -> Aggregates:
    size = layout.num_solutions
    # Of no error, first_where gives T, one past the end.
    end = np.minimum(layout.first_where(view.label == 0), layout.lengths - 1)
    hits = np.flatnonzero((layout.position <= end[layout.row]) & ~np.isnan(view.p_correct))
    row, p = layout.row[hits], view.p_correct[hits]
    count = np.bincount(row, minlength=size)
    minimum, product, mean = np.full(size, np.inf), np.ones(size), np.full(size, np.nan)
    np.minimum.at(minimum, row, p)
    np.multiply.at(product, row, p)
    np.divide(np.bincount(row, weights=p, minlength=size), count, out=mean, where=count > 0)
    last = np.full(size, np.nan)
    filled = layout.lengths > 0
    last[filled] = view.p_correct[(layout.offsets[:-1] + end)[filled]]
    return Aggregates(
        np.where(count > 0, minimum, np.nan), mean, np.where(count > 0, product, np.nan), last
    )
