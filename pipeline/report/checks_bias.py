"""Checks of what labels should not depend on: the place in a solution, and its length."""

from __future__ import annotations

import numpy as np
import polars as pl

from pipeline.labels.after_error import first_error
from pipeline.labels.layout import Bools, Floats
from pipeline.metrics import calibration_error, mid_ranks
from pipeline.report.balance import balance
from pipeline.report.check import Check
from pipeline.report.first_errors import true_first
from pipeline.report.steps import Steps
from pipeline.report.words import Words, judges_in
from pipeline.step_truth import align

EARLY, EARLY_ALONE = 0.05, 0.98
LENGTH, LENGTHS_APART = 0.3, 0.10
CALIBRATION = 0.05
FEW = 30  # solutions or steps; below that a rate says nothing


def bias_checks(steps: Steps, words: Words, truth: pl.DataFrame | None) -> list[Check]:
    kept = steps.where(steps.kept)
    return [
        _early(kept, truth),
        _length(steps, words),
        _long(kept, truth),
        _calibration(kept, truth),
    ]


def _early(steps: Steps, truth: pl.DataFrame | None) -> Check:
    title, paper = "Early steps are called right too often", "ReARTeR"
    advice = (
        "Rollouts repair early errors: use view posterior or advantage, more rollouts on early "
        "steps, and `labels.balance = first_error`."
    )
    first = balance(steps, truth, 3)[0] if steps.layout.num_steps else None
    if first is not None and first.bias is not None and first.compared >= FEW:
        said = (
            f"in the first third labels call {first.labels_right:.1%} right, truth "
            f"{first.truth_right:.1%}: {first.bias:+.1%} on {first.compared:,} steps"
        )
        threshold = f"above {EARLY:+.0%}"
        return Check("early", title, said, threshold, first.bias > EARLY, advice, paper)
    labelled = 0 if first is None else first.right + first.wrong
    threshold = f"above {EARLY_ALONE:.0%} right, where truth is not known"
    if first is None or labelled < FEW:
        said = f"nothing to measure: {labelled} labels in the first third"
        return Check("early", title, said, threshold, None, advice, paper)
    rate = first.right / labelled
    said = f"{rate:.1%} of the {labelled:,} labels in the first third are 1; truth is not known"
    return Check("early", title, said, threshold, rate > EARLY_ALONE, advice, paper)


def _length(steps: Steps, words: Words) -> Check:
    """Among right answers, so that length does not stand for difficulty alone."""
    title, paper = "Longer solutions are judged otherwise", "R^3"
    advice = (
        "Whoever is named reads length, not steps: for a judge, ask in mode one_step or give it a "
        "smaller share; for labels, look at long solutions by hand."
    )
    row, count = steps.layout.row, steps.layout.num_solutions
    chars = np.bincount(row, weights=steps.chars, minlength=count).astype(np.float64)
    found = {}
    for name in ("labels", *judges_in(words)):
        if name not in words:
            continue
        first, decided = first_error(words[name], steps.layout)
        used = steps.right & decided
        rho = rank_correlation(chars[used], (first[used] == -1).astype(float))
        if rho is not None and int(used.sum()) >= FEW:
            found[name] = rho
    threshold = f"beyond ±{LENGTH}"
    if not found:
        said = "nothing to measure: too few right answers, or all of them are called faultless"
        return Check("length", title, said, threshold, None, advice, paper)
    said = "rank correlation of characters with “no error”, among right answers: " + ", ".join(
        f"{name} {rho:+.2f}" for name, rho in found.items()
    )
    fired = any(abs(rho) > LENGTH for rho in found.values())
    return Check("length", title, said, threshold, fired, advice, paper)


def _long(steps: Steps, truth: pl.DataFrame | None) -> Check:
    title, paper = "Long solutions are labelled worse", "Multi-RM"
    advice = (
        "Errors add up over steps: export the length-robust aggregates (`p_min`), buy more "
        "rollouts for long solutions, or cut them coarser (`steps.split`)."
    )
    threshold = f"more than {LENGTHS_APART:.0%} apart"

    def none(why: str) -> Check:
        return Check("long", title, f"nothing to measure: {why}", threshold, None, advice, paper)

    if truth is None:
        return none("truth is not known")
    first = true_first(steps, truth)
    known = first >= -1
    if not known.any():
        return none("no true first error is known")
    middle = float(np.median(steps.layout.lengths[known]))
    short, long = (
        known & mask for mask in (steps.layout.lengths <= middle, steps.layout.lengths > middle)
    )
    if min(int(short.sum()), int(long.sum())) < FEW:
        return none(f"fewer than {FEW} short or long solutions of known truth")
    right = steps.first() == first
    a, b = float(right[short].mean()), float(right[long].mean())
    said = (
        f"first error right on {a:.1%} of {int(short.sum()):,} solutions of up to {middle:.0f} "
        f"steps, on {b:.1%} of {int(long.sum()):,} longer ones"
    )
    return Check("long", title, said, threshold, a - b > LENGTHS_APART, advice, paper)


def _calibration(steps: Steps, truth: pl.DataFrame | None) -> Check:
    title, paper = "p_correct does not mean what it says", "PF-PPO"
    advice = "Fit it to steps that people labelled: `stepsmith calibrate DATASET --truth FILE`."
    threshold = f"calibration error above {CALIBRATION}"
    found, count = None, 0
    if truth is not None:
        prefix = align(steps.rows["solution_id"], steps.layout, truth).prefix
        used = (prefix >= 0) & ~np.isnan(steps.p)
        count = int(used.sum())
        found = calibration_error(steps.p[used], prefix[used] == 1)
    if found is None or count < FEW:
        said = "nothing to measure: truth is not known, or there is no p_correct"
        return Check("calibration", title, said, threshold, None, advice, paper)
    said = f"calibration error {found:.3f} over {count:,} steps"
    return Check("calibration", title, said, threshold, found > CALIBRATION, advice, paper)


def rank_correlation(a: Floats, b: Floats | Bools) -> float | None:
    """Spearman's; None where either is constant."""
    if len(a) < 2:
        return None
    x, y = mid_ranks(np.asarray(a, dtype=np.float64)), mid_ranks(np.asarray(b, dtype=np.float64))
    if x.std() == 0 or y.std() == 0:
        return None
    return float(np.corrcoef(x, y)[0, 1])
