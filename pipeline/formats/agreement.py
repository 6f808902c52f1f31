"""Rationales beside the labels that they must agree with.

Guarantees: a rationale counts only while every verdict equals the dataset's own hard label; a
derived dataset has labels of its own, and rationales of the run that it came from.
"""

from __future__ import annotations

import numpy as np
import pyarrow.compute as pc

from pipeline.formats.rows import Rows, lengths_of, nulls, plain, ranges
from pipeline.labels.layout import Bools, Layout


def disagree(rows: Rows) -> Bools:
    """Rationales with a verdict that is not the label, or without labels."""
    verdicts = rows.column("verdicts")
    said = Layout.of_lengths(lengths_of(verdicts))
    flat = plain(pc.list_flatten(verdicts).fill_null(-2))
    short = (rows.layout.lengths < said.lengths) | nulls(rows.column("label"))
    short |= said.lengths == 0
    if short.all():
        return short
    # Verdicts begin with the first step.
    starts = np.where(short, 0, rows.layout.offsets[:-1])
    label = rows.label[np.minimum(ranges(starts, said.lengths), len(rows.label) - 1)]
    return short | (said.first_where(flat != label) < said.lengths)
