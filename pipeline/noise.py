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
from pipeline.folder import DatasetFolder
from pipeline.known_truth import known_truth
from pipeline.labels.layout import Layout

COLUMNS = ("keep", "first_error", "p_first_error")


@dataclass(frozen=True, slots=True)
class Noise:
    """Shares of the kept solutions."""

    over: float
    under: float


def estimated(folder: DatasetFolder) -> Noise | None:
    return _mean([_sums(folder.published_labels(name, COLUMNS)) for name in folder.shards()])


def estimated_of(labels: pl.DataFrame) -> Noise | None:
    """Of some rows of a labels table."""
    return _mean([_sums(labels.select(COLUMNS))])


def _mean(sums: list[tuple[float, float, int]]) -> Noise | None:
    over, under, rows = (sum(one) for one in zip(*sums, strict=True))
    return Noise(over / rows, under / rows) if rows else None


def _sums(rows: pl.DataFrame) -> tuple[float, float, int]:
    """Late, early, and solutions."""
    labels = rows.filter(
        pl.col("keep")
        & pl.col("first_error").is_not_null()
        & pl.col("p_first_error").list.first().is_not_null()
    )
    if not len(labels):
        return 0.0, 0.0, 0
    lengths = labels["p_first_error"].list.len().cast(pl.Int64).to_numpy()
    layout = Layout.of_lengths(lengths)
    chance = labels["p_first_error"].explode().to_numpy()
    first = labels["first_error"].cast(pl.Int64).to_numpy()
    place = np.where(first < 0, lengths, first)[layout.row]  # none lies behind every step
    none = 1 - np.bincount(layout.row, weights=chance, minlength=len(labels))
    over = float(chance[layout.position < place].sum())
    under = float(chance[layout.position > place].sum() + none[first >= 0].sum())
    return over, under, len(labels)


def measured(folder: DatasetFolder) -> Noise | None:
    """Against the dataset's own truth table and what people said; None where there is neither."""
    truth = known_truth(folder)
    return None if truth is None else measured_of(folder.labels(), truth)


def measured_of(labels: pl.DataFrame, truth: pl.DataFrame) -> Noise | None:
    """Of some rows of a labels table, over those of them whose truth is known."""
    found = evaluate(labels, truth)
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
