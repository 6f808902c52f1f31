"""What the posterior says of the steps and solutions of a shard."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.labels.layout import Floats, Ints, Layout


@dataclass(frozen=True)
class Fused:
    """What the posterior says. Of steps: flat, as `Layout` has them; of solutions: one each."""

    p_correct: Floats  # P(no step up to here is wrong)
    p_first: Floats  # P(this step is the first error)
    value: Floats
    value_low: Floats
    value_high: Floats
    p_none: Floats  # of solutions: P(no step is wrong)
    value_root: Floats
    entropy: Floats  # of the place of the first error, in bits

    def place(self, layout: Layout) -> Ints:
        """The most probable place of the first error of each solution; -1 for none."""
        most = np.full(layout.num_solutions, -1.0)
        np.maximum.at(most, layout.row, self.p_first)
        first = layout.first_where(self.p_first >= most[layout.row])
        return np.where(self.p_none >= most, -1, first)
