"""What a run took over from a dataset that it relabels: noted when its first batch is planned.

<plans>/relabel.json    the dataset, the policies that wrote its solutions, its provers with what
                        was learnt of each, the first one first, and what its problems were checked
                        against
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from pipeline.batches import Batch, Shard
from pipeline.folder import EARLIER_TABLE
from pipeline.places import read_json
from pipeline.posterior.past import Past


def noted_place(plans: Path) -> Path:
    return plans / "relabel.json"


def read_noted(plans: Path) -> dict[str, Any] | None:
    """What was taken over; None where nothing was."""
    try:
        return dict(read_json(noted_place(plans)))
    except FileNotFoundError:
        return None


def past_of(noted: dict[str, Any] | None, batch: Batch, shard: Shard) -> Past | None:
    """What a shard's earlier provers did; None where there is none."""
    rows = None if noted is None else batch.taken(EARLIER_TABLE, shard)
    if noted is None or rows is None:
        return None
    return Past.of_rows(noted["provers"], pl.DataFrame(rows))
