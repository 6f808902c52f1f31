"""The steps themselves: their texts, places, parts, tokens, log-probabilities, prefix hashes.

Guarantees: the pieces as stored, one entry a step; a solution whose list of steps is null has
none. `step_tokens` is the growth of token_end (from 0), null where either end is unknown.
`prefix_hash` is the frame's `prefix_hashes` where it has that column and a row gives one hash a
step, null otherwise; `step_part` is null where the frame's steps have no such field (tables of
schema 1). Does not cut, join or tokenise anything.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.labels.layout import Ints, Layout


def layout(solutions: pl.DataFrame) -> Layout:
    return Layout.of_lengths(_lengths(solutions["steps"]))


def columns(solutions: pl.DataFrame, layout: Layout) -> dict[str, Any]:
    """The flat Arrow arrays behind steps, step_* and prefix_hash."""
    steps = _steps(solutions)
    ends = pc.struct_field(steps, "token_end").cast(pa.float64()).fill_null(float("nan"))
    token_end = ends.to_numpy(zero_copy_only=False)
    tokens = token_end - layout.before(token_end, np.zeros(layout.num_solutions))
    return {
        "steps": pc.struct_field(steps, "text"),
        "step_start": pc.struct_field(steps, "start"),
        "step_end": pc.struct_field(steps, "end"),
        "step_tokens": pa.array(np.nan_to_num(tokens).astype(np.int32), mask=np.isnan(tokens)),
        "step_logprob": logprobs(solutions),
        "step_part": _part(steps),
        "prefix_hash": prefix_hashes(solutions, layout),
    }


def _steps(solutions: pl.DataFrame) -> Any:
    return pc.list_flatten(solutions["steps"].rechunk().to_arrow())


def _lengths(lists: pl.Series) -> Ints:
    return lists.list.len().fill_null(0).cast(pl.Int64).to_numpy()


def logprobs(solutions: pl.DataFrame) -> Any:
    """Flat. An engine may store NaN for a log-probability that it does not know."""
    values = pc.struct_field(_steps(solutions), "logprob")
    return pc.if_else(pc.is_nan(values), pa.scalar(None, values.type), values)


def _part(steps: Any) -> Any:
    if steps.type.get_field_index("part") < 0:
        return pa.nulls(len(steps), pa.string())
    return pc.struct_field(steps, "part")


def prefix_hashes(solutions: pl.DataFrame, layout: Layout) -> Any:
    """Flat."""
    if "prefix_hashes" not in solutions.columns:
        return pa.nulls(layout.num_steps, pa.string())
    hashes = solutions["prefix_hashes"]
    given = Layout.of_lengths(_lengths(hashes))
    usable = (given.lengths == layout.lengths)[layout.row]
    index = given.offsets[:-1][layout.row] + layout.position
    flat = pc.list_flatten(hashes.rechunk().to_arrow()).cast(pa.string())
    return flat.take(pa.array(np.where(usable, index, 0), mask=~usable))
