"""Where each step's prefix stands in the tree of its problem (schema TREE).

Guarantees: a step whose prefix was measured has the node of that prefix, joined by problem and
full prefix hash, so that solutions which share a prefix share its node; every other step has
nulls, and a solution of a problem without a tree has no tree_id. An edge of several steps is one
measurement: the steps inside it have no node. Does not build or check a tree; of two rows for
one prefix the first is taken. OmegaPRM (arXiv 2406.06592): `visits` and `q`.
"""

from __future__ import annotations

from typing import Any

import polars as pl
import pyarrow as pa

from pipeline.labels.layout import Layout
from pipeline.schemas import TREE

OF_STEP = ("node_id", "parent_id", "depth", "edge_steps", "visits", "q")


def columns(
    tree: pl.DataFrame | None, problem_ids: pl.Series, prefix_hash: Any, layout: Layout
) -> dict[str, Any]:
    """The flat Arrow arrays of `OF_STEP`."""
    if tree is None or tree.is_empty():
        return {name: pa.nulls(layout.num_steps, TREE.field(name).type) for name in OF_STEP}
    key = ["problem_id", "prefix_hash"]
    nodes = tree.select(*key, *OF_STEP).unique(key, keep="first", maintain_order=True)
    steps = pl.DataFrame(
        {
            "problem_id": problem_ids.gather(layout.row),
            "prefix_hash": pl.Series(prefix_hash, dtype=pl.String),
        }
    )
    found = steps.join(nodes, on=key, how="left", maintain_order="left")
    found = found.with_columns(pl.col("q").cast(pl.Float64).fill_nan(None))
    return {name: found[name].to_arrow() for name in OF_STEP}


def tree_ids(tree: pl.DataFrame | None, problem_ids: pl.Series) -> Any:
    """The tree of each solution's problem."""
    if tree is None or tree.is_empty():
        return pa.nulls(len(problem_ids), pa.string())
    trees = tree.select("problem_id", "tree_id").unique("problem_id", keep="first")
    rows = problem_ids.to_frame("problem_id")
    return rows.join(trees, on="problem_id", how="left", maintain_order="left")[
        "tree_id"
    ].to_arrow()
