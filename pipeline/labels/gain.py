"""What a solution's values say of steps that bring nothing.

Clip & Delta (arXiv 2410.15115) rewards a step by the change that it makes; SPAE (arXiv
2601.03823) penalises what follows once the answer is certain.

Guarantees: `no_gain` holds where the value is known not to have risen, and is null where the
change is not known. `saturation` is the first step with value 1 such that no known value after
it is less; the number of steps where there is none. A step on a plateau of 1.0 has no gain,
however right it is: there was nothing left to gain. Both compare counts as they are: a value
that rose or fell by the luck of k rollouts is taken at its word, and values that are not known
are passed over.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from pipeline.labels.layout import Floats, Ints, Layout


def no_gain(change: Floats) -> Any:
    """For each step, from the change of value that it makes (NaN: not known)."""
    return pa.array(change <= 0, mask=np.isnan(change))


def saturation(value: Floats, layout: Layout) -> Ints:
    """For each solution, from the value of each step (NaN: not known)."""
    last_below = layout.last_where(value < 1.0)[layout.row]
    return layout.first_where((value == 1.0) & (layout.position > last_below))
