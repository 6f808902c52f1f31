"""Labels against known truth.

Guarantees: None where a figure is undefined ("–" in tables). First-error figures are
ProcessBench's (arXiv 2412.06559, section 3): the exact place on erroneous solutions, -1 on clean
ones, F1 of the two accuracies; a prediction that is null counts as wrong there, and is counted
apart as `undecided`. A solution whose truth is unknown at or before its first incorrect step (or
anywhere, if none is incorrect) is left out of them and counted. Step figures compare with the
truth of the *prefix* (no error up to here), over steps up to the true first error unless
`all_steps`; precision, recall and accuracy are over steps with a label, and `coverage_steps` says
how many have one. Brier and calibration error take every step with a p_correct and a known
prefix, whatever `all_steps` says. Noise rates are in SCAN's words (arXiv 2509.16548, section 3).

Does not say whether a model trained on the labels is better, and gives no confidence intervals.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import polars as pl

from pipeline.labels.layout import Layout
from pipeline.metrics import auroc, brier, calibration_error, harmonic, share
from pipeline.step_truth import align


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Numbers of one table of labels; shares are between 0 and 1."""

    solutions: int  # in the table
    evaluated: int  # rows with keep, or all of them with `all_rows`
    without_truth: int  # evaluated rows of which no step's truth is known
    truth_undecided: int  # others whose true first error is not known; in no first-error figure
    erroneous: int
    clean: int
    undecided: int  # of erroneous and clean: rows whose predicted first error is null
    accuracy_erroneous: float | None
    accuracy_clean: float | None
    first_error_f1: float | None
    coverage_solutions: float | None  # share of erroneous and clean rows with a prediction
    overestimated: float | None  # of those: error placed after the true one, or missed
    underestimated: float | None  # of those: error placed before it, or where there is none
    steps: int  # with known prefix truth, in scope
    coverage_steps: float | None  # share of them that have a label
    step_accuracy: float | None
    step_precision: float | None  # of label 0
    step_recall: float | None
    step_f1: float | None
    auroc: float | None  # of p_correct, over steps in scope
    steps_with_p: int
    brier: float | None
    calibration_error: float | None

    def as_dict(self) -> dict[str, int | float | None]:
        """For JSON."""
        return asdict(self)

    def rows(self) -> list[tuple[str, str]]:
        """Name and value of every figure, for people."""
        return [(name.replace("_", " "), written(value)) for name, value in asdict(self).items()]


def written(value: float | None) -> str:
    """A figure as text: counts whole, shares to three places, undefined as a dash."""
    if value is None:
        return "–"
    return str(value) if isinstance(value, int) else f"{value:.3f}"


def evaluate(
    labels: pl.DataFrame, truth: pl.DataFrame, all_steps: bool = False, all_rows: bool = False
) -> Evaluation:
    """Compare a labels table (schema LABELS) with a truth table (schema TRUTH)."""
    used = labels if all_rows else labels.filter(pl.col("keep"))
    layout = Layout.of_lengths(used["label"].list.len().cast(pl.Int64).to_numpy())
    known = align(used["solution_id"], layout, truth)

    counted = known.decided
    true = known.first_error[counted]
    predicted = used["first_error"].cast(pl.Int64).fill_null(-2).to_numpy()[counted]
    bad, placed = true >= 0, predicted >= -1
    right = predicted == true
    # "No error" lies after every place, so that one comparison tells late from early.
    end = np.iinfo(np.int64).max
    late = placed & (np.where(predicted < 0, end, predicted) > np.where(bad, true, end))
    early = placed & ~right & ~late
    accuracy_erroneous = share(int((right & bad).sum()), int(bad.sum()))
    accuracy_clean = share(int((right & ~bad).sum()), int((~bad).sum()))

    label = _flat(used, "label").fill_null(-1).cast(pl.Int8).to_numpy()
    p = _flat(used, "p_correct").cast(pl.Float64).fill_null(float("nan")).to_numpy()
    has_truth = known.prefix >= 0
    scope = has_truth if all_steps else has_truth & known.reached
    sound = known.prefix == 1
    judged = scope & (label >= 0)
    hits = int((judged & (label == 0) & ~sound).sum())
    precision = share(hits, int((judged & (label == 0)).sum()))
    recall = share(hits, int((judged & ~sound).sum()))
    ranked, weighed = scope & ~np.isnan(p), has_truth & ~np.isnan(p)

    return Evaluation(
        solutions=len(labels),
        evaluated=len(used),
        without_truth=int((~known.covered).sum()),
        truth_undecided=int((known.covered & ~counted).sum()),
        erroneous=int(bad.sum()),
        clean=int((~bad).sum()),
        undecided=int((~placed).sum()),
        accuracy_erroneous=accuracy_erroneous,
        accuracy_clean=accuracy_clean,
        first_error_f1=harmonic(accuracy_erroneous, accuracy_clean),
        coverage_solutions=share(int(placed.sum()), len(placed)),
        overestimated=share(int(late.sum()), int(placed.sum())),
        underestimated=share(int(early.sum()), int(placed.sum())),
        steps=int(scope.sum()),
        coverage_steps=share(int(judged.sum()), int(scope.sum())),
        step_accuracy=share(int((judged & ((label == 1) == sound)).sum()), int(judged.sum())),
        step_precision=precision,
        step_recall=recall,
        step_f1=harmonic(precision, recall),
        auroc=auroc(p[ranked], sound[ranked]),
        steps_with_p=int(weighed.sum()),
        brier=brier(p[weighed], sound[weighed]),
        calibration_error=calibration_error(p[weighed], sound[weighed]),
    )


def _flat(labels: pl.DataFrame, column: str) -> pl.Series:
    # An empty list would explode to a null of its own.
    return labels[column].filter(labels[column].list.len() > 0).explode()
