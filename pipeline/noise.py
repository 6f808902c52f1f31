"""How noisy a dataset says its first errors are, and how noisy they are where truth is known.

In the words of SCAN (arXiv 2509.16548, section 3) a solution is *overestimated* where its first
error is placed too late or missed, *underestimated* where it is too early or there is none.

Guarantees: the estimate is the mean of the posterior's own chances, over rows with keep; None where
the view states none. Read shard by shard. Does not know what the model does not know.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from pipeline.evaluation import evaluate
from pipeline.folder import TRUTH_TABLE, DatasetFolder
from pipeline.labels.layout import Layout
from pipeline.places import glob


@dataclass(frozen=True, slots=True)
class Noise:
    """Shares of the kept solutions."""

    over: float
    under: float


def estimated(folder: DatasetFolder) -> Noise | None:
    over = under = 0.0
    rows = 0
    for shard in folder.shards():
        columns = ["keep", "first_error", "p_first_error"]
        labels = folder.published_labels(shard, columns).filter(
            pl.col("keep")
            & pl.col("first_error").is_not_null()
            & pl.col("p_first_error").list.first().is_not_null()
        )
        if not len(labels):
            continue
        lengths = labels["p_first_error"].list.len().cast(pl.Int64).to_numpy()
        layout = Layout.of_lengths(lengths)
        chance = labels["p_first_error"].explode().to_numpy()
        first = labels["first_error"].cast(pl.Int64).to_numpy()
        place = np.where(first < 0, lengths, first)[layout.row]  # none lies behind every step
        over += float(chance[layout.position < place].sum())
        none = 1 - np.bincount(layout.row, weights=chance, minlength=len(labels))
        under += float(chance[layout.position > place].sum() + none[first >= 0].sum())
        rows += len(labels)
    return Noise(over / rows, under / rows) if rows else None


def measured(folder: DatasetFolder) -> Noise | None:
    """Against the dataset's own truth table; None where there is none."""
    if not glob(folder.evidence_root() / TRUTH_TABLE, "*.parquet"):
        return None
    found = evaluate(folder.labels(), folder.side_table(TRUTH_TABLE))
    if found.overestimated is None or found.underestimated is None:
        return None
    return Noise(found.overestimated, found.underestimated)


def noise_lines(folder: DatasetFolder) -> list[str]:
    """For the card; none where the view states no chances."""
    guess = estimated(folder)
    if guess is None:
        return []
    lines = [
        f"By the model's own estimate the first error is placed too late or missed in "
        f"{guess.over:.1%} of the kept solutions, and too early or without cause in "
        f"{guess.under:.1%}."
    ]
    truth = measured(folder)
    if truth is not None:
        lines.append(
            f"Where truth is known these are {truth.over:.1%} and {truth.under:.1%}: the estimate "
            f"is off by {guess.over - truth.over:+.1%} and {guess.under - truth.under:+.1%}."
        )
    return lines
