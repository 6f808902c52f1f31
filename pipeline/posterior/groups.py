"""Solutions of one domain and policy, which share parameters."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from pipeline.labels.layout import Ints, Labels8, Layout


def group_name(domain: str | None, policy: str | None) -> str:
    return f"{domain or ''} {policy or ''}"


def groups_of(
    problems: pl.DataFrame,
    solutions: pl.DataFrame,
    layout: Layout,
    truth: Labels8 | None = None,
) -> Iterator[tuple[str, pl.DataFrame, Layout, Labels8 | None, Ints]]:
    """(name, its solutions, their layout, their truth, their rows); problems stay whole."""
    domain = problems.select("problem_id", "domain").unique("problem_id")
    policy = solutions.group_by("problem_id").agg(pl.col("policy").min())
    key = pl.concat_str(
        pl.col("domain").fill_null(""), pl.col("policy").fill_null(""), separator=" "
    )
    name = (
        solutions.select("problem_id")
        .join(domain, on="problem_id", how="left", maintain_order="left")
        .join(policy, on="problem_id", how="left", maintain_order="left")
        .select(name=key)["name"]
    )
    kinds = name.unique().sort()
    if len(kinds) == 1:
        yield kinds[0], solutions, layout, truth, np.arange(len(solutions))
        return
    for one in kinds:
        mask = (name == one).to_numpy()
        part = solutions.filter(pl.Series(mask))
        inner = Layout.of_lengths(layout.lengths[mask])
        known = None if truth is None else truth[mask[layout.row]]
        yield one, part, inner, known, np.flatnonzero(mask)
